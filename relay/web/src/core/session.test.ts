import { beforeEach, expect, test } from "vitest";
import { encode } from "./b64";
import type { FromAgent, ToAgent } from "./generated";
import { reasonFor } from "./reasons";
import { Session, type SessionEffect } from "./session";
import { mintedToken } from "./testing/minted";

const welcome: FromAgent = {
  t: "welcome",
  machine: "tower",
  user: "ada",
  time: 1_000_000,
  scopes: ["view", "terminal"],
  reach: { root: null, terminal: null },
  expires: 9_000_000,
  until: null,
  generation: 7,
  suspended: false,
  terminals: [],
};
const terminal = encode(new Uint8Array(16).fill(1));

let session: Session;
let now: number;

beforeEach(() => {
  now = 100;
  session = new Session({ name: "Chrome on Linux", generation: 6, serial: 2 }, now);
});

function said(): ToAgent[] {
  return session.drain().flatMap((effect) => (effect.kind === "send" ? [effect.message] : []));
}

function hear(message: FromAgent): SessionEffect[] {
  session.receive(message, now);
  return session.drain();
}

function begin(): void {
  session.drain();
  now = 140;
  hear(welcome);
}

test("hello comes first, and the welcome that answers it is the first sign of life", () => {
  expect(said()).toEqual([{ t: "hello", name: "Chrome on Linux", generation: 6, serial: 2 }]);
  now = 140;
  expect(session.live(now)).toBe(false);
  expect(hear(welcome)).toContainEqual({ kind: "stands" });
  expect([session.live(now), session.rtt, session.heard]).toEqual([true, 40, 1_000_000]);
  expect(session.clockOffset).toBe(1_000_000 - 120);
});

test("anything before the welcome, and a second welcome, are faults", () => {
  expect(hear({ t: "pong", n: 1, time: 1 })).toContainEqual({ kind: "fault" });
  session = new Session({ name: "x", generation: 0, serial: 1 }, now);
  begin();
  expect(hear(welcome)).toContainEqual({ kind: "fault" });
});

test("a visible page asks every five seconds, a hidden one less often, and at once when it is seen again", () => {
  begin();
  session.tick(5099);
  expect(said()).toEqual([]);
  session.tick(5100);
  expect(said()).toEqual([{ t: "ping", n: 1 }]);
  session.setVisible(false, 5100);
  session.tick(20_000);
  expect(said()).toEqual([]);
  session.setVisible(true, 21_000);
  expect(said()).toEqual([{ t: "ping", n: 2 }]);
});

test("live lasts twelve seconds from the question, however late its answer came through", () => {
  begin();
  now = 5100;
  session.tick(now);
  now = 13_000;
  hear({ t: "pong", n: 1, time: 1_013_000 });
  expect([session.live(17_100), session.live(17_101)]).toEqual([true, false]);
});

test("the end of live is told without a message", () => {
  begin();
  expect(session.timeout(now)).toBe(5100);
  session.tick(5100);
  expect(session.timeout(5100)).toBe(10_100);
  session.tick(10_100);
  session.drain();
  expect(session.timeout(10_100)).toBe(12_101);
  session.tick(12_101);
  expect(session.drain()).toContainEqual({ kind: "changed" });
});

test("a pong nobody asked for is no sign of life", () => {
  begin();
  now = 60_000;
  hear({ t: "pong", n: 77, time: 1 });
  expect(session.live(now)).toBe(false);
});

test("the machine's clock is measured over the quickest answer, and again when it jumps", () => {
  begin();
  const first = session.clockOffset;
  now = 5100;
  session.tick(now);
  now = 5600;
  hear({ t: "pong", n: 1, time: 1_005_000 });
  expect(session.clockOffset).toBe(first);
  now = 10_100;
  session.tick(now);
  hear({ t: "pong", n: 2, time: 5_000_000 });
  expect(session.clockOffset).toBe(5_000_000 - 10_100);
});

test("a session that answers nothing for two minutes is given up, and one whose timers sleep is not", () => {
  begin();
  for (let n = 1; n < 10; n++) {
    now += 60_000;
    session.tick(now);
    expect(session.drain()).not.toContainEqual({ kind: "silent" });
    hear({ t: "pong", n, time: 1 });
  }
  const asked = session.timeout(now) ?? 0;
  session.tick(asked);
  session.tick(asked + 119_999);
  expect(session.drain()).not.toContainEqual({ kind: "silent" });
  session.tick(asked + 120_000);
  expect(session.drain()).toContainEqual({ kind: "silent" });
});

