/** HKDF-SHA256 (RFC 5869). Noise's own HKDF is this one with empty info. */
import { concat, EMPTY, u8, type Bytes } from "./bytes";
import type { Crypto } from "./crypto";

const HASH = 32;

export async function hkdf(crypto: Crypto, salt: Bytes, ikm: Bytes, info: Bytes, length: number): Promise<Bytes> {
  // An empty salt means a block of zeros; libraries refuse empty HMAC keys.
  const key = await crypto.hmac(salt.length === 0 ? new Uint8Array(HASH) : salt, ikm);
  let block: Bytes = EMPTY;
  let out: Bytes = EMPTY;
  for (let count = 1; out.length < length; count++) {
    block = await crypto.hmac(key, concat(block, info, u8(count)));
    out = concat(out, block);
  }
  return out.slice(0, length);
}
