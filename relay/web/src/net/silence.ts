/** Whose silence it is: when the machine owes an answer, the relay is asked for one, and then it is known which of the two is gone. */
import { DOUBT_TIME_MS, HEARTBEAT_MS } from "../core/generated";

/** While it is not known yet, it is looked so often whether the relay has answered. */
const LOOK_MS = 500;

/** What is asked of a link. */
export interface Asked {
  ping(): void;
  /** True while an answer of the relay is waited for. */
  readonly waiting: boolean;
}

export class Silence {
  /** Since when the relay has been asked because of it. */
  private asked: number | null = null;
  /** When to look, or to ask, next. */
  private next: number | null = null;
  /** For which answer that the machine owes the relay was found to answer. */
  private machines: number | null = null;

  /** When `tick` wants to be called; `awaiting` is since when the machine owes an answer. */
  timeout(awaiting: number | null): number | null {
    return awaiting === null ? null : (this.next ?? awaiting + HEARTBEAT_MS);
  }

  /** True when the relay answers as little as the machine: the link between is dead. */
  tick(now: number, awaiting: number | null, link: Asked): boolean {
    const due = this.timeout(awaiting);
    if (due === null) this.forget();
    if (due === null || now < due) return false;
    if (this.asked === null) {
      this.asked = now;
      this.next = now + LOOK_MS;
      link.ping();
      return false;
    }
    if (!link.waiting) {
      this.machines = awaiting;
      // Of this moment only: in a while the relay is asked again.
      this.asked = null;
      this.next = now + HEARTBEAT_MS;
      return false;
    }
    this.next = now + LOOK_MS;
    return now - this.asked >= DOUBT_TIME_MS;
  }

  /** Whether the relay has answered since the machine does not. */
  isOfMachine(awaiting: number | null): boolean {
    return awaiting !== null && awaiting === this.machines;
  }

  forget(): void {
    this.asked = null;
    this.next = null;
    this.machines = null;
  }
}
