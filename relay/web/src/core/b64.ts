/** Unpadded URL-safe base64 (RFC 4648, section 5), the one text form of bytes in this product. */
import type { Bytes } from "./bytes";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (letter, value) => [letter, value]));

export function encode(bytes: Uint8Array): string {
  let out = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += ALPHABET.charAt((held >> bits) & 63);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? out : out + ALPHABET.charAt((held << (6 - bits)) & 63);
}

/** Null for padding, white space, other letters and non-zero trailing bits: every value has one text. */
export function decode(text: string): Bytes | null {
  if (text.length % 4 === 1) return null;
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    const value = VALUES.get(letter);
    if (value === undefined) return null;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = held >> bits;
    }
    held &= (1 << bits) - 1;
  }
  return held === 0 ? out : null;
}

/** Null unless the text holds exactly `length` bytes. */
export function decodeExactly(text: string, length: number): Bytes | null {
  const bytes = decode(text);
  return bytes?.length === length ? bytes : null;
}
