import type { Clock } from "./env";

/** Keeps one timer for a thing that says when it wants to look at the clock. */
export class Ticker {
  private cancel: (() => void) | null = null;
  private due: number | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly timeout: () => number | null,
    private readonly tick: (now: number) => void,
  ) {}

  /** Call after anything that may have changed the timeout. */
  update(): void {
    const due = this.timeout();
    if (due === this.due) return;
    this.stop();
    if (due === null) return;
    this.due = due;
    this.cancel = this.clock.after(Math.max(0, due - this.clock.now()), () => this.fire());
  }

  stop(): void {
    this.cancel?.();
    this.cancel = null;
    this.due = null;
  }

  private fire(): void {
    const due = this.due;
    this.cancel = null;
    this.due = null;
    // Compare before trusting a timer: it may have fired a little early.
    if (due !== null && this.clock.now() >= due) this.tick(this.clock.now());
    this.update();
  }
}
