import { expect, test } from "vitest";
import { encode } from "./b64";
import { utf8 } from "./bytes";
import type {
  DeviceEntry,
  DevicesReply,
  FromAgent,
  Offer,
  PairReply,
  PastTerminal,
  Terminal,
  TokenEntry,
} from "./generated";
import { decodeDevicesReply, decodeFromAgent, decodeOffer, decodePairReply, encodeMessage } from "./messages";
import { random } from "./testing/random";

const id = encode(new Uint8Array(16).fill(3));
const reason = { code: "busy", sentence: "too much", hint: "" };
const terminal: Terminal = {
  id,
  name: "work",
  title: "vim \u2014 ünïcode",
  cwd: "/home/ada",
  started: 1,
  grid: { cols: 80, rows: 24 },
  exit: null,
  driver: null,
};
const device: DeviceEntry = {
  id,
  name: "Pixel",
  scopes: ["view", "devices"],
  reach: { root: null, terminal: null },
  paired: 1,
  seen: 2,
  from: "10.0.0.7",
  expires: 3,
  until: null,
  keys_end: 4,
  sessions: 1,
  suspended: false,
  changing_keys: true,
  yours: true,
};
const pastTerminal: PastTerminal = {
  id,
  name: "build",
  cwd: "/src",
  started: 1,
  ended: 2,
  exit: { t: "status", code: 3 },
  grid: { cols: 80, rows: 24 },
  kept: 4,
  dropped: 5,
};
const entry: TokenEntry = {
  jti: id,
  purpose: "view",
  device: id,
  conn: id,
  from: "10.0.0.7",
  about: "work",
  issued: 1,
  expires: 2,
  used: 2,
  attached: true,
};
const [key, signature] = [encode(new Uint8Array(32)), encode(new Uint8Array(64))];
const MESSAGES: FromAgent[] = [
  {
    t: "welcome",
    machine: "m",
    user: "u",
    time: 1,
    scopes: ["view", "terminal"],
    reach: { root: "/srv", terminal: null },
    expires: 2,
    until: 3,
    generation: 4,
    suspended: false,
    terminals: [terminal, { ...terminal, exit: { t: "signal", number: 9 } }],
  },
  { t: "pong", n: 4, time: 5 },
  { t: "keys", chain: [], noise: { key, serial: 2, since: 1, expires: 2, signature } },
  { t: "rekey" },
  { t: "rekeyed", req: 1, grant: "a.b.c", expires: 2 },
  { t: "minted", req: 1, jti: id, token: "a.b.c", secret: encode(new Uint8Array(32)), issued: 5, expires: 6 },
  { t: "created", req: 2, terminal: { ...terminal, exit: { t: "status", code: 3 } } },
  { t: "done", req: 3 },
  { t: "refused", req: 4, reason },
  { t: "access", req: 5, time: 6, device, tokens: [entry] },
  { t: "scopes", scopes: ["view", "files.read"], reach: { root: null, terminal: id } },
  {
    t: "keys",
    chain: [
      { from: encode(new Uint8Array(32)), to: encode(new Uint8Array(32)), signature: encode(new Uint8Array(64)) },
    ],
    noise: { key: encode(new Uint8Array(32)), serial: 2, since: 1, expires: 2, signature: encode(new Uint8Array(64)) },
  },
  { t: "rekey" },
  { t: "rekeyed", req: 6, grant: "a.b.c", expires: 9 },
  { t: "terminals", terminals: [] },
  { t: "lease", jti: id, expires: 8 },
  { t: "ended", jti: id, reason },
  { t: "grant", grant: "a.b.c", expires: 9 },
  { t: "history", req: 7, past: [pastTerminal, { ...pastTerminal, exit: null }], more: true },
];

const text = (value: unknown): string => JSON.stringify(value);

