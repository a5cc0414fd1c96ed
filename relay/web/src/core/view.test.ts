import { beforeEach, expect, test } from "vitest";
import { Backoff } from "./backoff";
import { utf8 } from "./bytes";
import { RETRY_FIRST_MS, RETRY_LONGEST_MS, type CloseName } from "./generated";
import { reasonFor } from "./reasons";
import type { AgentRecord } from "./records";
import { mintedToken } from "./testing/minted";
import { View, type ViewEffect } from "./view";

const screen = { cols: 100, rows: 30 };
const grid = { cols: 80, rows: 24 };

let view: View;
let now: number;
let effects: ViewEffect[];
let token: number;

beforeEach(() => {
  view = new View(screen, grid, new Backoff(() => 1));
  [now, effects, token] = [0, [], 0];
});

function gather(): ViewEffect[] {
  const fresh = view.drain();
  effects.push(...fresh);
  return fresh;
}

/** Mints, opens and accepts, and returns the opening that is sent. */
function open(): ViewEffect | undefined {
  view.minted(mintedToken(++token), now);
  view.accepted(now);
  return gather().find(({ kind }) => kind === "open");
}

function hear(...records: AgentRecord[]): ViewEffect[] {
  for (const record of records) view.record(record, 100, now);
  return gather();
}

const output = (offset: number, text: string): AgentRecord => ({ kind: "output", offset, bytes: utf8(text) });
const end = (code: CloseName): AgentRecord => ({ kind: "end", close: { code, sentence: "" } });
const shown = (list: ViewEffect[]): string =>
  list.flatMap((effect) => (effect.kind === "output" ? [Buffer.from(effect.bytes).toString()] : [])).join("");

test("a page that looks asks for one view token and says that it has nothing", () => {
  view.sessionUp();
  expect(gather()).toEqual([{ kind: "mint" }]);
  expect(open()).toMatchObject({ opening: { kind: "viewOpening", have: null, grid: screen } });
  expect(view.phase.kind).toBe("connecting");
});

test("a snapshot is shown whole, after its last chunk, on a reset terminal of its size", () => {
  view.sessionUp();
  open();
  const size = { cols: 90, rows: 20 };
  expect(shown(hear({ kind: "snapshot", offset: 500, grid: size, total: 6 }))).toBe("");
  expect(shown(hear({ kind: "snapshotChunk", bytes: utf8("abc") }))).toBe("");
  expect(hear({ kind: "snapshotChunk", bytes: utf8("def") })).toContainEqual({
    kind: "output",
    bytes: utf8("abcdef"),
    reset: size,
    cost: 0,
  });
  expect([view.phase.kind, view.grid]).toEqual(["streaming", size]);
});

test("credit of snapshot chunks comes back at once, of output only from the screen", () => {
  view.sessionUp();
  open();
  const used = (list: ViewEffect[]): number => list.filter(({ kind }) => kind === "used").length;
  expect(used(hear({ kind: "snapshot", offset: 0, grid, total: 1 }, { kind: "snapshotChunk", bytes: utf8("x") }))).toBe(
    2,
  );
  expect(used(hear(output(0, "y")))).toBe(0);
});

test("after a cut the view goes on from the byte it has, and old pixels stay", () => {
  view.sessionUp();
  open();
  hear({ kind: "snapshot", offset: 10, grid, total: 0 }, output(10, "hello"));
  view.cut(now);
  gather();
  expect(view.phase.kind).toBe("interrupted");
  now = view.timeout() ?? 0;
  view.tick(now);
  expect(open()).toMatchObject({ opening: { have: 15 } });
  expect(view.phase.kind).toBe("streaming");
  expect(hear(output(15, " again"))).toMatchObject([{ kind: "output", reset: null }]);
});

test("a snapshot cut in the middle is forgotten, and what was on the screen still counts", () => {
  view.sessionUp();
  open();
  hear(
    output(0, "old"),
    { kind: "snapshot", offset: 900, grid, total: 10 },
    { kind: "snapshotChunk", bytes: utf8("half") },
  );
  view.sessionDown();
  view.sessionUp();
  expect(open()).toMatchObject({ opening: { have: 3 } });
});

test("output that does not fit behind what is there starts again from a snapshot", () => {
  for (const offset of [2, 4, 99]) {
    view = new View(screen, grid, new Backoff(() => 0));
    view.sessionUp();
    open();
    hear(output(0, "old"));
    expect(hear(output(offset, "x"))).toContainEqual({ kind: "close", code: "bad-message" });
    view.tick(view.timeout() ?? 0);
    expect(open()).toMatchObject({ opening: { have: null } });
    expect(hear(output(0, "new"))[0]).toMatchObject({ kind: "output", reset: grid });
  }
});

