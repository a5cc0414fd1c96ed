import { beforeEach, expect, test } from "vitest";
import { Backoff } from "./backoff";
import { utf8 } from "./bytes";
import type { CloseName, PastTerminal } from "./generated";
import { Playing } from "./playing";
import { reasonFor } from "./reasons";
import type { AgentRecord, ViewerRecord } from "./records";
import type { RecordedEvent } from "./recording";
import { mintedToken } from "./testing/minted";

const grid = { cols: 80, rows: 24 };
const wide = { cols: 100, rows: 30 };
const past: PastTerminal = {
  id: "one",
  name: "build",
  cwd: "/src",
  started: 1000,
  ended: 9000,
  exit: null,
  grid: wide,
  kept: 6,
  dropped: 0,
};

let playing: Playing;
let token: number;

beforeEach(() => {
  playing = new Playing(past, new Backoff(() => 1));
  token = 0;
  playing.sessionUp();
});

/** Opens a stream; returns what is said first on it. */
function open(): ViewerRecord | undefined {
  playing.minted(mintedToken(++token), 0);
  playing.accepted(0);
  return playing.drain().flatMap((effect) => (effect.kind === "open" ? [effect.opening] : []))[0];
}

function hear(...records: AgentRecord[]): string[] {
  for (const record of records) playing.record(record, 10, 0);
  return playing.drain().map(({ kind }) => kind);
}

const at = (ms: number): AgentRecord => ({ kind: "at", ms });
const size = (to: typeof grid): AgentRecord => ({ kind: "size", grid: to });
const output = (offset: number, text: string): AgentRecord => ({ kind: "output", offset, bytes: utf8(text) });
const end = (code: CloseName): AgentRecord => ({ kind: "end", close: { code, sentence: "" } });
const exit: AgentRecord = { kind: "exit", exit: { t: "status", code: 3 } };

function events(): readonly RecordedEvent[] {
  const { phase } = playing;
  return phase.kind === "whole" ? phase.recording.events : [];
}

const out = (ms: number, text: string): RecordedEvent => ({ at: ms, kind: "output", bytes: utf8(text) });

test("what is kept becomes a recording that begins with the first thing that is kept", () => {
  expect(open()).toEqual({ kind: "viewOpening", have: null, grid: wide });
  expect(playing.phase).toEqual({ kind: "fetching", got: 0, of: 6 });
  hear(size(grid), at(500), output(0, "abc"), at(700), size(wide), at(900), output(3, "def"), exit);
  expect(playing.phase).toEqual({ kind: "fetching", got: 6, of: 6 });
  hear(end("done"));
  expect(playing.phase).toEqual({
    kind: "whole",
    recording: {
      title: "build",
      started: 1500,
      grid,
      events: [
        out(0, "abc"),
        { at: 200, kind: "size", grid: wide },
        out(400, "def"),
        { at: 400, kind: "exit", exit: { t: "status", code: 3 } },
      ],
    },
  });
});

test("what is not kept is a gap, at the beginning and in the middle", () => {
  open();
  hear(size(grid), at(0), output(10, "a"), at(5), output(20, "b"), end("done"));
  expect(events()).toEqual([
    { at: 0, kind: "gap", bytes: 10 },
    out(0, "a"),
    { at: 5, kind: "gap", bytes: 9 },
    out(5, "b"),
  ]);
});

test("interrupted, it goes on where it was, and is whole with the sealed end alone", () => {
  open();
  hear(size(grid), at(0), output(0, "abc"));
  playing.cut(0);
  playing.sessionDown();
  expect(playing.phase).toEqual({ kind: "fetching", got: 3, of: 6 });
  playing.sessionUp();
  expect(open()).toMatchObject({ have: 3 });
  hear(size(grid), at(9), output(3, "def"), end("done"));
  expect(events()).toEqual([out(0, "abc"), out(9, "def")]);
});

test("what was said of an end before is not said twice", () => {
  open();
  hear(size(grid), at(0), output(0, "abc"), at(3), exit);
  playing.cut(0);
  playing.sessionDown();
  playing.sessionUp();
  open();
  hear(size(wide), at(3), exit, end("done"));
  expect(events().map(({ kind }) => kind)).toEqual(["output", "exit", "size"]);
});

test.each<[string, AgentRecord[]]>([
  ["output before a size", [at(0), output(0, "a")]],
  ["output that was there", [size(grid), at(0), output(0, "ab"), output(1, "b")]],
  ["time that goes back", [size(grid), at(5), at(4)]],
  ["what belongs to a live terminal", [{ kind: "snapshot", offset: 0, grid, total: 0 }]],
])("%s has no place here: it is fetched anew from the beginning", (_, records) => {
  open();
  expect(hear(...records)).toContain("close");
  playing.tick(60_000);
  expect(open()).toMatchObject({ have: null });
  hear(size(grid), at(0), output(0, "a"), end("done"));
  expect(events()).toEqual([out(0, "a")]);
});

test("what is gone or refused is said, and what the owner has ended is asked for again by a tap", () => {
  playing.refused(reasonFor("terminal-gone"), 0);
  expect(playing.phase).toMatchObject({ kind: "failed", reason: { code: "terminal-gone" } });
  playing.resume();
  expect(playing.drain().map(({ kind }) => kind)).not.toContain("open");

  playing = new Playing(past, new Backoff(() => 1));
  playing.sessionUp();
  playing.drain();
  open();
  hear(size(grid), end("token-ended"));
  expect(playing.phase).toMatchObject({ kind: "failed", reason: { code: "token-ended" } });
  playing.resume();
  expect(playing.phase.kind).toBe("fetching");
  expect(playing.drain().map(({ kind }) => kind)).toContain("mint");
});

test("more than a page can hold is given up with a sentence", () => {
  open();
  hear(size(grid), at(0));
  const bytes = new Uint8Array(60 * 1024);
  for (let offset = 0; offset < 17 * 1024 * 1024; offset += bytes.length) hear({ kind: "output", offset, bytes });
  expect(playing.phase).toMatchObject({ kind: "failed", reason: { code: "too-large" } });
});
