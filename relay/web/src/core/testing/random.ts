import type { Bytes } from "../bytes";

export interface Random {
  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number;
  bytes(length: number): Bytes;
}

/** The same sequence for the same seed, so that a failing case can be run again (mulberry32). */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return { below, bytes: (length) => Uint8Array.from({ length }, () => below(256)) };
}
