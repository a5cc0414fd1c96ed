import { beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "./bytes";
import type { CloseName } from "./generated";
import { Input, type InputEffect } from "./input";
import { reasonFor } from "./reasons";
import type { AgentRecord, ViewerRecord } from "./records";
import { mintedToken } from "./testing/minted";
import { random } from "./testing/random";

const grid = { cols: 80, rows: 24 };

let input: Input;
let now: number;
let effects: InputEffect[];
let writers: number;
let token: number;

beforeEach(() => {
  [now, effects, writers, token] = [0, [], 0, 0];
  input = new Input(grid, () => `writer-${String(++writers)}`);
});

function gather(): InputEffect[] {
  const fresh = input.drain();
  effects.push(...fresh);
  return fresh;
}

function sent(list: InputEffect[]): ViewerRecord[] {
  return list.flatMap((effect) => {
    if (effect.kind === "open") return [effect.opening];
    return effect.kind === "send" ? [effect.record] : [];
  });
}

function typed(list: InputEffect[]): [number, string][] {
  return sent(list).flatMap((record) =>
    record.kind === "input" ? [[record.seq, Buffer.from(record.bytes).toString()] as [number, string]] : [],
  );
}

function hear(record: AgentRecord): InputEffect[] {
  input.record(record, now);
  return gather();
}

/** From "a token is asked for" to "the agent has answered the opening". */
function open(last = 0, driver = true): InputEffect[] {
  expect(gather()).toContainEqual({ kind: "mint" });
  input.minted(mintedToken(++token), now);
  input.accepted(now);
  input.record({ kind: "opened", last, driver }, now);
  return gather();
}

function type(text: string): void {
  input.type(utf8(text), now);
}

const end = (code: CloseName): AgentRecord => ({ kind: "end", close: { code, sentence: "" } });

test("a page that only looks never asks for a terminal token", () => {
  input.sessionUp(true, now);
  input.resize({ cols: 50, rows: 10 });
  expect(gather().filter(({ kind }) => kind === "mint")).toEqual([]);
  expect([input.phase.kind, input.timeout()]).toEqual(["idle", null]);
});

test("a size that came while the opening was on its way is sent when the machine has answered", () => {
  input.sessionUp(true, now);
  type("l");
  gather();
  input.minted(mintedToken(++token), now);
  input.accepted(now);
  const size = { cols: 50, rows: 10 };
  input.resize(size);
  expect(sent(gather())).not.toContainEqual({ kind: "resize", grid: size });
  expect(sent(hear({ kind: "opened", last: 0, driver: true }))).toContainEqual({ kind: "resize", grid: size });
});

test("the first key asks for a token, once, and is applied when the stream stands", () => {
  input.sessionUp(true, now);
  type("l");
  type("s");
  expect(input.phase.kind).toBe("asking");
  const opened = open();
  expect(effects.filter(({ kind }) => kind === "mint")).toHaveLength(1);
  expect(typed(opened)).toEqual([
    [1, "l"],
    [2, "s"],
  ]);
  expect(input.phase.kind).toBe("driver");
});

test("a device that may not type drops keys and says so", () => {
  input.sessionUp(false, now);
  type("x");
  expect([input.phase.kind, gather().some(({ kind }) => kind === "mint")]).toEqual(["not-granted", false]);
});

test("a large paste goes in order and in pieces", () => {
  input.sessionUp(true, now);
  type("a".repeat(40_000));
  const pieces = typed(open());
  expect(pieces.map(([seq]) => seq)).toEqual([1, 2, 3]);
  expect(pieces.map(([, text]) => text).join("")).toBe("a".repeat(40_000));
});

describe("a lapse", () => {
  beforeEach(() => {
    input.sessionUp(true, now);
    type("a");
    open();
    hear({ kind: "applied", seq: 1 });
    now += 60_000;
    hear(end("lapsed"));
  });

  test("shows why, and asks for nothing by itself", () => {
    expect(input.phase).toEqual({ kind: "lapsed", reason: reasonFor("lapsed") });
    expect([gather().length, input.timeout()]).toEqual([0, null]);
  });

  test("is over with the next key, which is applied", () => {
    now += 1000;
    type("b");
    expect(typed(open(1))).toEqual([[2, "b"]]);
    expect(input.phase.kind).toBe("driver");
  });

  test("that a key crossed on its way does not lose the key", () => {
    now += 1000;
    type("b");
    open(1);
    now += 2000;
    type("c");
    expect(typed(gather())).toEqual([[3, "c"]]);
    input.record(end("lapsed"), now);
    expect(typed(open(2))).toEqual([[3, "c"]]);
  });
});

describe("a cut", () => {
  beforeEach(() => {
    input.sessionUp(true, now);
    type("abc");
    open();
    now += 5000;
    type("def");
    gather();
  });

  test("sends again what was not acknowledged, under the same writer and number", () => {
    input.sessionDown(now);
    now += 3000;
    input.sessionUp(true, now);
    const opened = open(1);
    expect(typed(opened)).toEqual([[2, "def"]]);
    const openings = sent(effects).flatMap((record) => (record.kind === "terminalOpening" ? [record.writer] : []));
    expect(openings).toEqual(["writer-1", "writer-1"]);
  });

  test("sends nothing again that the machine says it has", () => {
    input.sessionDown(now);
    input.sessionUp(true, now);
    expect(typed(open(2))).toEqual([]);
    expect(input.phase.kind).toBe("driver");
  });

  test("of more than ten seconds offers the text instead of sending it", () => {
    hear({ kind: "applied", seq: 1 });
    input.sessionDown(now);
    now = input.timeout() ?? 0;
    expect(now).toBe(15_000);
    input.tick(now);
    expect(input.phase).toEqual({ kind: "unsent", text: utf8("def") });
    input.sessionUp(true, now);
    expect(gather().filter(({ kind }) => kind === "mint")).toEqual([]);
  });

  test("hours later nothing is sent even if no timer ever fired", () => {
    input.sessionDown(now);
    now += 5 * 3600_000;
    input.sessionUp(true, now);
    expect(gather().filter(({ kind }) => kind === "mint")).toEqual([]);
    expect(input.phase.kind).toBe("unsent");
  });

  test("that ends while the stream is being opened holds back what has grown old meanwhile", () => {
    input.sessionDown(now);
    now += 1000;
    input.sessionUp(true, now);
    gather();
    input.minted(mintedToken(9), now);
    input.accepted(now);
    now += 9000;
    expect(typed(hear({ kind: "opened", last: 0, driver: true }))).toEqual([]);
    expect(input.phase).toEqual({ kind: "unsent", text: utf8("abcdef") });
  });

  test("keys typed after the offer join it, so that their order stays", () => {
    input.sessionDown(now);
    now += 20_000;
    input.tick(now);
    type("ghi");
    expect(input.phase).toEqual({ kind: "unsent", text: utf8("abcdefghi") });
  });

  test("resolved by sending, sends all of it once", () => {
    input.sessionDown(now);
    now += 20_000;
    input.sessionUp(true, now);
    gather();
    input.resolveUnsent(true, now);
    expect(typed(open(1))).toEqual([[2, "def"]]);
  });

  test("resolved by dropping, sends nothing, and numbers start anew under a new writer", () => {
    input.sessionDown(now);
    now += 20_000;
    input.sessionUp(true, now);
    input.resolveUnsent(false, now);
    expect(input.phase.kind).toBe("idle");
    gather();
    type("x");
    const opened = open(0);
    expect(typed(opened)).toEqual([[1, "x"]]);
    expect(sent(effects).at(-2)).toMatchObject({ kind: "terminalOpening", writer: "writer-2" });
  });

  test("at a machine that has forgotten the writer offers what may already be there", () => {
    hear({ kind: "applied", seq: 1 });
    input.sessionDown(now);
    input.sessionUp(true, now);
    expect(typed(open(0))).toEqual([]);
    expect(input.phase).toEqual({ kind: "unsent", text: utf8("def") });
  });
});

describe("the seat", () => {
  test("a watcher's keys have no effect, and taking over is one record", () => {
    input.sessionUp(true, now);
    input.takeOver(now);
    open(0, true);
    hear({ kind: "driver", driver: false });
    expect(input.phase.kind).toBe("watching");
    type("x");
    expect(typed(gather())).toEqual([]);
    input.takeOver(now);
    expect(sent(gather())).toEqual([{ kind: "takeOver" }]);
    hear({ kind: "driver", driver: true });
    expect(input.phase.kind).toBe("driver");
  });

  test("taking over without a stream opens one that drives at once", () => {
    input.sessionUp(true, now);
    input.takeOver(now);
    expect(sent(open())).toMatchObject([{ kind: "terminalOpening", takeOver: true }]);
  });

  test("a key typed where another drives is offered, and sending it takes over first", () => {
    input.sessionUp(true, now);
    type("x");
    expect(typed(open(0, false))).toEqual([]);
    expect(input.phase).toEqual({ kind: "unsent", text: utf8("x") });
    input.resolveUnsent(true, now);
    expect(sent(gather())).toEqual([{ kind: "takeOver" }]);
    expect(typed(hear({ kind: "driver", driver: true }))).toEqual([[1, "x"]]);
  });

  test("a key dropped before it was ever sent leaves no gap in the numbers", () => {
    input.sessionUp(true, now);
    type("x");
    open(0, false);
    input.resolveUnsent(false, now);
    expect(input.phase.kind).toBe("watching");
    hear({ kind: "driver", driver: true });
    type("y");
    expect(typed(gather())).toEqual([[1, "y"]]);
    expect(writers).toBe(1);
  });

  test("input from before a take-over is not sent after it by itself", () => {
    input.sessionUp(true, now);
    type("a");
    open();
    type("rm");
    hear({ kind: "driver", driver: false });
    expect(input.phase.kind).toBe("unsent");
    expect(typed(hear({ kind: "driver", driver: true }))).toEqual([]);
    hear({ kind: "applied", seq: 2 });
    expect(input.phase.kind).toBe("driver");
  });

  test("what a take-over crossed is sent again from the first unacknowledged, when the person says so", () => {
    input.sessionUp(true, now);
    type("a");
    open();
    type("b");
    type("c");
    gather();
    hear({ kind: "driver", driver: false });
    hear({ kind: "applied", seq: 1 });
    expect(input.phase).toEqual({ kind: "unsent", text: utf8("bc") });
    input.resolveUnsent(true, now);
    expect(sent(gather())).toEqual([{ kind: "takeOver" }]);
    expect(typed(hear({ kind: "driver", driver: true }))).toEqual([
      [2, "b"],
      [3, "c"],
    ]);
  });

  test("the size is sent while this page drives, and once when it begins to", () => {
    input.sessionUp(true, now);
    input.takeOver(now);
    open(0, false);
    const size = { cols: 50, rows: 10 };
    input.resize(size);
    expect(sent(gather())).toEqual([]);
    expect(sent(hear({ kind: "driver", driver: true }))).toEqual([{ kind: "resize", grid: size }]);
    input.resize(size);
    expect(sent(gather())).toEqual([]);
    input.resize({ cols: 0, rows: 4000 });
    expect(sent(gather())).toEqual([{ kind: "resize", grid: { cols: 1, rows: 1000 } }]);
  });
});

describe("refusals", () => {
  test("a busy machine is asked again while the key is fresh, and not in a loop", () => {
    input.sessionUp(true, now);
    type("x");
    let asked = 0;
    for (; now <= 60_000; now += 100) {
      input.tick(now);
      for (const effect of gather()) {
        if (effect.kind !== "mint") continue;
        asked++;
        input.refused(reasonFor("busy"), now);
      }
    }
    expect(asked).toBeLessThanOrEqual(6);
    expect(input.phase.kind).toBe("unsent");
  });

  test("not-granted is said, and keys are dropped", () => {
    input.sessionUp(true, now);
    type("x");
    gather();
    input.refused(reasonFor("not-granted"), now);
    expect(input.phase.kind).toBe("not-granted");
  });

  test("a revoked token is not asked for again until the person wants it", () => {
    input.sessionUp(true, now);
    type("x");
    open();
    input.tokenEnded(mintedToken(token).jti, reasonFor("revoked"), now);
    expect(input.phase.kind).toBe("unsent");
    input.tick(now + 5000);
    expect(gather().filter(({ kind }) => kind === "mint")).toEqual([]);
  });

  test("a token that the owner has ended keeps what was typed for the person to decide, and the next key asks again", () => {
    input.sessionUp(true, now);
    type("x");
    open();
    input.tokenEnded(mintedToken(token).jti, reasonFor("token-ended"), now);
    expect(input.phase.kind).toBe("unsent");
    input.resolveUnsent(false, now);
    now += 5000;
    input.tick(now);
    expect(input.phase).toMatchObject({ kind: "lapsed", reason: { code: "token-ended" } });
    gather();
    type("y");
    expect(gather()).toContainEqual({ kind: "mint" });
  });

  test("a purpose that the owner takes away is not one that was never granted", () => {
    input.sessionUp(false, now);
    expect(input.phase).toEqual({ kind: "not-granted", taken: false });
    input.scopes(true, now);
    expect(input.phase.kind).toBe("idle");
    input.scopes(false, now);
    expect(input.phase).toEqual({ kind: "not-granted", taken: true });
  });

  test("that the machine was locked is not said any more once it lets this device in again", () => {
    input.sessionUp(true, now);
    type("x");
    gather();
    input.refused(reasonFor("locked"), now);
    expect(input.phase).toMatchObject({ kind: "lapsed", reason: { code: "locked" } });
    input.sessionDown(now);
    now += 60_000;
    input.sessionUp(true, now);
    input.resolveUnsent(false, now);
    expect(input.phase.kind).toBe("idle");
  });

  test("a stream that is cut again and again is not opened in a loop", () => {
    input.sessionUp(true, now);
    type("x");
    let opened = 0;
    for (; now <= 60_000; now += 50) {
      input.tick(now);
      for (const effect of gather()) {
        if (effect.kind !== "mint") continue;
        opened++;
        input.minted(mintedToken(1), now);
        input.cut(null, now);
      }
    }
    expect(opened).toBeLessThanOrEqual(21);
  });

  test("records that have no place in a terminal stream end it", () => {
    for (const record of [
      { kind: "applied", seq: 9 },
      { kind: "opened", last: 0, driver: true },
      { kind: "output", offset: 0, bytes: utf8("x") },
    ] satisfies AgentRecord[]) {
      input = new Input(grid, () => "w");
      input.sessionUp(true, now);
      type("x");
      open();
      expect(hear(record)).toContainEqual({ kind: "close", code: "bad-message" });
    }
  });
});

test("whatever happens, the machine sees every number once, in order, and no text that is not the person's", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    [now, writers] = [0, 0];
    input = new Input(grid, () => `writer-${String(++writers)}`);
    const machine = { applied: new Map<string, number>(), writer: "", text: "", stream: false, driver: false };
    let count = 0;
    let up = false;
    for (let step = 0; step < 200; step++) {
      now += next.below(1500);
      input.tick(now);
      const move = next.below(9);
      if (move === 0) {
        up = !up;
        machine.stream = false;
        if (up) input.sessionUp(true, now);
        else input.sessionDown(now);
      } else if (move === 1 && machine.stream) {
        machine.stream = false;
        input.cut(null, now);
      } else if (move === 2) input.resolveUnsent(next.below(2) === 0, now);
      else {
        // Every letter is another, so that the text says which were applied and in what order.
        type(String.fromCharCode(0x4e00 + count++));
      }
      for (let fresh = input.drain(); fresh.length > 0; fresh = input.drain()) {
        for (const effect of fresh) {
          if (effect.kind === "mint" && up) input.minted(mintedToken(1), now);
          else if (effect.kind === "open" && effect.opening.kind === "terminalOpening") {
            machine.stream = true;
            machine.writer = effect.opening.writer;
            input.accepted(now);
            input.record({ kind: "opened", last: machine.applied.get(machine.writer) ?? 0, driver: true }, now);
          } else if (effect.kind === "close") machine.stream = false;
          else if (effect.kind === "send" && machine.stream) {
            const { record } = effect;
            if (record.kind === "input") {
              const last = machine.applied.get(machine.writer) ?? 0;
              // A gap would close the stream with `input-gap`; a repeat is applied once.
              expect(record.seq).toBeLessThanOrEqual(last + 1);
              if (record.seq === last + 1) {
                machine.applied.set(machine.writer, record.seq);
                machine.text += Buffer.from(record.bytes).toString();
              }
              // Half of the acknowledgements are still on their way when the next thing happens.
              if (next.below(2) === 0) input.record({ kind: "applied", seq: record.seq }, now);
            }
          }
        }
      }
    }
    const order = Array.from(machine.text, (letter) => letter.charCodeAt(0));
    expect(order, `seed ${String(seed)}`).toEqual([...new Set(order)].sort((a, b) => a - b));
    expect(order.length).toBeGreaterThan(0);
  }
});
