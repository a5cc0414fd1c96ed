/** Where one is, as it stands behind the `#`. Names no secret: ids of machines and terminals are not. */

export type Route = { screen: "home" } | { screen: "terminal"; machine: string; terminal: string } | { screen: "more" };

export function parseRoute(hash: string): Route {
  const [screen, machine, terminal] = hash.replace(/^#?\/?/, "").split("/");
  if (screen === "more") return { screen };
  if (screen === "t" && isId(machine) && isId(terminal)) return { screen: "terminal", machine, terminal };
  return { screen: "home" };
}

export function routeHash(route: Route): string {
  switch (route.screen) {
    case "home":
      return "#/";
    case "more":
      return "#/more";
    case "terminal":
      return `#/t/${route.machine}/${route.terminal}`;
  }
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^[\w-]{1,64}$/.test(text);
}
