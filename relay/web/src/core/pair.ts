/** Pairing: what stands in the link, what both sides derive from its secret, and the words a person compares. */
import { decode, encode } from "./b64";
import { EMPTY, Reader, utf8, type Bytes } from "./bytes";
import type { Crypto } from "./crypto";
import { hkdf } from "./hkdf";
import { ID_LENGTH } from "./ids";

const VERSION = 1;
const FLAG_FINGERPRINT = 1;
const KEY = 32;

export interface PairingLink {
  /** The machine. */
  agent: string;
  /** Its static Noise key. */
  noiseKey: Bytes;
  secret: Bytes;
  /** SHA-256 of the relay's certificate, where no authority vouches for it. A browser can check it only by eye. */
  fingerprint: Bytes | null;
}

/** `incomplete`: most likely cut while copying. `version`: made by a build this one does not know. */
export type PairingLinkFault = "incomplete" | "version";

/** Reads what stands behind `#pair=`; that prefix may be there too. */
export function parsePairingLink(fragment: string): PairingLink | PairingLinkFault {
  const bytes = decode(fragment.replace(/^#/, "").replace(/^pair=/, ""));
  if (bytes === null) return "incomplete";
  const reader = new Reader(bytes);
  const version = reader.u8();
  const flags = reader.u8();
  if (version === null || flags === null) return "incomplete";
  if (version !== VERSION || (flags & ~FLAG_FINGERPRINT) !== 0) return "version";
  const agent = reader.take(ID_LENGTH);
  const noiseKey = reader.take(KEY);
  const secret = reader.take(KEY);
  const fingerprint = flags === 0 ? null : reader.take(KEY);
  const whole = reader.left === 0 && (flags === 0 || fingerprint !== null);
  if (agent === null || noiseKey === null || secret === null || !whole) return "incomplete";
  return { agent: encode(agent), noiseKey, secret, fingerprint };
}

export function pairPsk(crypto: Crypto, secret: Bytes): Promise<Bytes> {
  return hkdf(crypto, EMPTY, secret, utf8("lanyard/pair-psk/v1"), KEY);
}

/** Where the two meet. The relay, which learns it, cannot get back to the secret. */
export async function rendezvous(crypto: Crypto, secret: Bytes): Promise<string> {
  return encode(await hkdf(crypto, EMPTY, secret, utf8("lanyard/rendezvous/v1"), ID_LENGTH));
}

const WORD_COUNT = 4;
const WORD_BITS = 11;

/** Four words that both ends of one handshake, and nobody between, can say. */
export async function checkWords(crypto: Crypto, handshakeHash: Bytes): Promise<string[]> {
  // Only who pairs needs the list: it stays out of what every page loads.
  const { WORDS } = await import("./generated/words");
  const bytes = await hkdf(crypto, handshakeHash, EMPTY, utf8("lanyard/check-words/v1"), 6);
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from({ length: WORD_COUNT }, (_, at) => {
    const index = parseInt(bits.slice(at * WORD_BITS, (at + 1) * WORD_BITS), 2);
    return WORDS[index] ?? "";
  });
}
