/** What the palette offers: every terminal, and what one can do here. */
import type { Machine } from "../../net/api";
import { waitingCount } from "../model/approval";
import { exitMark, inOrder } from "../model/link";
import type { IconName } from "../parts/icons";

export interface Command {
  id: string;
  icon: IconName;
  label: string;
  /** More to know it by; may be empty. Searched too. */
  detail: string;
  /** Keys that do the same. */
  keys: string[];
  run(): void;
}

/** What commands do; the page does it. */
export interface Doer {
  open(machine: string, terminal: string): void;
  create(machine: Machine): void;
  rename(machine: string, terminal: string): void;
  leave(machine: string, terminal: string): void;
  go(screen: "home" | "approvals" | "history" | "access" | "devices" | "audit" | "more"): void;
  help(): void;
}

/** What the page knows of where one is. */
export interface Here {
  /** The terminal on the screen. */
  shown: { machine: string; terminal: string } | null;
  /** Whether a terminal has printed since it was last on the screen. */
  hasNews: (terminal: string) => boolean;
}

export function commands(machines: Machine[], { shown, hasNews }: Here, doer: Doer): Command[] {
  const list: Command[] = [];
  const add = (id: string, icon: IconName, label: string, detail: string, run: () => void, keys: string[] = []) =>
    list.push({ id, icon, label, detail, keys, run });
  for (const machine of machines) {
    for (const terminal of inOrder(machine.terminals)) {
      if (terminal.id === shown?.terminal) continue;
      const state = terminal.exit === null ? terminal.title : exitMark(terminal.exit);
      const detail = [hasNews(terminal.id) ? "new output" : "", state, machine.name].filter((text) => text !== "");
      const open = () => doer.open(machine.id, terminal.id);
      add(`open-${terminal.id}`, "terminal", terminal.name, detail.join(" · "), open);
    }
  }
  const here = machines.find((one) => one.id === shown?.machine);
  const terminal = here?.terminals.find((one) => one.id === shown?.terminal);
  if (here !== undefined && terminal !== undefined) {
    const rename = () => doer.rename(here.id, terminal.id);
    if (mayType(here)) add("rename", "write", `Rename “${terminal.name}” …`, "", rename);
    add("leave", "back", `Leave “${terminal.name}”`, "it runs on", () => doer.leave(here.id, terminal.id));
  }
  for (const machine of machines.filter(mayType))
    add(`new-${machine.id}`, "add", "New terminal", machine.name, () => doer.create(machine));
  add("home", "home", "Machines", "", () => doer.go("home"), ["g", "h"]);
  if (machines.length > 0) {
    const waiting = waitingCount(machines);
    const words = waiting === 0 ? "nothing waits" : `${waiting} waiting`;
    add("approvals", "chat", "Approvals", words, () => doer.go("approvals"), ["g", "a"]);
    add("history", "history", "History", "terminals that have ended", () => doer.go("history"), ["g", "p"]);
    add("access", "key", "Access of this page", "tokens, how long they hold", () => doer.go("access"), ["g", "k"]);
    add("devices", "device", "Devices", "who has access; lock", () => doer.go("devices"), ["g", "d"]);
    add("audit", "list", "Audit log", "what was asked, answered and done", () => doer.go("audit"), ["g", "l"]);
  }
  add("more", "more", "More and settings", "", () => doer.go("more"), ["g", "m"]);
  add("help", "keyboard", "Keys", "", () => doer.help(), ["?"]);
  return list;
}

/** Those in which every word occurs, in either text; those that begin with the first word before the others. */
export function matching(list: Command[], query: string): Command[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const first = words[0] ?? "";
  return list
    .filter(({ label, detail }) => words.every((word) => `${label} ${detail}`.toLowerCase().includes(word)))
    .sort((a, b) => Number(b.label.toLowerCase().startsWith(first)) - Number(a.label.toLowerCase().startsWith(first)));
}

function mayType(machine: Machine): boolean {
  return machine.scopes.includes("terminal") && machine.link.kind === "session";
}
