import { beforeEach, describe, expect, test } from "vitest";
import { encode } from "./b64";
import { EMPTY, type Bytes } from "./bytes";
import { decodeFrame, encodeFrame, type Frame, type OwnFrame as Sendable } from "./frame";
import { STREAMS_PER_VIEWER, type Challenge, type CloseName } from "./generated";
import { Link, type LinkEffect } from "./link";
import { fixedSignKey, hex } from "./testing/keys";
import { random } from "./testing/random";
import { readVectors } from "./testing/vectors";

const agent = encode(new Uint8Array(16).fill(5));
const conn = encode(new Uint8Array(16).fill(2));
const challenge: Challenge = { nonce: encode(new Uint8Array(32)), conn, time: 0, versions: [1] };
const welcome = { held: 600_000, time: 0, agent, web: "", warning: "" };

let link: Link;
let written: (Frame | { kind: "error" })[];
let events: Exclude<LinkEffect, { kind: "write" }>[];

function gather(): void {
  for (const effect of link.drain()) {
    if (effect.kind === "write") written.push(decodeFrame(effect.message));
    else events.push(effect);
  }
}

function hear(...frames: Sendable[]): void {
  for (const frame of frames) link.handle(encodeFrame(frame));
  gather();
}

/** Hears a challenge; returns how to answer it. */
function beAsked(asked = challenge): (time: number) => void {
  hear({ kind: "challenge", challenge: asked });
  const event = events.at(-1);
  if (event?.kind !== "challenged") throw new Error("nothing was asked");
  return (time) => {
    link.prove(event.challenge, event.version, time, new Uint8Array(64));
    gather();
  };
}

function prove(): void {
  beAsked()(7);
  hear({ kind: "welcome", welcome });
}

function open(credit = 100): number {
  const stream = link.open({ kind: "purpose", token: "t" }, credit, [], EMPTY);
  gather();
  if (stream === null) throw new Error("no stream");
  return stream;
}

function lastClose(): CloseName | null | undefined {
  const close = written.at(-1);
  return close?.kind === "close" && close.stream === 0 ? close.code : undefined;
}

beforeEach(() => {
  link = new Link({ host: "relay.example", agent, key: new Uint8Array(32) }, 0);
  written = [];
  events = [];
});

describe("proof", () => {
  test("nothing is said before the relay has asked", () => {
    gather();
    expect([written, events]).toEqual([[], []]);
    expect(link.open({ kind: "purpose", token: "t" }, 1, [], EMPTY)).toBeNull();
  });

  test("a challenge is answered with a proof, and a welcome opens the link", () => {
    prove();
    expect(written[0]).toMatchObject({
      kind: "proof",
      proof: { role: "device", host: "relay.example", agent, conn, time: 7 },
    });
    expect(events.at(-1)).toMatchObject({ kind: "welcome", conn, first: true });
  });

  test("the bytes that are signed are those the relay checks", async () => {
    interface Vector {
      seed: string;
      transcript: string;
      challenge: Challenge;
      answer: { agent: string; key: string; host: string; time: number; version: number; signature: string };
    }
    const { seed, transcript, challenge: asked, answer } = readVectors("proof/device.json") as Vector;
    const key = Uint8Array.from(Buffer.from(answer.key, "base64url"));
    const proving = new Link({ host: answer.host, agent: answer.agent, key }, 0);
    const bytes = proving.toSign(asked, answer.version, answer.time);
    expect(bytes).toEqual(hex(transcript));
    expect(encode(await (await fixedSignKey(hex(seed), key)).sign(bytes))).toBe(answer.signature);
  });

  test("a challenge pushed later is answered on the same link, and is no second beginning", () => {
    prove();
    const later: Challenge = { ...challenge, nonce: encode(new Uint8Array(32).fill(1)) };
    beAsked(later)(8);
    expect(written.at(-1)).toMatchObject({ kind: "proof", proof: { time: 8 } });
    hear({ kind: "welcome", welcome });
    expect(events.at(-1)).toMatchObject({ kind: "welcome", first: false });
    expect(link.isOver).toBe(false);
  });

  test("a second challenge before the welcome ends the link, and what was being signed is not sent", () => {
    const answer = beAsked();
    hear({ kind: "challenge", challenge: { ...challenge, time: 9 } });
    expect(lastClose()).toBe("unexpected-frame");
    answer(7);
    expect(written).toHaveLength(1);
  });

  test("a challenge between proof and welcome ends the link, and one after it is answered", () => {
    prove();
    beAsked({ ...challenge, time: 9 })(8);
    expect(written.at(-1)).toMatchObject({ kind: "proof", proof: { time: 8 } });
    hear({ kind: "challenge", challenge: { ...challenge, time: 10 } });
    expect(lastClose()).toBe("unexpected-frame");
  });

  test("a welcome that answers no proof ends the link", () => {
    const answer = beAsked();
    hear({ kind: "welcome", welcome });
    expect(lastClose()).toBe("unexpected-frame");
    answer(7);
    expect(written).toHaveLength(1);
  });

  test("a second welcome for one proof ends the link", () => {
    prove();
    hear({ kind: "welcome", welcome });
    expect(lastClose()).toBe("unexpected-frame");
  });

  test("a challenge that renames the link ends it", () => {
    prove();
    hear({ kind: "challenge", challenge: { ...challenge, conn: agent } });
    expect(lastClose()).toBe("unexpected-frame");
  });

  test("a welcome for another machine ends the link", () => {
    beAsked()(7);
    hear({ kind: "welcome", welcome: { ...welcome, agent: conn } });
    expect(lastClose()).toBe("unexpected-frame");
  });

  test("no version in common ends the link by name", () => {
    hear({ kind: "challenge", challenge: { ...challenge, versions: [9] } });
    expect(lastClose()).toBe("version");
  });
});

