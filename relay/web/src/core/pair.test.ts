import { expect, test } from "vitest";
import { webCrypto } from "../net/webcrypto";
import { decode, encode } from "./b64";
import { deviceId } from "./ids";
import { checkWords, pairPsk, parsePairingLink, rendezvous } from "./pair";
import { fixedSignKey, hex } from "./testing/keys";
import { readVectors } from "./testing/vectors";
import { pairing } from "./transcript";

interface Links {
  good: { fragment: string; agent: string; noise_key: string; secret: string; fingerprint: string | null }[];
  bad: { name: string; fragment: string }[];
}
const links = readVectors("pair/links.json") as Links;

test("a good link says machine, key, secret and fingerprint", () => {
  for (const good of links.good) {
    const link = parsePairingLink(good.fragment);
    if (typeof link === "string") throw new Error(link);
    expect(link.agent).toBe(good.agent);
    expect(encode(link.noiseKey)).toBe(good.noise_key);
    expect(encode(link.secret)).toBe(good.secret);
    expect(link.fingerprint && encode(link.fingerprint)).toBe(good.fingerprint);
    expect(parsePairingLink(good.fragment.slice("pair=".length))).toEqual(link);
  }
});

for (const bad of links.bad) {
  test(`a bad link is refused: ${bad.name}`, () => {
    const versions = ["other-version", "unknown-flag"];
    expect(parsePairingLink(bad.fragment)).toBe(versions.includes(bad.name) ? "version" : "incomplete");
  });
}

test("a link cut anywhere is incomplete, never half a link", () => {
  for (const { fragment } of links.good) {
    for (let end = "pair=".length; end < fragment.length; end++) {
      expect(parsePairingLink(fragment.slice(0, end))).toBe("incomplete");
    }
  }
});

test("key and rendezvous come from the secret as on the other side", async () => {
  const { cases } = readVectors("pair/secrets.json") as {
    cases: { secret: string; psk: string; rendezvous: string }[];
  };
  for (const one of cases) {
    expect(await pairPsk(webCrypto, hex(one.secret))).toEqual(hex(one.psk));
    expect(await rendezvous(webCrypto, hex(one.secret))).toBe(one.rendezvous);
  }
});

test("both ends of one handshake show the same words", async () => {
  const { cases } = readVectors("pair/words.json") as { cases: { handshake_hash: string; words: string[] }[] };
  for (const one of cases) expect(await checkWords(webCrypto, hex(one.handshake_hash))).toEqual(one.words);
});

test("the pairing signature joins the keys and the handshake in the bytes the machine checks", async () => {
  const vector = readVectors("pair/signature.json") as Record<
    "seed" | "key" | "agent" | "handshake_hash" | "noise_key" | "signature",
    string
  >;
  const key = await fixedSignKey(hex(vector.seed), hex(vector.key));
  const message = pairing(hex(vector.handshake_hash), hex(vector.agent), hex(vector.key), hex(vector.noise_key));
  expect(await key.sign(message)).toEqual(hex(vector.signature));
});

test("a device is named by its key", async () => {
  const vector = readVectors("pair/signature.json") as { key: string; device_id: string };
  expect(await deviceId(webCrypto, hex(vector.key))).toBe(vector.device_id);
  expect(decode(vector.device_id)).toHaveLength(16);
});
