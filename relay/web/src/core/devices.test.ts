import { beforeEach, expect, test } from "vitest";
import { utf8 } from "./bytes";
import { Devices, REFRESH_MS, type DevicesEffect } from "./devices";
import { INPUT_RESEND_MS, STREAM_TIME_MS, type DevicesReply, type DevicesRequest } from "./generated";
import { reasonFor } from "./reasons";
import type { AgentRecord } from "./records";
import { mintedToken } from "./testing/minted";

const LOCK = { what: "lock" } as const;
const LIST = { what: "list" } as const;
const EVERYTHING = { what: "revoke", revocation: { what: "everything" } } as const;

let devices: Devices;
let now: number;
let token: number;
let effects: DevicesEffect[];

beforeEach(() => {
  devices = new Devices();
  [now, token, effects] = [1000, 0, []];
});

function gather(): DevicesEffect[] {
  effects = devices.drain();
  return effects;
}

/** What went out as requests in the effects that were gathered last. */
function asked(): DevicesRequest[] {
  return effects.flatMap((effect) =>
    effect.kind === "send" && effect.record.kind === "request"
      ? [JSON.parse(Buffer.from(effect.record.json).toString()) as DevicesRequest]
      : [],
  );
}

function hear(record: AgentRecord): DevicesEffect[] {
  devices.record(record, now);
  return gather();
}

const reply = (message: DevicesReply): DevicesEffect[] => hear({ kind: "reply", json: utf8(JSON.stringify(message)) });

const listed = (req: number, more = false): DevicesReply => ({
  t: "listed",
  req,
  time: 5000,
  devices: [],
  tokens: [],
  more,
});

/** Takes the token that was asked for, all the way to a stream that stands. */
function stand(): void {
  devices.minted(mintedToken(++token), now);
  devices.accepted();
  devices.record({ kind: "ready" }, now);
  gather();
}

test("nothing is asked for until something is wished, and then one token serves all wishes", () => {
  devices.sessionUp(now);
  expect(gather()).toEqual([]);
  devices.wish(LIST, now);
  devices.wish(LOCK, now);
  expect(gather().filter(({ kind }) => kind === "mint")).toHaveLength(1);
  expect(devices.phase.kind).toBe("asking");
  stand();
  expect(asked().map(({ t }) => t)).toEqual(["list", "lock"]);
  expect(devices.phase.kind).toBe("live");
});

test("a wish without a session is carried out when there is one soon, and not hours later", () => {
  devices.wish(LIST, now);
  devices.sessionUp(now + 5000);
  expect(gather()).toContainEqual({ kind: "mint" });
  devices.sessionDown();
  devices.tick(now + INPUT_RESEND_MS);
  expect(gather()).toContainEqual({ kind: "answered", wish: 1, refused: reasonFor("cut") });
  devices.sessionUp(now + 9_000_000);
  expect(gather()).not.toContainEqual({ kind: "mint" });
});

test("a list that comes in parts is shown when it is whole", () => {
  devices.sessionUp(now);
  const wish = devices.wish(LIST, now);
  stand();
  reply(listed(1, true));
  expect(devices.list).toBeNull();
  expect(reply(listed(1))).toContainEqual({ kind: "answered", wish, refused: null });
  expect(devices.list?.at).toBe(5000);
});

test("what was ended is answered, and the list is read again at once", () => {
  devices.sessionUp(now);
  const wish = devices.wish(EVERYTHING, now);
  stand();
  expect(asked()).toEqual([{ t: "revoke", req: 1, revocation: { what: "everything" } }]);
  expect(reply({ t: "done", req: 1, ended: 3 })).toContainEqual({ kind: "answered", wish, refused: null });
  expect(asked()).toEqual([{ t: "list", req: 2 }]);
});

test("a refused wish says why, and the stream stands on", () => {
  devices.sessionUp(now);
  const wish = devices.wish(EVERYTHING, now);
  stand();
  const refused = reasonFor("not-yours");
  expect(reply({ t: "refused", req: 1, reason: refused })).toContainEqual({ kind: "answered", wish, refused });
  expect(devices.phase.kind).toBe("live");
});

test("the list is kept fresh while the token lives, and no longer", () => {
  devices.sessionUp(now);
  devices.wish(LIST, now);
  stand();
  reply(listed(1));
  devices.tick(now + REFRESH_MS);
  gather();
  expect(asked()).toEqual([{ t: "list", req: 2 }]);
  hear({ kind: "end", close: { code: "lapsed", sentence: "" } });
  expect(devices.timeout()).toBeNull();
  devices.tick(now + 10 * REFRESH_MS);
  expect(gather()).toEqual([]);
});

