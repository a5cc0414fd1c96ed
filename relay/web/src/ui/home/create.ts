/** Making a terminal, and why that may not be possible. */
import type { Lanyard, Machine } from "../../net/api";
import { asReason } from "../model/link";
import { place } from "../state.svelte";

/** Why no terminal can be made now, in words; null if one can. */
export function whyNot(machine: Machine): string | null {
  if (!machine.scopes.includes("terminal")) {
    return "This browser may only watch. Pair it again with `lanyard pair --grant terminal` to open terminals.";
  }
  if (machine.link.kind !== "session") return "No new terminals while the machine is out of reach.";
  return null;
}

/** Makes a terminal, lets the machine name it, and shows it. */
export async function newTerminal(lanyard: Lanyard, machine: Machine): Promise<void> {
  try {
    const terminal = await lanyard.createTerminal(machine.id, "", place.lastFit ?? { cols: 80, rows: 24 });
    place.open(machine.id, terminal.id);
  } catch (thrown) {
    place.notify(asReason(thrown));
  }
}
