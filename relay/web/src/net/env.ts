/** What the network layer needs of the world. The browser's is in `browser.ts`; tests bring their own. */
import type { Bytes } from "../core/bytes";
import type { Crypto } from "../core/crypto";
import type { CloseName } from "../core/generated";

export interface Clock {
  /** Milliseconds, never going back. */
  now(): number;
  /** Milliseconds since 1970; for the proof, where it decides nothing. */
  unix(): number;
  /** Runs later; returns how not to. */
  after(milliseconds: number, run: () => void): () => void;
}

export interface SocketHandler {
  /** A text message comes as no bytes at all, which is malformed. */
  message(bytes: Bytes): void;
  /** Once, also when it never opened. */
  closed(code: CloseName | null): void;
}

export interface Socket {
  send(bytes: Bytes): void;
  close(code: CloseName): void;
}

export interface Env {
  clock: Clock;
  crypto: Crypto;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Dials the relay. No token and no name of a machine ever stands in the URL. */
  dial(handler: SocketHandler): Socket;
  /** The authority that is dialled, lower case. */
  host: string;
  /** False when the browser knows that it has no network. */
  online(): boolean;
  visible(): boolean;
}
