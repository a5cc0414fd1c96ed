/** What the palette offers: every terminal, and what one can do here. */
import type { Machine } from "../../net/api";
import { exitMark, inOrder } from "../model/link";
import type { IconName } from "../parts/icons";

export interface Command {
  id: string;
  icon: IconName;
  label: string;
  /** More to know it by; may be empty. Searched too. */
  detail: string;
  run(): void;
}

/** What commands do; the page does it. */
export interface Doer {
  open(machine: string, terminal: string): void;
  create(machine: Machine): void;
  rename(machine: string, terminal: string): void;
  leave(machine: string, terminal: string): void;
  go(screen: "home" | "more"): void;
  help(): void;
}

/** `shown` is the terminal on the screen. */
export function commands(
  machines: Machine[],
  shown: { machine: string; terminal: string } | null,
  doer: Doer,
): Command[] {
  const list: Command[] = [];
  for (const machine of machines) {
    for (const terminal of inOrder(machine.terminals)) {
      if (terminal.id === shown?.terminal) continue;
      const state = terminal.exit === null ? terminal.title : exitMark(terminal.exit);
      list.push({
        id: `open-${terminal.id}`,
        icon: "terminal",
        label: terminal.name,
        detail: [machine.name, state].filter((text) => text !== "").join(" · "),
        run: () => doer.open(machine.id, terminal.id),
      });
    }
  }
  const here = machines.find((one) => one.id === shown?.machine);
  const terminal = here?.terminals.find((one) => one.id === shown?.terminal);
  if (here !== undefined && terminal !== undefined) {
    if (mayType(here)) {
      const run = () => doer.rename(here.id, terminal.id);
      list.push({ id: "rename", icon: "write", label: `Rename “${terminal.name}” …`, detail: "", run });
    }
    const run = () => doer.leave(here.id, terminal.id);
    list.push({ id: "leave", icon: "back", label: `Leave “${terminal.name}”`, detail: "it runs on", run });
  }
  for (const machine of machines.filter(mayType)) {
    const run = () => doer.create(machine);
    list.push({ id: `new-${machine.id}`, icon: "add", label: "New terminal", detail: machine.name, run });
  }
  list.push({ id: "home", icon: "home", label: "Machines", detail: "g h", run: () => doer.go("home") });
  list.push({ id: "more", icon: "more", label: "More and settings", detail: "g m", run: () => doer.go("more") });
  list.push({ id: "help", icon: "keyboard", label: "Keys", detail: "?", run: () => doer.help() });
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
