/** The machine's keys and this browser's own, as they change: judged, kept, and only then told or used. */
import { decode } from "../core/b64";
import { EMPTY, type Bytes } from "../core/bytes";
import type { IdentityCert, NewKeys, NoiseCert } from "../core/generated";
import { deviceId, parseId } from "../core/ids";
import { follow, isCertified, rekey } from "../core/rotate";
import type { Env } from "./env";
import type { PairedMachine } from "./store";
import { generateDhKey, generateSignKey, signKey, type StoredKey } from "./webcrypto";

/** What to keep of the machine's present Noise key; `forged` when it does not lead back to the identity that is known, null when it is not new. */
export async function judge(
  env: Env,
  paired: PairedMachine,
  chain: readonly IdentityCert[],
  noise: NoiseCert,
): Promise<Pick<PairedMachine, "noiseKey" | "serial" | "identity"> | "forged" | null> {
  if (noise.serial <= paired.serial) return null;
  const agent = parseId(paired.agent) ?? EMPTY;
  const kept = { noiseKey: decode(noise.key) ?? EMPTY, serial: noise.serial };
  // Nothing was known to lead back to: the session under the key before is what there is.
  if (paired.identity.length === 0) return { ...kept, identity: EMPTY };
  const identity = await follow(env.crypto, paired.identity, chain, agent);
  if (identity === null || !(await isCertified(env.crypto, noise, identity, agent))) return "forged";
  return { ...kept, identity };
}

/** A browser's keys for one machine. */
export interface OwnKeys {
  deviceId: string;
  signKey: StoredKey;
  dhKey: StoredKey;
}

/** Fresh keys, and the proof that the present ones want them, for the session with this handshake hash. */
export async function nextKeys(
  env: Env,
  paired: PairedMachine,
  hash: Bytes,
): Promise<{ own: OwnKeys; proof: NewKeys }> {
  const [sign, dh] = await Promise.all([generateSignKey(), generateDhKey()]);
  const proof = await rekey({
    agent: parseId(paired.agent) ?? EMPTY,
    device: parseId(paired.deviceId) ?? EMPTY,
    old: signKey(paired.signKey),
    next: signKey(sign),
    nextNoise: dh.publicKey,
    hash,
  });
  const own = { deviceId: await deviceId(env.crypto, sign.publicKey), signKey: sign, dhKey: dh };
  return { own, proof };
}
