/** Keys of purpose streams: one token, one stream, one key a direction. The relay sees the token and never the secret. */
import { concat, u8, utf8, type Bytes } from "./bytes";
import { Cipher } from "./cipher";
import type { Crypto } from "./crypto";
import { hkdf } from "./hkdf";

const SALT = utf8("lanyard/seal/v1");
const DIRECTION = { viewerToAgent: 1, agentToViewer: 2 } as const;

export type Direction = keyof typeof DIRECTION;

/** The cipher of one direction of the stream whose token is `jti`. */
export async function sealCipher(crypto: Crypto, secret: Bytes, jti: Bytes, direction: Direction): Promise<Cipher> {
  const key = await hkdf(crypto, SALT, secret, concat(jti, u8(DIRECTION[direction])), 32);
  return new Cipher(await crypto.aead(key));
}