test("a minted token is a lease until it ends, is renewed, or its stream is over", () => {
  begin();
  const req = session.mint({ purpose: "view", terminal }, now);
  expect(said()).toEqual([{ t: "mint", req, wanted: { purpose: "view", terminal } }]);
  const minted = mintedToken(1, req);
  expect(hear(minted)).toContainEqual({ kind: "answer", req, answer: { kind: "minted", minted } });
  expect(session.leases).toMatchObject([{ jti: minted.jti, purpose: "view", terminal, expires: 1_000_000 }]);
  expect(session.leases).toMatchObject([{ life: 300_000 }]);
  // By the machine's clock it is 1,000,020 now: its new life is what is left from here.
  hear({ t: "lease", jti: minted.jti, expires: 1_900_020 });
  expect(session.leases).toMatchObject([{ expires: 1_900_020, life: 900_000 }]);
  const reason = reasonFor("revoked");
  expect(hear({ t: "ended", jti: minted.jti, reason })).toContainEqual({ kind: "ended", jti: minted.jti, reason });
  expect(session.leases).toEqual([]);
});

test("an answer to nothing, or of the wrong kind, is a fault", () => {
  begin();
  expect(hear({ t: "done", req: 9 })).toContainEqual({ kind: "fault" });
  const req = session.mint({ purpose: "view", terminal }, now);
  expect(hear({ t: "done", req })).toContainEqual({ kind: "fault" });
  session.drain();
  expect(hear({ t: "refused", req, reason: reasonFor("busy") })).toMatchObject([
    { kind: "answer", answer: { kind: "refused" } },
  ]);
  expect(hear({ t: "refused", req, reason: reasonFor("busy") })).toContainEqual({ kind: "fault" });
});

test("a renewed grant is handed on to be kept", () => {
  begin();
  expect(hear({ t: "grant", grant: "new", expires: 5 })).toContainEqual({ kind: "grant", grant: "new", expires: 5 });
  expect(session.facts?.expires).toBe(5);
});

test("what it may ask for is replaced by what the owner leaves it", () => {
  begin();
  const reach = { root: "/srv", terminal: null };
  expect(hear({ t: "scopes", scopes: ["view"], reach })).toContainEqual({ kind: "scopes" });
  expect(session.facts).toMatchObject({ scopes: ["view"], reach });
});

test("who asks for typing or lengthens it is there; who asks to watch may not be", () => {
  begin();
  session.mint({ purpose: "view", terminal }, now);
  expect(session.present).toBeNull();
  session.mint({ purpose: "terminal", terminal }, now);
  expect(session.present).toBe(1_000_020);
  now += 5000;
  session.touched(now);
  expect(session.present).toBe(1_005_020);
});

test("renewing, ending and looking at what this device has are each answered in their own way", () => {
  begin();
  const jti = mintedToken(1).jti;
  const renew = session.renew(jti);
  const revoke = session.revoke({ what: "token", jti });
  const access = session.access();
  expect(said().map(({ t }) => t)).toEqual(["renew", "revoke", "access"]);
  for (const req of [renew, revoke]) {
    expect(hear({ t: "done", req })).toContainEqual({ kind: "answer", req, answer: { kind: "done" } });
  }
  expect(hear({ t: "done", req: access })).toContainEqual({ kind: "fault" });
});

test("what is given to tell it from a copy is to be kept", () => {
  session.drain();
  expect(hear(welcome)).toContainEqual({ kind: "generation", generation: 7 });
});

test("the machine's keys and the wish for new ones of this device are passed on, and an answer to no question is a fault", () => {
  begin();
  const noise = { key: "k", serial: 3, since: 1, expires: 2, signature: "s" };
  expect(hear({ t: "keys", chain: [], noise })).toContainEqual({ kind: "keys", chain: [], noise });
  session.keysTaken(3);
  expect(said()).toEqual([{ t: "keys_taken", serial: 3 }]);
  expect(hear({ t: "rekey" })).toContainEqual({ kind: "rekey" });
  const req = session.rekey({ key: "k", noise_key: "n", old: "o", new: "w" });
  session.drain();
  const answer = { t: "rekeyed", req, grant: "g", expires: 5 } as const;
  expect(hear(answer)).toContainEqual({ kind: "answer", req, answer: { kind: "rekeyed", grant: "g", expires: 5 } });
  expect(hear(answer)).toContainEqual({ kind: "fault" });
});
