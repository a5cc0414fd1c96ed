import { expect, test, vi } from "vitest";
import type { Terminal } from "../../core/generated";
import type { Machine } from "../../net/api";
import { commands, matching, type Doer, type Here } from "./commands";

const terminal = (id: string, part: Partial<Terminal> = {}): Terminal => ({
  id,
  name: id,
  title: "",
  cwd: "/",
  started: 1,
  grid: { cols: 80, rows: 24 },
  exit: null,
  driver: null,
  ...part,
});

const machine = (part: Partial<Machine> = {}): Machine => ({
  id: "m",
  name: "tower",
  user: "ada",
  link: { kind: "session" },
  heard: 1,
  live: true,
  rtt: 1,
  scopes: ["view", "terminal"],
  reach: { root: null, terminal: null },
  until: null,
  access: null,
  approvals: [],
  permissions: null,
  audit: { seen: null, missing: null },
  waiting: [],
  terminals: [terminal("build", { title: "cargo test" }), terminal("logs", { exit: { t: "status", code: 2 } })],
  credentials: [],
  clockOffset: 0,
  ...part,
});

function doer(): Doer {
  return { open: vi.fn(), create: vi.fn(), rename: vi.fn(), leave: vi.fn(), go: vi.fn(), help: vi.fn() };
}

const BUILD: Here = { shown: { machine: "m", terminal: "build" }, hasNews: (terminal) => terminal === "logs" };

const labels = (list: { label: string }[]) => list.map(({ label }) => label);

test("every terminal but the one on the screen is offered, and what can be done with that one", () => {
  const [open, rename] = [vi.fn(), vi.fn()];
  const list = commands([machine()], BUILD, { ...doer(), open, rename });
  expect(labels(list)).toEqual([
    "logs",
    "Rename “build” …",
    "Leave “build”",
    "New terminal",
    "Machines",
    "Approvals",
    "History",
    "Access of this page",
    "Devices",
    "Audit log",
    "More and settings",
    "Keys",
  ]);
  expect(list[0]?.detail).toBe("new output · status 2 · tower");
  list[0]?.run();
  list[1]?.run();
  expect(open).toHaveBeenCalledWith("m", "logs");
  expect(rename).toHaveBeenCalledWith("m", "build");
});

test("who may only watch, or has lost the machine, is offered nothing that would be refused", () => {
  for (const part of [{ scopes: ["view" as const] }, { link: { kind: "connecting" as const } }]) {
    const list = labels(commands([machine(part)], BUILD, doer()));
    expect(list).not.toContain("New terminal");
    expect(list).not.toContain("Rename “build” …");
    expect(list).toContain("Leave “build”");
  }
});

test("words are found in any order, and the beginning of a name first", () => {
  const list = commands([machine()], { shown: null, hasNews: () => false }, doer());
  expect(labels(matching(list, "tower cargo"))).toEqual(["build"]);
  expect(labels(matching(list, "TOWER"))).toEqual(["build", "logs", "New terminal"]);
  expect(labels(matching(list, "m"))[0]).toBe("Machines");
  expect(matching(list, "nothing of the kind")).toEqual([]);
  expect(matching(list, "  ")).toHaveLength(list.length);
});
