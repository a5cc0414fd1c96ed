/** How the machine's keys take each other's place, as a viewer judges it, and how a device changes its own. */
import { decode, encode } from "./b64";
import { EMPTY, equal, u32, u64, type Bytes } from "./bytes";
import type { Crypto, SignKey } from "./crypto";
import { IDENTITY_CHAIN_MAX, LIFE_NOISE_KEY_MS, type IdentityCert, type NewKeys, type NoiseCert } from "./generated";
import { transcript } from "./transcript";

/** The identity at the end of `chain` for who knows `known`; null when the chain does not lead there from `known`. */
export async function follow(
  crypto: Crypto,
  known: Bytes,
  chain: readonly IdentityCert[],
  agent: Bytes,
): Promise<Bytes | null> {
  if (chain.length > IDENTITY_CHAIN_MAX) return null;
  const start = chain.findIndex(({ from }) => equal(bytes(from), known));
  let at = known;
  for (const cert of start < 0 ? [] : chain.slice(start)) {
    const to = bytes(cert.to);
    const signed = transcript("lanyard/identity/v1", agent, at, to);
    const follows = equal(bytes(cert.from), at);
    if (!follows || !(await crypto.verify(at, signed, bytes(cert.signature)))) return null;
    at = to;
  }
  return at;
}

/** Whether `identity` certified this Noise key of `agent`, for no longer than one may live. */
export async function isCertified(crypto: Crypto, cert: NoiseCert, identity: Bytes, agent: Bytes): Promise<boolean> {
  const life = cert.expires - cert.since;
  const { key, serial, since, expires } = cert;
  const signed = transcript("lanyard/noise-key/v1", agent, bytes(key), u32(serial), u64(since), u64(expires));
  return life >= 0 && life * 1000 <= LIFE_NOISE_KEY_MS && crypto.verify(identity, signed, bytes(cert.signature));
}

export interface Rekey {
  agent: Bytes;
  /** The device's present id. */
  device: Bytes;
  old: SignKey;
  next: SignKey;
  nextNoise: Bytes;
  /** Of the session in which it is said. */
  hash: Bytes;
}

/** A device's next keys, signed by its present one and by themselves, for one session. */
export async function rekey({ agent, device, old, next, nextNoise, hash }: Rekey): Promise<NewKeys> {
  const signed = transcript("lanyard/rekey/v1", agent, device, next.publicKey, nextNoise, hash);
  const [present, own] = await Promise.all([old.sign(signed), next.sign(signed)]);
  return { key: encode(next.publicKey), noise_key: encode(nextNoise), old: encode(present), new: encode(own) };
}

/** What has the form of base64url everywhere it comes from; anything else verifies nothing. */
function bytes(text: string): Bytes {
  return decode(text) ?? EMPTY;
}
