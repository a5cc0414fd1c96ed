/** How many bytes one side may still send, and when the other gives more. */
import { CREDIT_MAX, STREAM_WINDOW } from "./generated";

/** What may be sent in one direction of a stream. */
export class Credit {
  constructor(private amount = 0) {}

  get left(): number {
    return this.amount;
  }

  /** False when more would be taken than is there; nothing is taken then. */
  take(bytes: number): boolean {
    if (bytes > this.amount) return false;
    this.amount -= bytes;
    return true;
  }

  /** False when more would be outstanding than the protocol allows. */
  add(bytes: number): boolean {
    if (this.amount + bytes > CREDIT_MAX) return false;
    this.amount += bytes;
    return true;
  }
}

/** Gathers what the reader has used up, so that it is given back in worthwhile steps. */
export class TopUp {
  private used = 0;

  constructor(private readonly step = Math.min(64 * 1024, STREAM_WINDOW / 2)) {}

  /** What to grant now; 0 for nothing yet. */
  use(bytes: number): number {
    this.used += bytes;
    if (this.used < this.step) return 0;
    const grant = this.used;
    this.used = 0;
    return grant;
  }
}
