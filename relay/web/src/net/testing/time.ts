/** Virtual time, and waiting for cryptography without waiting for a clock. */
// Loaded beforehand, since fetching a module is nothing that `settle` could wait for.
import "../../core/generated/words";
import type { Clock } from "../env";

const UNIX_START = 1_700_000_000_000;

export class VirtualClock implements Clock {
  private time = 1000;
  private timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.time;
  }

  unix(): number {
    return UNIX_START + Math.floor(this.time);
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.time + milliseconds, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  }

  /** Lets time pass, timer by timer, each with all that follows from it. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.time + milliseconds;
    await settle();
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.timers = this.timers.filter((one) => one !== next);
      this.time = Math.max(this.time, next.at);
      next.run();
      await settle();
    }
    this.time = until;
    await settle();
  }
}

let running = 0;
const METHODS = [
  "sign",
  "verify",
  "encrypt",
  "decrypt",
  "digest",
  "importKey",
  "exportKey",
  "generateKey",
  "deriveBits",
];
type Method = (...parameters: unknown[]) => Promise<unknown>;
const subtle = Object.getPrototypeOf(crypto.subtle) as Record<string, Method>;
for (const name of METHODS) {
  const original = subtle[name];
  if (original === undefined) throw new Error(`WebCrypto has no ${name}`);
  subtle[name] = function (this: unknown, ...parameters: unknown[]): Promise<unknown> {
    running++;
    return original.apply(this, parameters).finally(() => running--);
  };
}

/** Returns when nothing is under way any more: no cryptography, and nothing that follows from it. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet = running === 0 ? quiet + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
