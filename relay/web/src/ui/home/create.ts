/** Making a terminal, and why that may not be possible. */
import type { Grid } from "../../core/generated";
import type { Lanyard, Machine } from "../../net/api";
import { asReason } from "../model/link";
import { place, settings } from "../state.svelte";
import { gridFor } from "../terminal/fit";

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
    const terminal = await lanyard.createTerminal(machine.id, "", place.lastFit ?? likelyFit());
    place.open(machine.id, terminal.id);
  } catch (thrown) {
    place.notify(asReason(thrown));
  }
}

/**
 * What will about fit, before any terminal was on the screen: the proportions of common fixed-width fonts, and the room
 * that is left beside tabs, input line and keys. Who types then gets the measured size.
 */
function likelyFit(): Grid {
  const main = document.getElementById("main");
  const around = matchMedia("(any-pointer: coarse)").matches ? 188 : 88;
  const box = { width: (main?.clientWidth ?? 0) - 12, height: (main?.clientHeight ?? 0) - around };
  const cell = { width: settings.fontSize * 0.602, height: Math.floor(Math.ceil(settings.fontSize * 1.165) * 1.1) };
  return gridFor(box, cell) ?? { cols: 80, rows: 24 };
}
