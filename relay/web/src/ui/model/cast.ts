/**
 * Recordings as files: asciicast, versions 2 and 3 (https://docs.asciinema.org/manual/asciicast/v2/, v3/). A header, then a line for
 * everything that happened: `[time, code, data]`, where the time counts from the beginning (2) or from the line before (3).
 */
import { GRID_MAX, type Grid } from "../../core/generated";
import type { RecordedEvent, Recording } from "../../net/api";

/** Bytes of a file that is read. */
export const CAST_MAX = 64 * 1024 * 1024;
const EVENTS_MAX = 1_000_000;
/** Bytes that are printed at once: no program does, and the emulator has a bound of its own. */
const EVENT_MAX = 8 * 1024 * 1024;
const TITLE_MAX = 200;
/** Milliseconds: a year. What lasts longer is no recording. */
const TIME_MAX = 366 * 24 * 3600 * 1000;

/** A file that is no recording. The message is for a person. */
export class CastError extends Error {
  override name = "CastError";
}

/** Throws a `CastError`. A line that is cut off at the end of the file is left out: it may still be being written. */
export function parseCast(text: string): Recording {
  const lines = text.split("\n");
  const head = parseHeader(lines[0] ?? "");
  const events: RecordedEvent[] = [];
  let [at, exact] = [0, 0];
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]?.trim() ?? "";
    if (line === "" || line.startsWith("#")) continue;
    const value = json(line);
    if (value === undefined && index === lines.length - 1) break;
    if (!Array.isArray(value) || value.length !== 3) throw fault(index, "is not an event");
    const [time, code, data] = value as unknown[];
    if (typeof time !== "number" || !(time >= 0)) throw fault(index, "has no time");
    if (typeof code !== "string" || typeof data !== "string") throw fault(index, "is not an event");
    // Rounded once, or many short steps of version 3 would add up to a recording that is too short or too long.
    exact = head.version === 2 ? time : exact + time;
    // Files of version 2 that were edited may step back a little; nothing can be played backwards.
    at = Math.max(at, Math.round(exact * 1000));
    if (at > TIME_MAX) throw fault(index, "is more than a year after the beginning");
    const event = eventOf(at, code, data, index);
    if (event !== null) events.push(event);
    if (events.length > EVENTS_MAX) throw fault(index, "is one event too many");
  }
  return { title: head.title, started: head.started, grid: head.grid, events };
}

/** As version 2. How the program ended has no place there. */
export function toCast({ title, started, grid, events }: Recording): string {
  const head = { version: 2, width: grid.cols, height: grid.rows, title };
  const timestamp = started === null ? {} : { timestamp: Math.floor(started / 1000) };
  const lines = [JSON.stringify({ ...head, ...timestamp })];
  const add = (at: number, code: string, data: string): void => {
    if (data !== "") lines.push(JSON.stringify([at / 1000, code, data]));
  };
  let decoder = new TextDecoder();
  let last = 0;
  for (const event of events) {
    last = event.at;
    switch (event.kind) {
      case "output":
        add(event.at, "o", decoder.decode(event.bytes, { stream: true }));
        break;
      case "size":
        add(event.at, "r", `${event.grid.cols}x${event.grid.rows}`);
        break;
      case "gap":
        add(event.at, "o", decoder.decode());
        decoder = new TextDecoder();
        add(event.at, "m", `${event.bytes} bytes are not kept`);
        break;
      case "exit":
        break;
    }
  }
  add(last, "o", decoder.decode());
  return `${lines.join("\n")}\n`;
}

interface Head {
  version: 2 | 3;
  title: string;
  started: number | null;
  grid: Grid;
}

function parseHeader(line: string): Head {
  const value = json(line);
  if (typeof value !== "object" || value === null || !("version" in value))
    throw new CastError("This file is no asciicast: its first line is no header.");
  const { version, title, timestamp } = value as Record<string, unknown>;
  if (version !== 2 && version !== 3)
    throw new CastError("This asciicast is of another version; 2 and 3 can be played.");
  const size = version === 2 ? value : (value as { term?: unknown }).term;
  const grid = gridOf(size, version);
  if (grid === null)
    throw new CastError(`The header names no size from 1 by 1 to ${GRID_MAX} by ${GRID_MAX} characters.`);
  return {
    version,
    title: typeof title === "string" ? title.slice(0, TITLE_MAX) : "",
    started: typeof timestamp === "number" && timestamp >= 0 && timestamp < 1e11 ? timestamp * 1000 : null,
    grid,
  };
}

function gridOf(size: unknown, version: 2 | 3): Grid | null {
  if (typeof size !== "object" || size === null) return null;
  const { width, height, cols, rows } = size as Record<string, unknown>;
  const [c, r] = version === 2 ? [width, height] : [cols, rows];
  if (typeof c !== "number" || typeof r !== "number") return null;
  return gridFits({ cols: c, rows: r }) ? { cols: c, rows: r } : null;
}

/** Null for what is not played: input, markers, and what later versions may add. */
function eventOf(at: number, code: string, data: string, index: number): RecordedEvent | null {
  switch (code) {
    case "o": {
      const bytes = new TextEncoder().encode(data);
      if (bytes.length > EVENT_MAX) throw fault(index, "prints more than 8 MiB at once");
      return data === "" ? null : { at, kind: "output", bytes };
    }
    case "r": {
      const [, cols, rows] = /^(\d{1,4})x(\d{1,4})$/.exec(data) ?? [];
      const grid = { cols: Number(cols), rows: Number(rows) };
      if (!gridFits(grid)) throw fault(index, "names no size");
      return { at, kind: "size", grid };
    }
    case "x": {
      const status = Number(data);
      if (!/^\d{1,9}$/.test(data)) throw fault(index, "names no exit status");
      return { at, kind: "exit", exit: { t: "status", code: status } };
    }
    default:
      return null;
  }
}

function gridFits({ cols, rows }: Grid): boolean {
  return [cols, rows].every((side) => Number.isInteger(side) && side >= 1 && side <= GRID_MAX);
}

function fault(index: number, what: string): CastError {
  return new CastError(`Line ${index + 1} ${what}.`);
}

function json(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