test("a lapse keeps the list, and the next wish asks for one token and is carried out", () => {
  devices.sessionUp(now);
  devices.wish(LIST, now);
  stand();
  reply(listed(1));
  hear({ kind: "end", close: { code: "lapsed", sentence: "" } });
  expect(devices.phase).toMatchObject({ kind: "lapsed", reason: { code: "lapsed" } });
  expect(devices.list?.at).toBe(5000);
  expect(effects).not.toContainEqual({ kind: "mint" });
  devices.wish(LOCK, now);
  expect(gather().filter(({ kind }) => kind === "mint")).toHaveLength(1);
  stand();
  expect(asked().map(({ t }) => t)).toEqual(["lock"]);
});

test("a stream that is cut under a wish is followed by another; one that was ended on purpose is not", () => {
  devices.sessionUp(now);
  devices.wish(EVERYTHING, now);
  stand();
  devices.cut(null);
  expect(gather()).toContainEqual({ kind: "mint" });
  stand();
  expect(asked()).toEqual([{ t: "revoke", req: 2, revocation: { what: "everything" } }]);
  devices.tokenEnded(mintedToken(token).jti, reasonFor("token-ended"));
  expect(gather()).toContainEqual({ kind: "answered", wish: 1, refused: reasonFor("token-ended") });
  expect(effects).not.toContainEqual({ kind: "mint" });
});

test("the end of another token means nothing here", () => {
  devices.sessionUp(now);
  devices.wish(LIST, now);
  stand();
  devices.tokenEnded(mintedToken(99).jti, reasonFor("token-ended"));
  expect(devices.phase.kind).toBe("live");
});

test("what this device was not granted is refused for good, and every wish with it", () => {
  devices.sessionUp(now);
  const wish = devices.wish(LIST, now);
  const refused = reasonFor("not-granted");
  devices.refused(refused);
  expect(gather()).toContainEqual({ kind: "answered", wish, refused });
  expect(devices.phase).toEqual({ kind: "refused", reason: refused });
});

test("a stream that nobody accepts is given up", () => {
  devices.sessionUp(now);
  devices.wish(LIST, now);
  devices.minted(mintedToken(1), now);
  devices.tick(now + STREAM_TIME_MS);
  expect(gather()).toContainEqual({ kind: "close", code: "handshake-timeout" });
});

test("records and replies that have no place here end the stream", () => {
  const wrong: AgentRecord[] = [
    { kind: "ready" },
    { kind: "applied", seq: 1 },
    { kind: "reply", json: utf8('{"t":"done"}') },
    { kind: "reply", json: utf8(JSON.stringify(listed(9))) },
  ];
  for (const record of wrong) {
    devices = new Devices();
    devices.sessionUp(now);
    devices.wish(LIST, now);
    stand();
    expect(hear(record)).toContainEqual({ kind: "close", code: "bad-message" });
  }
});

test("a list without end does not fill the page's memory", () => {
  devices.sessionUp(now);
  devices.wish(LIST, now);
  stand();
  const entry = {
    jti: mintedToken(1).jti,
    purpose: "view",
    device: mintedToken(1).jti,
    conn: mintedToken(1).jti,
  } as const;
  const one = { ...entry, from: "", about: "", issued: 1, expires: 2, used: 2, attached: true };
  let parts = 0;
  do reply({ ...listed(1, true), tokens: Array.from({ length: 200 }, () => one) } as DevicesReply);
  while (devices.phase.kind === "live" && ++parts < 100);
  expect(parts).toBeLessThan(100);
});

test("leaving puts the token back and forgets what was read", () => {
  devices.sessionUp(now);
  devices.wish(LIST, now);
  stand();
  reply(listed(1));
  devices.close();
  expect(gather()).toContainEqual({ kind: "close", code: "done" });
  expect([devices.list, devices.phase.kind]).toEqual([null, "idle"]);
});

test("a wish that finds no machine ends in saying so, and not in asking for ever", () => {
  devices.wish(LIST, now);
  expect(devices.phase.kind).toBe("asking");
  devices.tick(now + INPUT_RESEND_MS);
  expect(devices.phase).toMatchObject({ kind: "lapsed", reason: { code: "cut" } });
});
