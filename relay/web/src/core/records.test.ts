import { expect, test } from "vitest";
import { encode } from "./b64";
import { utf8 } from "./bytes";
import { clampGrid, decodeRecord, encodeRecord, type AgentRecord, type ViewerRecord } from "./records";
import { random } from "./testing/random";
import { decodeViewerRecord, encodeAgentRecord } from "./testing/records";

const grid = { cols: 80, rows: 24 };
const AGENT: AgentRecord[] = [
  { kind: "snapshot", offset: 2 ** 40 + 1, grid, total: 3 },
  { kind: "snapshotChunk", bytes: utf8("abc") },
  { kind: "output", offset: 9, bytes: utf8("abc") },
  { kind: "size", grid },
  { kind: "exit", exit: { t: "status", code: 3 } },
  { kind: "exit", exit: { t: "signal", number: 9 } },
  { kind: "opened", last: 4, driver: false },
  { kind: "applied", seq: 5 },
  { kind: "driver", driver: true },
  { kind: "at", ms: 2 ** 40 + 1 },
  { kind: "end", close: { code: "lapsed", sentence: "the token for this stream has lapsed" } },
];
const VIEWER: ViewerRecord[] = [
  { kind: "viewOpening", have: 7, grid },
  { kind: "viewOpening", have: null, grid },
  { kind: "terminalOpening", writer: encode(new Uint8Array(16)), grid, takeOver: true },
  { kind: "input", seq: 1, bytes: utf8("ls\r") },
  { kind: "resize", grid },
  { kind: "takeOver" },
];

test("every record goes there and back", () => {
  for (const record of AGENT) expect(decodeRecord(encodeAgentRecord(record))).toEqual(record);
  for (const record of VIEWER) expect(decodeViewerRecord(encodeRecord(record))).toEqual(record);
});

test("openings are the bytes that are written down", () => {
  expect(Buffer.from(encodeRecord({ kind: "viewOpening", have: 258, grid })).toString("hex")).toBe(
    "01" + "01" + "0000000000000102" + "00500018",
  );
  const writer = encode(new Uint8Array(16).fill(0xab));
  expect(Buffer.from(encodeRecord({ kind: "terminalOpening", writer, grid, takeOver: false })).toString("hex")).toBe(
    "02" + "ab".repeat(16) + "00500018" + "00",
  );
});

test("a record cut short or with something left over is refused", () => {
  const open: readonly string[] = ["snapshotChunk", "output", "end"];
  for (const record of AGENT) {
    const whole = encodeAgentRecord(record);
    if (open.includes(record.kind)) continue;
    expect(decodeRecord(whole.subarray(0, -1))).toBeNull();
    expect(decodeRecord(Uint8Array.of(...whole, 0))).toBeNull();
  }
});

test("an unknown kind, no kind, an odd flag, a grid of nothing and output of nothing are refused", () => {
  const refused = ["", "42", "8802", "8400000018", "8403e90018", "830000000000000000", "82", "85020000", "01"];
  for (const hex of refused) expect(decodeRecord(Uint8Array.from(Buffer.from(hex, "hex")))).toBeNull();
});

test("garbage is refused or means exactly one thing", () => {
  const next = random(24);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.of(0x81 + next.below(9), ...next.bytes(next.below(24)));
    const record = decodeRecord(bytes);
    if (record === null || record.kind === "end") continue;
    if (Buffer.compare(encodeAgentRecord(record), bytes) !== 0) expect(encodeAgentRecord(record)).toEqual(bytes);
  }
});

test("a screen that measures nothing, or far too much, still has a size the protocol can say", () => {
  expect(clampGrid({ cols: 0, rows: NaN })).toEqual({ cols: 1, rows: 1 });
  expect(clampGrid({ cols: 1e9, rows: 24.7 })).toEqual({ cols: 1000, rows: 24 });
});
