/** How long to wait before trying again: doubling, with jitter, so that many who were cut off together do not come back together. */

export interface BackoffOptions {
  first: number;
  most: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

export class Backoff {
  private tries = 0;

  constructor(private readonly options: BackoffOptions) {}

  /** The next delay in milliseconds: between half and the whole of the step. */
  next(): number {
    const { first, most, random } = this.options;
    const step = Math.min(most, first * 2 ** this.tries);
    this.tries = Math.min(this.tries + 1, 30);
    return step * (0.5 + random() / 2);
  }

  reset(): void {
    this.tries = 0;
  }
}
