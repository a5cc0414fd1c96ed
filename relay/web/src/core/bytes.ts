/** Bytes and the few ways this protocol puts them together. Integers are big-endian. */

export type Bytes = Uint8Array<ArrayBuffer>;

// Both are part of every runtime this code meets; neither is part of ES2022, and the DOM's types stay out of core.
declare const TextEncoder: new () => { encode(text: string): Bytes };
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const EMPTY: Bytes = new Uint8Array(0);

export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** Null unless the bytes are well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Not constant in time: for public values only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function u8(value: number): Bytes {
  return Uint8Array.of(value);
}

export function u16(value: number): Bytes {
  return Uint8Array.of(value >>> 8, value);
}

export function u32(value: number): Bytes {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** `value` is a whole number below 2^53: everything this protocol counts stays far under that. */
export function u64(value: number): Bytes {
  return concat(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32));
}

/** Takes bytes from the front; null means that there were not enough, or that a number does not fit. */
export class Reader {
  private at = 0;

  constructor(private readonly bytes: Bytes) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** A view, not a copy. */
  take(length: number): Bytes | null {
    if (length > this.left) return null;
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  rest(): Bytes {
    const rest = this.bytes.subarray(this.at);
    this.at = this.bytes.length;
    return rest;
  }

  u8(): number | null {
    return this.number(1);
  }

  u16(): number | null {
    return this.number(2);
  }

  u32(): number | null {
    return this.number(4);
  }

  /** Null also for what a JavaScript number cannot hold exactly. */
  u64(): number | null {
    const value = this.number(8);
    return value !== null && Number.isSafeInteger(value) ? value : null;
  }

  private number(length: number): number | null {
    return this.take(length)?.reduce((value, byte) => value * 256 + byte, 0) ?? null;
  }
}
