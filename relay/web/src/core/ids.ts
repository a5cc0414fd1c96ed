/** Names of things: 16 bytes each, 22 characters of base64url in text. */
import { decodeExactly, encode } from "./b64";
import type { Bytes } from "./bytes";
import type { Crypto } from "./crypto";
import { transcript } from "./transcript";

export const ID_LENGTH = 16;

/** Null unless the text is an id. */
export function parseId(text: string): Bytes | null {
  return decodeExactly(text, ID_LENGTH);
}

export async function deviceId(crypto: Crypto, key: Bytes): Promise<string> {
  const hash = await crypto.sha256(transcript("lanyard/device-id/v1", key));
  return encode(hash.subarray(0, ID_LENGTH));
}
