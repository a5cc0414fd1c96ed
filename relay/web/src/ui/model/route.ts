/** Where one is, as it stands behind the `#`. Names no secret: ids of machines and terminals are not. */

export type Route =
  | { screen: "home" }
  | { screen: "terminal"; machine: string; terminal: string }
  /** `machine` is null where none is named: the first one then. */
  | { screen: "access" | "devices" | "audit"; machine: string | null }
  /** A terminal that has ended, or the list of them. */
  | { screen: "history"; machine: string | null; terminal: string | null }
  | { screen: "approvals" }
  | { screen: "more" };

export function parseRoute(hash: string): Route {
  const [screen, machine, terminal] = hash.replace(/^#?\/?/, "").split("/");
  if (screen === "more" || screen === "approvals") return { screen };
  if (screen === "access" || screen === "devices" || screen === "audit")
    return { screen, machine: isId(machine) ? machine : null };
  if (screen === "history") {
    const [of, one] = [isId(machine) ? machine : null, isId(terminal) ? terminal : null];
    return { screen, machine: of, terminal: of === null ? null : one };
  }
  if (screen === "t" && isId(machine) && isId(terminal)) return { screen: "terminal", machine, terminal };
  return { screen: "home" };
}

export function routeHash(route: Route): string {
  switch (route.screen) {
    case "home":
      return "#/";
    case "approvals":
    case "more":
      return `#/${route.screen}`;
    case "access":
    case "devices":
    case "audit":
      return route.machine === null ? `#/${route.screen}` : `#/${route.screen}/${route.machine}`;
    case "history":
      return ["#/history", route.machine, route.terminal].filter((part) => part !== null).join("/");
    case "terminal":
      return `#/t/${route.machine}/${route.terminal}`;
  }
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^[\w-]{1,64}$/.test(text);
}