test("records that have no place in a view end the stream", () => {
  const misplaced: AgentRecord[] = [
    { kind: "opened", last: 0, driver: true },
    { kind: "snapshotChunk", bytes: utf8("x") },
    { kind: "snapshot", offset: 0, grid, total: 2 ** 31 },
  ];
  for (const record of misplaced) {
    view = new View(screen, grid, new Backoff(() => 0));
    view.sessionUp();
    open();
    expect(hear(record)).toContainEqual({ kind: "close", code: "bad-message" });
  }
});

test("an unsealed close is never an end, whatever it claims", () => {
  view.sessionUp();
  open();
  hear(output(0, "x"));
  view.cut(now);
  expect(view.phase.kind).toBe("interrupted");
  expect(view.timeout()).not.toBeNull();
});

test("a sealed end is an end where it is final, and a new token where it is not", () => {
  for (const code of ["done", "terminal-gone", "revoked", "not-granted"] as const) {
    view = new View(screen, grid, new Backoff(() => 0));
    view.sessionUp();
    open();
    hear(output(0, "x"), end(code));
    expect(view.phase).toEqual({ kind: "ended", reason: reasonFor(code) });
    expect(view.timeout()).toBeNull();
  }
  for (const code of ["lapsed", "going-away", "busy"] as const) {
    view = new View(screen, grid, new Backoff(() => 0));
    view.sessionUp();
    open();
    hear(output(0, "x"), end(code));
    expect(view.phase.kind).toBe("interrupted");
  }
});

test("an ended session message about this token counts as its sealed end", () => {
  view.sessionUp();
  open();
  view.tokenEnded(mintedToken(99).jti, reasonFor("revoked"), now);
  expect(view.phase.kind).toBe("connecting");
  view.tokenEnded(mintedToken(token).jti, reasonFor("revoked"), now);
  expect(view.phase.kind).toBe("ended");
});

test("a view that the owner has ended waits for a tap, through new sessions too, and goes on where it was", () => {
  view.sessionUp();
  open();
  hear(output(0, "x"), end("token-ended"));
  expect(view.phase).toMatchObject({ kind: "ended", reason: { code: "token-ended" } });
  view.sessionDown();
  view.sessionUp();
  expect(gather()).not.toContainEqual({ kind: "mint" });
  view.resume();
  expect(gather()).toContainEqual({ kind: "mint" });
  expect(view.phase.kind).toBe("interrupted");
  open();
  expect(effects).toContainEqual({
    kind: "open",
    minted: mintedToken(token),
    opening: { kind: "viewOpening", have: 1, grid: screen },
  });
});

test("a share that is over is over for its view", () => {
  view.sessionUp();
  open();
  hear(end("share-ended"));
  view.resume();
  expect(view.phase).toMatchObject({ kind: "ended", reason: { code: "share-ended" } });
  expect(gather()).not.toContainEqual({ kind: "mint" });
});

test("a program that ends leaves its exit and its last screen", () => {
  view.sessionUp();
  open();
  hear(output(0, "bye"), { kind: "exit", exit: { t: "status", code: 3 } }, end("done"));
  expect(view.exit).toEqual({ t: "status", code: 3 });
  expect(shown(effects)).toBe("bye");
});

test("tries come further and further apart, until a stream has stood for a while", () => {
  view.sessionUp();
  const delays: number[] = [];
  for (let round = 0; round < 9; round++) {
    open();
    view.cut(now);
    delays.push((view.timeout() ?? 0) - now);
    now = view.timeout() ?? 0;
    view.tick(now);
  }
  const [first, longest] = [RETRY_FIRST_MS, RETRY_LONGEST_MS];
  expect(delays).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => Math.min(longest, first * 2 ** n)));
  open();
  now += 10_000;
  view.cut(now);
  expect((view.timeout() ?? 0) - now).toBe(first);
});

test("an open that nobody accepts is given up and tried again", () => {
  view.sessionUp();
  view.minted(mintedToken(1), now);
  gather();
  expect(view.timeout()).toBe(30_000);
  view.tick(30_000);
  expect(gather()).toContainEqual({ kind: "close", code: "handshake-timeout" });
  view.tick(view.timeout() ?? 0);
  expect(gather()).toContainEqual({ kind: "mint" });
});

test("a terminal that is gone when a token is asked for ends the view; a busy machine does not", () => {
  view.sessionUp();
  view.refused(reasonFor("busy"), now);
  expect(view.phase.kind).toBe("connecting");
  view.tick(view.timeout() ?? 0);
  view.refused(reasonFor("terminal-gone"), now);
  expect(view.phase).toMatchObject({ kind: "ended", reason: { code: "terminal-gone" } });
});
