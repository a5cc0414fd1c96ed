/** Terminals that have ended: how they are listed, and in which words. */
import type { PastPlace, PastTerminal } from "../../core/generated";
import type { PastPage } from "../../net/api";
import { exitFailed, exitWords } from "./link";

export interface Folder {
  path: string;
  past: PastTerminal[];
}

/** By the folder where they were started; the one first in which something ended last. */
export function byFolder(past: readonly PastTerminal[]): Folder[] {
  const folders = new Map<string, Folder>();
  for (const one of past) {
    const folder = folders.get(one.cwd) ?? { path: one.cwd, past: [] };
    folder.past.push(one);
    folders.set(one.cwd, folder);
  }
  return [...folders.values()];
}

/** A further page behind what is there; nothing twice, whatever has ended in between. */
export function withPage(past: readonly PastTerminal[], page: PastPage): PastTerminal[] {
  const there = new Set(past.map(({ id }) => id));
  return [...past, ...page.past.filter(({ id }) => !there.has(id))];
}

/** The first page, read anew: of what was there only what lies behind it stays. */
export function withFirstPage(past: readonly PastTerminal[], page: PastPage): PastTerminal[] {
  const last = page.past.at(-1);
  if (!page.more || last === undefined) return page.past;
  const at = past.findIndex(({ id }) => id === last.id);
  return at < 0 ? page.past : [...page.past, ...past.slice(at + 1)];
}

/** Where the next page begins. */
export function placeOf(past: readonly PastTerminal[]): PastPlace | null {
  const last = past.at(-1);
  return last === undefined ? null : { id: last.id, ended: last.ended };
}

/** How it ended, and whether that needs a second look. */
export function endOf({ exit }: PastTerminal): { words: string; failed: boolean } {
  if (exit === null) return { words: "end not seen", failed: true };
  return { words: exitWords(exit), failed: exitFailed(exit) };
}

/** `14 KiB`; counts as files do. */
export function sizeWords(bytes: number): string {
  const units = ["KiB", "MiB", "GiB"];
  let [size, unit] = [bytes, "bytes"];
  for (const next of units) {
    if (size < 1024) break;
    [size, unit] = [size / 1024, next];
  }
  const shown = unit === "bytes" || size >= 10 ? Math.round(size).toString() : size.toFixed(1);
  return bytes === 1 ? "1 byte" : `${shown} ${unit}`;
}

/** How long it ran: `8 s`, `12 min`, `3 h 05 min`, `2 d`. */
export function spanWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${(minutes % 60).toString().padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d`;
}

/** Where a recording stands: `0:07`, `1:02:03`. */
export function stamp(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const pad = (n: number): string => n.toString().padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}
