/** How long to wait before trying again: doubling, with jitter, so that many who were cut off together do not come back together. */
import { RETRY_FIRST_MS, RETRY_LONGEST_MS } from "./generated";

export class Backoff {
  private tries = 0;

  /** `random` is uniform in [0, 1). */
  constructor(
    private readonly random: () => number,
    private readonly longest: number = RETRY_LONGEST_MS,
  ) {}

  /** The next delay in milliseconds: between half and the whole of the step. */
  next(): number {
    const step = Math.min(this.longest, RETRY_FIRST_MS * 2 ** this.tries);
    this.tries = Math.min(this.tries + 1, 30);
    return step * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.tries = 0;
  }
}
