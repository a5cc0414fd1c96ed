/** The agent's half of the record table, for a machine that lives in a test. */
import { encode as b64 } from "../b64";
import { concat, Reader, u16, u32, u64, u8, type Bytes } from "../bytes";
import { encodeClose } from "../frame";
import { RecordKind, type Grid } from "../generated";
import type { AgentRecord, ViewerRecord } from "../records";

const putGrid = ({ cols, rows }: Grid): Bytes => concat(u16(cols), u16(rows));

export function encodeAgentRecord(record: AgentRecord): Bytes {
  const kind = u8(RecordKind[record.kind]);
  switch (record.kind) {
    case "snapshot":
      return concat(kind, u64(record.offset), putGrid(record.grid), u32(record.total));
    case "snapshotChunk":
      return concat(kind, record.bytes);
    case "output":
      return concat(kind, u64(record.offset), record.bytes);
    case "size":
      return concat(kind, putGrid(record.grid));
    case "exit":
      return record.exit.t === "status"
        ? concat(kind, u8(0), u32(record.exit.code))
        : concat(kind, u8(1), u32(record.exit.number));
    case "opened":
      return concat(kind, u64(record.last), u8(record.driver ? 1 : 0));
    case "applied":
      return concat(kind, u64(record.seq));
    case "driver":
      return concat(kind, u8(record.driver ? 1 : 0));
    case "end":
      return concat(kind, encodeClose(record.close));
    case "ready":
      return kind;
    case "reply":
      return concat(kind, record.json);
    case "at":
      return concat(kind, u64(record.ms));
  }
}

export function decodeViewerRecord(plain: Bytes): ViewerRecord {
  const reader = new Reader(plain);
  const grid = (): Grid => ({ cols: reader.u16() ?? 0, rows: reader.u16() ?? 0 });
  switch (reader.u8()) {
    case RecordKind.viewOpening: {
      const counts = reader.u8() === 1;
      const have = reader.u64();
      return { kind: "viewOpening", have: counts ? have : null, grid: grid() };
    }
    case RecordKind.terminalOpening: {
      const writer = b64(reader.take(16) ?? new Uint8Array(0));
      return { kind: "terminalOpening", writer, grid: grid(), takeOver: reader.u8() === 1 };
    }
    case RecordKind.input:
      return { kind: "input", seq: reader.u64() ?? 0, bytes: reader.rest() };
    case RecordKind.resize:
      return { kind: "resize", grid: grid() };
    case RecordKind.takeOver:
      return { kind: "takeOver" };
    case RecordKind.opening:
      return { kind: "opening" };
    case RecordKind.request:
      return { kind: "request", json: reader.rest() };
    default:
      throw new Error("not a record of a viewer");
  }
}