describe("streams", () => {
  beforeEach(prove);

  test("ids rise and are never used twice", () => {
    const first = open();
    link.close(first, "done");
    expect(open()).toBe(first + 1);
  });

  test("data waits for accept and for credit, and keeps its order", () => {
    const stream = open();
    const payloads = [3, 2, 4].map((length, at) => new Uint8Array(length).fill(at));
    for (const payload of payloads) link.send(stream, payload);
    gather();
    const sent = (): Bytes[] => written.flatMap((frame) => (frame.kind === "data" ? [frame.payload] : []));
    expect(sent()).toEqual([]);
    hear({ kind: "accept", stream, credit: 4, versions: [] });
    expect(sent()).toEqual(payloads.slice(0, 1));
    // One byte of credit is left: enough for nothing, and the small one may not overtake.
    hear({ kind: "credit", stream, amount: 1 });
    expect(sent()).toEqual(payloads.slice(0, 2));
    hear({ kind: "credit", stream, amount: 4 });
    expect(sent()).toEqual(payloads);
  });

  test("a stream without credit holds back nothing but itself", () => {
    const [starved, fed] = [open(), open()];
    hear(
      { kind: "accept", stream: starved, credit: 0, versions: [] },
      { kind: "accept", stream: fed, credit: 9, versions: [] },
    );
    link.send(starved, new Uint8Array(1));
    link.send(fed, new Uint8Array(1));
    gather();
    expect(written.at(-1)).toMatchObject({ kind: "data", stream: fed });
  });

  test("more data than credit was given ends the link", () => {
    const stream = open(10);
    hear({ kind: "accept", stream, credit: 0, versions: [] }, { kind: "data", stream, payload: new Uint8Array(10) });
    expect(events.at(-1)).toMatchObject({ kind: "data", stream });
    hear({ kind: "data", stream, payload: new Uint8Array(1) });
    expect(lastClose()).toBe("credit-exceeded");
  });

  test("credit given back may be used again", () => {
    const stream = open(10);
    hear({ kind: "accept", stream, credit: 0, versions: [] }, { kind: "data", stream, payload: new Uint8Array(10) });
    link.grant(stream, 4);
    hear({ kind: "data", stream, payload: new Uint8Array(4) });
    expect(link.isOver).toBe(false);
    expect(written.at(-1)).toEqual({ kind: "credit", stream, amount: 4 });
  });

  test("credit beyond what may be outstanding ends the link", () => {
    const stream = open();
    hear({ kind: "accept", stream, credit: 2 ** 31, versions: [] }, { kind: "credit", stream, amount: 1 });
    expect(lastClose()).toBe("credit-exceeded");
  });

  test("frames for a stream that was closed are dropped, for one never opened they end the link", () => {
    const stream = open();
    link.close(stream, "done");
    const late: Sendable[] = [
      { kind: "accept", stream, credit: 1, versions: [] },
      { kind: "data", stream, payload: new Uint8Array(1) },
      { kind: "credit", stream, amount: 1 },
      { kind: "close", stream, code: "done", sentence: "" },
    ];
    const before = events.length;
    hear(...late);
    expect([link.isOver, events.length]).toEqual([false, before]);
    hear({ kind: "data", stream: stream + 1, payload: new Uint8Array(1) });
    expect(lastClose()).toBe("unknown-stream");
  });

  test("data before accept, and a second accept, have no place", () => {
    const stream = open();
    hear({ kind: "data", stream, payload: new Uint8Array(1) });
    expect(lastClose()).toBe("unexpected-frame");
    link = new Link({ host: "relay.example", agent, key: new Uint8Array(32) }, 0);
    prove();
    const accept: Sendable = { kind: "accept", stream: open(), credit: 1, versions: [] };
    hear(accept, accept);
    expect(lastClose()).toBe("unexpected-frame");
  });

  test("no more streams are open at once than a relay lets a viewer have", () => {
    const first = open();
    for (let count = 1; count < STREAMS_PER_VIEWER; count++) open();
    expect(link.open({ kind: "purpose", token: "t" }, 1, [], EMPTY)).toBeNull();
    link.close(first, "done");
    expect(link.open({ kind: "purpose", token: "t" }, 1, [], EMPTY)).toBe(STREAMS_PER_VIEWER + 1);
  });

  test("what only a viewer or an agent sends ends the link when the relay sends it", () => {
    const frames: Sendable[] = [
      { kind: "ping", payload: new Uint8Array(8) },
      { kind: "renew", stream: 1, token: "t" },
      { kind: "open", stream: 1, target: { kind: "purpose", token: "t" }, credit: 1, versions: [], first: EMPTY },
    ];
    for (const frame of frames) {
      link = new Link({ host: "relay.example", agent, key: new Uint8Array(32) }, 0);
      prove();
      hear(frame);
      expect(lastClose()).toBe("unexpected-frame");
    }
  });
});

