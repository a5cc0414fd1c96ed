/** Keys with known bytes, for published vectors only: the product never imports a private key. */
import { concat, type Bytes } from "../bytes";
import type { DhKey, SignKey } from "../crypto";
import { dhKey, signKey } from "../../net/webcrypto";

/** RFC 8410: what stands before the 32 bytes of a private key in PKCS #8. */
const ED25519 = Uint8Array.from(Buffer.from("302e020100300506032b657004220420", "hex"));
const X25519 = Uint8Array.from(Buffer.from("302e020100300506032b656e04220420", "hex"));
const BASE_POINT = Uint8Array.of(9, ...new Uint8Array(31));

export async function fixedDhKey(secret: Bytes): Promise<DhKey> {
  const pkcs8 = concat(X25519, secret);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
  const publicKey = await dhKey({ privateKey, publicKey: BASE_POINT }).agree(BASE_POINT);
  if (publicKey === null) throw new Error("not a private key");
  return dhKey({ privateKey, publicKey });
}

export async function fixedSignKey(seed: Bytes, publicKey: Bytes): Promise<SignKey> {
  const privateKey = await crypto.subtle.importKey("pkcs8", concat(ED25519, seed), "Ed25519", false, ["sign"]);
  return signKey({ privateKey, publicKey });
}

export function hex(text: string): Bytes {
  return Uint8Array.from(Buffer.from(text, "hex"));
}
