/** What every signature covers: a context that names the use, then fields of known length. */
import { concat, u16, u32, u64, utf8, type Bytes } from "./bytes";

/** `lp(context) lp(field) …` with `lp(x) = u32 length | x`. No two different lists of fields give the same bytes. */
export function transcript(context: string, ...fields: readonly Bytes[]): Bytes {
  return concat(...[utf8(context), ...fields].flatMap((part) => [u32(part.length), part]));
}

export interface LinkProof {
  host: string;
  agent: Bytes;
  key: Bytes;
  conn: Bytes;
  nonce: Bytes;
  /** Milliseconds since 1970. */
  time: number;
  offered: readonly number[];
  version: number;
}

export function linkProof(proof: LinkProof): Bytes {
  return transcript(
    "lanyard/link-proof/v1",
    utf8("device"),
    utf8(proof.host),
    proof.agent,
    proof.key,
    proof.conn,
    proof.nonce,
    u64(proof.time),
    versions(proof.offered),
    u16(proof.version),
  );
}

/** Joins the device's two keys to one handshake. */
export function pairing(handshakeHash: Bytes, agent: Bytes, deviceKey: Bytes, deviceNoiseKey: Bytes): Bytes {
  return transcript("lanyard/pair/v1", handshakeHash, agent, deviceKey, deviceNoiseKey);
}

export type Mode = "session" | "pair";

export function prologue(
  mode: Mode,
  agent: Bytes,
  conn: Bytes,
  viewer: readonly number[],
  machine: readonly number[],
): Bytes {
  return transcript("lanyard/noise/v1", utf8(mode), agent, conn, versions(viewer), versions(machine));
}

function versions(list: readonly number[]): Bytes {
  return concat(...list.map(u16));
}