describe("keeping alive", () => {
  test("a ping goes out every 20 seconds", () => {
    prove();
    for (const [now, pings] of [
      [19_999, 0],
      [20_000, 1],
      [20_001, 1],
    ] as const) {
      link.tick(now);
      gather();
      expect(written.filter(({ kind }) => kind === "ping")).toHaveLength(pings);
    }
  });

  test("45 seconds of silence end the link", () => {
    prove();
    for (let now = 0; now < 45_000; now += 1000) link.tick(now);
    expect(link.isOver).toBe(false);
    link.tick(45_000);
    gather();
    expect(events.at(-1)).toMatchObject({ kind: "ended", ours: true, code: "silent" });
  });

  test("a timer that a hidden page fires once a minute does not take its own sleep for silence", () => {
    prove();
    for (let now = 60_000; now < 600_000; now += 60_000) {
      link.tick(now);
      hear({ kind: "pong", payload: new Uint8Array(8) });
    }
    expect(link.isOver).toBe(false);
  });

  test.each([
    ["never speaks", () => undefined],
    ["answers and never says welcome", () => hear({ kind: "pong", payload: new Uint8Array(8) })],
  ])("a relay that %s is given up", (_, answer) => {
    answer();
    link.tick(14_999);
    expect(link.isOver).toBe(false);
    expect(link.timeout()).toBe(15_000);
    link.tick(15_000);
    expect(link.isOver).toBe(true);
  });
});

test("after the end nothing is written, heard or opened", () => {
  prove();
  const stream = open();
  hear({ kind: "close", stream: 0, code: "revoked", sentence: "x" });
  expect(events.at(-1)).toEqual({ kind: "ended", ours: false, code: "revoked", sentence: "x" });
  const before = written.length;
  link.send(stream, new Uint8Array(1));
  link.close(stream, "done");
  link.end("done");
  link.lost(null);
  link.tick(1e9);
  hear({ kind: "wake" });
  expect([written.length, link.timeout(), link.open({ kind: "purpose", token: "t" }, 1, [], EMPTY)]).toEqual([
    before,
    null,
    null,
  ]);
});

test("a relay that says anything at all ends a link at most once and never throws", () => {
  const next = random(23);
  for (let round = 0; round < 300; round++) {
    link = new Link({ host: "relay.example", agent, key: new Uint8Array(32) }, 0);
    events = [];
    prove();
    const streams = [open(), open()];
    for (let step = 0; step < 40; step++) {
      const stream = next.below(4);
      const frames: Sendable[] = [
        { kind: "accept", stream, credit: next.below(50), versions: [1] },
        { kind: "data", stream, payload: next.bytes(1 + next.below(30)) },
        { kind: "credit", stream, amount: 1 + next.below(50) },
        { kind: "close", stream, code: "done", sentence: "" },
        { kind: "challenge", challenge },
        { kind: "pong", payload: next.bytes(8) },
      ];
      const frame = frames[next.below(frames.length)];
      if (frame && next.below(10) > 0) link.handle(encodeFrame(frame));
      else link.handle(next.bytes(next.below(12)));
      link.send(streams[next.below(2)] ?? 1, next.bytes(1 + next.below(9)));
      gather();
    }
    expect(events.filter(({ kind }) => kind === "ended").length).toBeLessThanOrEqual(1);
  }
});
