/** Conformance cases that both implementations read. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../../shared/vectors/", import.meta.url));

/** One file of vectors; the caller says what is in it. */
export function readVectors(path: string): unknown {
  return JSON.parse(readFileSync(ROOT + path, "utf8")) as unknown;
}

/** The form in which Noise implementations publish their vectors. */
export interface NoiseVector {
  protocol_name: string;
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  init_remote_static: string;
  init_psks?: string[];
  resp_prologue: string;
  resp_static: string;
  resp_ephemeral: string;
  resp_psks?: string[];
  handshake_hash?: string;
  messages: { payload: string; ciphertext: string }[];
}

/** Published handshakes, and two of this protocol with their prologues. */
export interface ProtocolVector extends NoiseVector {
  mode: "session" | "pair";
  agent: string;
  conn: string;
  viewer_versions: number[];
  agent_versions: number[];
}

export const publishedNoise: NoiseVector[] = ["published-ik", "published-ikpsk1"].flatMap(
  (name) => (readVectors(`noise/${name}.json`) as { vectors: NoiseVector[] }).vectors,
);

export const protocolNoise: ProtocolVector[] = ["lanyard-session", "lanyard-pair"].map(
  (name) => readVectors(`noise/${name}.json`) as ProtocolVector,
);
