import { expect, test } from "vitest";
import { parseRoute, routeHash, type Route } from "./route";

test("a route survives its address", () => {
  const routes: Route[] = [
    { screen: "home" },
    { screen: "more" },
    { screen: "approvals" },
    { screen: "access", machine: "aB3_-x" },
    { screen: "devices", machine: null },
    { screen: "terminal", machine: "aB3_-x", terminal: "Zz9" },
  ];
  for (const route of routes) expect(parseRoute(routeHash(route))).toEqual(route);
});

test("anything else leads home", () => {
  for (const hash of ["", "#", "#/t/one", "#/t/a/<script>", "#pair=x", "#/nowhere"]) {
    expect(parseRoute(hash)).toEqual({ screen: "home" });
  }
});
