/** Records of purpose streams: what is inside the seal. The viewer writes one half of the table and reads the other. */
import { decode as b64 } from "./b64";
import { concat, EMPTY, Reader, u16, u64, u8, type Bytes } from "./bytes";
import { decodeClose, type Close } from "./frame";
import { GRID_MAX, RecordKind, type Exit, type Grid } from "./generated";

export type ViewerRecord =
  /** `have`: output up to here is on the screen already. */
  | { kind: "viewOpening"; have: number | null; grid: Grid }
  | { kind: "terminalOpening"; writer: string; grid: Grid; takeOver: boolean }
  /** Numbered from 1, by one. */
  | { kind: "input"; seq: number; bytes: Bytes }
  | { kind: "resize"; grid: Grid }
  | { kind: "takeOver" }
  /** On streams whose opening says nothing but that the viewer is there. */
  | { kind: "opening" }
  /** JSON whose meaning follows from the purpose. */
  | { kind: "request"; json: Bytes };

export type AgentRecord =
  | { kind: "snapshot"; offset: number; grid: Grid; total: number }
  | { kind: "snapshotChunk"; bytes: Bytes }
  | { kind: "output"; offset: number; bytes: Bytes }
  | { kind: "size"; grid: Grid }
  | { kind: "exit"; exit: Exit }
  /** The last input of this writer that was applied, and whether this viewer drives. */
  | { kind: "opened"; last: number; driver: boolean }
  /** All inputs up to this one are applied. */
  | { kind: "applied"; seq: number }
  | { kind: "driver"; driver: boolean }
  | { kind: "end"; close: Close }
  /** The answer to `opening`. */
  | { kind: "ready" }
  | { kind: "reply"; json: Bytes }
  /** What follows happened so long after the start of a terminal that has ended. */
  | { kind: "at"; ms: number };

export function encodeRecord(record: ViewerRecord): Bytes {
  const kind = u8(RecordKind[record.kind]);
  switch (record.kind) {
    case "viewOpening": {
      const { have, grid } = record;
      return concat(kind, u8(have === null ? 0 : 1), u64(have ?? 0), putGrid(grid));
    }
    case "terminalOpening":
      return concat(kind, b64(record.writer) ?? EMPTY, putGrid(record.grid), u8(record.takeOver ? 1 : 0));
    case "input":
      return concat(kind, u64(record.seq), record.bytes);
    case "resize":
      return concat(kind, putGrid(record.grid));
    case "request":
      return concat(kind, record.json);
    case "takeOver":
    case "opening":
      return kind;
  }
}

/** Null unless the bytes are exactly one record of the agent's. */
export function decodeRecord(plain: Bytes): AgentRecord | null {
  const reader = new Reader(plain);
  const kind = reader.u8();
  const record = kind === null ? null : readBody(kind, reader);
  return reader.left === 0 ? record : null;
}

function readBody(kind: number, reader: Reader): AgentRecord | null {
  switch (kind) {
    case RecordKind.snapshot: {
      const offset = reader.u64();
      const grid = readGrid(reader);
      const total = reader.u32();
      return offset !== null && grid && total !== null ? { kind: "snapshot", offset, grid, total } : null;
    }
    case RecordKind.snapshotChunk:
      return reader.left > 0 ? { kind: "snapshotChunk", bytes: reader.rest() } : null;
    case RecordKind.output: {
      const offset = reader.u64();
      return offset !== null && reader.left > 0 ? { kind: "output", offset, bytes: reader.rest() } : null;
    }
    case RecordKind.size: {
      const grid = readGrid(reader);
      return grid && { kind: "size", grid };
    }
    case RecordKind.exit: {
      const exit = readExit(reader);
      return exit && { kind: "exit", exit };
    }
    case RecordKind.opened: {
      const last = reader.u64();
      const driver = readFlag(reader);
      return last !== null && driver !== null ? { kind: "opened", last, driver } : null;
    }
    case RecordKind.applied: {
      const seq = reader.u64();
      return seq === null ? null : { kind: "applied", seq };
    }
    case RecordKind.driver: {
      const driver = readFlag(reader);
      return driver === null ? null : { kind: "driver", driver };
    }
    case RecordKind.end: {
      const close = decodeClose(reader);
      return close && { kind: "end", close };
    }
    case RecordKind.ready:
      return { kind: "ready" };
    case RecordKind.reply:
      return reader.left > 0 ? { kind: "reply", json: reader.rest() } : null;
    case RecordKind.at: {
      const ms = reader.u64();
      return ms === null ? null : { kind: "at", ms };
    }
    default:
      return null;
  }
}

function readGrid(reader: Reader): Grid | null {
  const cols = reader.u16();
  const rows = reader.u16();
  return cols !== null && rows !== null && gridFits({ cols, rows }) ? { cols, rows } : null;
}

export function gridFits({ cols, rows }: Grid): boolean {
  return [cols, rows].every((side) => Number.isInteger(side) && side >= 1 && side <= GRID_MAX);
}

/** The nearest grid that the protocol can say: a screen that is being folded away may measure nothing at all. */
export function clampGrid({ cols, rows }: Grid): Grid {
  const clamp = (side: number): number => Math.min(GRID_MAX, Math.max(1, Math.trunc(side) || 1));
  return { cols: clamp(cols), rows: clamp(rows) };
}

function putGrid({ cols, rows }: Grid): Bytes {
  return concat(u16(cols), u16(rows));
}

function readExit(reader: Reader): Exit | null {
  const kind = reader.u8();
  const value = reader.u32();
  if (value === null) return null;
  if (kind === 0) return { t: "status", code: value };
  return kind === 1 ? { t: "signal", number: value } : null;
}

function readFlag(reader: Reader): boolean | null {
  const byte = reader.u8();
  return byte === 0 || byte === 1 ? byte === 1 : null;
}
