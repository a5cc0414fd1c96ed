import { expect, test } from "vitest";
import { CastError, parseCast, toCast } from "./cast";
import { utf8 } from "../../core/bytes";
import type { RecordedEvent, Recording } from "../../core/recording";

const grid = { cols: 80, rows: 24 };
const out = (at: number, text: string): RecordedEvent => ({ at, kind: "output", bytes: utf8(text) });
const file = (...lines: (string | object)[]): string =>
  lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n") + "\n";
const two = { version: 2, width: 80, height: 24 };
const three = { version: 3, term: { cols: 80, rows: 24, type: "xterm" } };

test("a file of version 2 counts from the beginning", () => {
  const text = file(
    { ...two, timestamp: 1700, title: "build" },
    [0.5, "o", "a\r\n"],
    [2.25, "r", "100x30"],
    [3, "o", "é"],
  );
  expect(parseCast(text)).toEqual({
    title: "build",
    started: 1_700_000,
    grid,
    events: [out(500, "a\r\n"), { at: 2250, kind: "size", grid: { cols: 100, rows: 30 } }, out(3000, "é")],
  });
});

test("a file of version 3 counts from line to line, has comments and may say how it ended", () => {
  const text = file(three, "# a comment", [0.5, "o", "a"], [1, "o", "b"], [0.25, "x", "3"]);
  expect(parseCast(text)).toEqual({
    title: "",
    started: null,
    grid,
    events: [out(500, "a"), out(1500, "b"), { at: 1750, kind: "exit", exit: { t: "status", code: 3 } }],
  });
});

test("steps shorter than a millisecond add up", () => {
  const steps = Array.from({ length: 2500 }, () => [0.0004, "o", "a"]);
  expect(parseCast(file(three, ...steps)).events.at(-1)).toEqual(out(1000, "a"));
  const halves = Array.from({ length: 2000 }, () => [0.0005, "o", "a"]);
  expect(parseCast(file(three, ...halves)).events.at(-1)).toEqual(out(1000, "a"));
});

test("what was typed, markers and codes of later versions are passed over", () => {
  expect(parseCast(file(two, [1, "i", "secret"], [2, "m", "chapter"], [3, "z", ""], [4, "o", "a"])).events).toEqual([
    out(4000, "a"),
  ]);
});

test("a line that is still being written is left out, and nothing is played backwards", () => {
  expect(parseCast(file(two, [1, "o", "a"], [0.5, "o", "b"]) + '[2, "o", "c').events).toEqual([
    out(1000, "a"),
    out(1000, "b"),
  ]);
});

test.each([
  ["", "first line is no header"],
  ["hello\n", "first line is no header"],
  [file({ version: 1, width: 80, height: 24, stdout: [] }), "another version"],
  [file({ version: 2, width: 0, height: 24 }), "names no size"],
  [file({ version: 2, width: 80.5, height: 24 }), "names no size"],
  [file({ version: 3, width: 80, height: 24 }), "names no size"],
  [file({ version: 3, term: { cols: 5000, rows: 24 } }), "names no size"],
  [file(two, [1, "o"]), "Line 2 is not an event"],
  [file(two, [1, "o", "a"], { at: 1 }), "Line 3 is not an event"],
  [file(two, [-1, "o", "a"]), "Line 2 has no time"],
  [file(two, '[1e999, "o", "a"]'), "Line 2 is more than a year"],
  [file(two, ["1", "o", "a"]), "Line 2 has no time"],
  [file(two, "[1,"), "Line 2 is not an event"],
  [file(two, [1, "o", "a"], [1, "r", "99999x1"]), "Line 3 names no size"],
  [file(three, [1, "x", "-1"]), "Line 2 names no exit status"],
])("what is no recording is refused with a sentence: %j", (text, sentence) => {
  expect(() => parseCast(text)).toThrow(CastError);
  expect(() => parseCast(text)).toThrow(sentence);
});

test("one event prints no more than a page can take at once", () => {
  const most = "é".repeat(4 * 1024 * 1024);
  expect(parseCast(file(two, [1, "o", most])).events).toHaveLength(1);
  expect(() => parseCast(file(two, [1, "o", "a"], [2, "o", `${most}!`]))).toThrow(
    new CastError("Line 3 prints more than 8 MiB at once."),
  );
});

test("what is written is what is read again", () => {
  const recording: Recording = {
    title: "größe",
    started: 1_700_000_000_000,
    grid,
    events: [out(0, "a\u001b[1m"), out(7, "日本"), { at: 8, kind: "size", grid: { cols: 9, rows: 3 } }, out(1234, "z")],
  };
  expect(parseCast(toCast(recording))).toEqual(recording);
});

test("a character in two parts is one, what is none is replaced, and a gap is marked", () => {
  const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
  const events: RecordedEvent[] = [
    { at: 1, kind: "output", bytes: bytes(0xc3) },
    { at: 2, kind: "output", bytes: bytes(0xa4, 0xff, 0xe2, 0x82) },
    { at: 3, kind: "gap", bytes: 5 },
    { at: 4, kind: "output", bytes: bytes(0x61) },
  ];
  const lines = toCast({ title: "", started: null, grid, events }).split("\n").slice(1);
  expect(lines).toEqual([
    '[0.002,"o","ä�"]',
    '[0.003,"o","�"]',
    '[0.003,"m","5 bytes are not kept"]',
    '[0.004,"o","a"]',
    "",
  ]);
});