for (const message of MESSAGES) {
  test(`a message is read as it was meant: ${message.t}`, () => {
    expect(decodeFromAgent(utf8(text(message)))).toEqual(message);
  });

  test(`a field too many, too few, of another type or twice is refused: ${message.t}`, () => {
    const names = Object.keys(message);
    expect(decodeFromAgent(utf8(text({ ...message, extra: 1 })))).toBeUndefined();
    for (const name of names) {
      const without = Object.fromEntries(Object.entries(message).filter(([key]) => key !== name));
      expect(decodeFromAgent(utf8(text(without)))).toBeUndefined();
      for (const wrong of [null, [], {}, -1, 1.5, "\u0000 "]) {
        const twisted = text({ ...message, [name]: wrong });
        if (typeof wrong === "string" && name !== "t" && /machine|user/.test(name)) continue;
        if (Array.isArray(wrong) && /scopes|terminals|tokens|chain|past/.test(name)) continue;
        if (wrong === null && name === "until") continue;
        expect(decodeFromAgent(utf8(twisted)), twisted).toBeUndefined();
      }
    }
    const twice = text(message).replace(/^\{/, `{"t":${text(message.t)},`);
    expect(decodeFromAgent(utf8(twice))).toBeUndefined();
  });
}

test("a repeated field deep inside, or spelled with an escape, is refused too", () => {
  const good = text({ t: "refused", req: 1, reason });
  expect(decodeFromAgent(utf8(good))).toBeDefined();
  expect(decodeFromAgent(utf8(good.replace('"code":"busy"', '"code":"busy","c\\u006fde":"x"')))).toBeUndefined();
  // A name that only looks repeated stands in another object, or is a value.
  const twins = { t: "terminals", terminals: [terminal, { ...terminal, name: "name" }] };
  expect(decodeFromAgent(utf8(text(twins)))).toEqual(twins);
});

test("half a surrogate pair, bytes that are no text, and a message that is too long are refused", () => {
  expect(
    decodeFromAgent(utf8('{"t":"refused","req":1,"reason":{"code":"\\ud800","sentence":"","hint":""}}')),
  ).toBeUndefined();
  expect(decodeFromAgent(Uint8Array.of(0x7b, 0xff, 0x7d))).toBeUndefined();
  expect(decodeFromAgent(utf8(text({ t: "done", req: 1 }) + " ".repeat(65_000)))).toBeUndefined();
});

test("names that every object inherits are not fields", () => {
  expect(decodeFromAgent(utf8('{"t":"__proto__"}'))).toBeUndefined();
  expect(decodeFromAgent(utf8('{"t":"toString"}'))).toBeUndefined();
  expect(decodeFromAgent(utf8('{"t":"done","__proto__":{"req":1}}'))).toBeUndefined();
});

test("what pairing says is read the same way", () => {
  const offer: Offer = {
    machine: "m",
    user: "u",
    scopes: ["view"],
    reach: { root: null, terminal: id },
    stays: 1_800_000,
    expires: 1,
  };
  expect(decodeOffer(utf8(text(offer)))).toEqual(offer);
  expect(decodeOffer(utf8(text({ ...offer, scopes: ["root"] })))).toBeUndefined();
  const replies: PairReply[] = [
    { t: "waiting" },
    {
      t: "granted",
      grant: "a.b.c",
      scopes: ["view"],
      reach: { root: null, terminal: null },
      expires: 1,
      until: null,
      identity: encode(new Uint8Array(32)),
      serial: 3,
    },
    { t: "refused", reason },
  ];
  for (const reply of replies) expect(decodePairReply(utf8(text(reply)))).toEqual(reply);
  expect(decodePairReply(utf8('{"t":"waiting","more":1}'))).toBeUndefined();
});

test("what a stream of devices says is read the same way", () => {
  const replies: DevicesReply[] = [
    { t: "listed", req: 1, time: 2, devices: [device], tokens: [entry], more: true },
    { t: "done", req: 2, ended: 3 },
    { t: "refused", req: 3, reason },
  ];
  for (const reply of replies) expect(decodeDevicesReply(utf8(text(reply)))).toEqual(reply);
  expect(decodeDevicesReply(utf8(text({ ...replies[0], devices: [{ ...device, key: "x" }] })))).toBeUndefined();
  expect(decodeDevicesReply(utf8(text({ ...replies[0], tokens: [{ ...entry, purpose: "root" }] })))).toBeUndefined();
  const { more: _, ...cut } = { t: "listed", req: 1, time: 2, devices: [], tokens: [], more: false };
  expect(decodeDevicesReply(utf8(text(cut)))).toBeUndefined();
});

test("a chain of identities is read whole or not at all", () => {
  const noise = { key, serial: 2, since: 1, expires: 2, signature };
  const link = { from: key, to: key, signature };
  const keys = { t: "keys", chain: [link, link], noise };
  expect(decodeFromAgent(utf8(text(keys)))).toEqual(keys);
  expect(decodeFromAgent(utf8(text({ ...keys, chain: [{ ...link, to: "short" }] })))).toBeUndefined();
  expect(decodeFromAgent(utf8(text({ ...keys, chain: Array(9).fill(link) })))).toBeUndefined();
});

test("a message that would be too long is not written", () => {
  expect(encodeMessage({ t: "hello", name: "x".repeat(65_000), generation: 0, serial: 1 })).toBeNull();
});

test("garbage never throws", () => {
  const next = random(22);
  const pieces = ['{"t":', '"pong"', ',"n":1', ',"time":2', "}", "[", "]", '"', "\\", "null", "1e999", "{", ","];
  for (let round = 0; round < 20_000; round++) {
    const parts = Array.from({ length: next.below(9) }, () => pieces[next.below(pieces.length)]);
    decodeFromAgent(utf8(parts.join("")));
    decodeFromAgent(next.bytes(next.below(30)));
  }
});
