import { expect, test } from "vitest";
import { webCrypto } from "../net/webcrypto";
import { decode } from "./b64";
import type { Bytes } from "./bytes";
import type { IdentityCert, NewKeys, NoiseCert } from "./generated";
import { follow, isCertified, rekey } from "./rotate";
import { fixedSignKey, hex } from "./testing/keys";
import { readVectors } from "./testing/vectors";

interface Keys {
  agent: string;
  cases: { name: string; known: string; chain: IdentityCert[]; noise: NoiseCert; holds: boolean }[];
}
interface Device {
  agent: string;
  device: string;
  hash: string;
  noise_key: string;
  old_seed: string;
  old: string;
  next_seed: string;
  next: string;
  keys: NewKeys;
}

function id(text: string): Bytes {
  const bytes = decode(text);
  if (bytes === null) throw new Error("not base64url");
  return bytes;
}

const { agent, cases } = readVectors("rotate/keys.json") as Keys;

for (const { name, known, chain, noise, holds } of cases) {
  test(`a Noise key ${holds ? "holds" : "is not believed"}: ${name}`, async () => {
    const identity = await follow(webCrypto, hex(known), chain, id(agent));
    const certified = identity !== null && (await isCertified(webCrypto, noise, identity, id(agent)));
    expect(certified).toBe(holds);
  });
}

test("a device signs its next keys as every implementation does", async () => {
  const device = readVectors("rotate/device.json") as Device;
  const keys = await rekey({
    agent: id(device.agent),
    device: id(device.device),
    old: await fixedSignKey(hex(device.old_seed), hex(device.old)),
    next: await fixedSignKey(hex(device.next_seed), hex(device.next)),
    nextNoise: hex(device.noise_key),
    hash: hex(device.hash),
  });
  expect(keys).toEqual(device.keys);
});
