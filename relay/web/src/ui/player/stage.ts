/** Feeds a terminal what its playback stands at: in pieces, the next when those before were parsed, so that no frame takes long. */
import type { Grid } from "../../core/generated";
import type { RecordedEvent } from "../../net/api";
import type { Playback } from "../model/playback";
import type { Emulator } from "../terminal/emulator";

/** What is fed between two frames, in bytes. */
const PIECE = 128 * 1024;
/** Bytes that the emulator takes at once: between two of them it looks at the clock, and lets a frame come when it is time. */
const SLICE = 64 * 1024;
/** How often the place in the recording is shown while nothing happens in it. */
const SHOWN_EVERY_MS = 100;
const NOTHING = new Uint8Array(0);

export class Stage {
  private busy = false;
  private timer = 0;
  private frame = 0;
  private over = false;

  constructor(
    private readonly playback: Playback,
    private readonly grid: Grid,
    readonly emulator: Emulator,
    /** Where it stands has changed. */
    private readonly shown: (now: number) => void,
  ) {
    this.go();
  }

  /** What is to be shown has changed. */
  go(): void {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    if (this.busy || this.over) return;
    const now = performance.now();
    const { reset, events } = this.playback.feed(now, PIECE);
    if (reset || events.length > 0) {
      this.busy = true;
      this.write(reset, events, () => {
        this.busy = false;
        this.later();
      });
    } else this.later();
    this.shown(now);
  }

  dispose(): void {
    this.over = true;
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.emulator.dispose();
  }

  private later(): void {
    if (this.over) return;
    const now = performance.now();
    if (this.playback.behind(now)) this.frame = requestAnimationFrame(() => this.go());
    else {
      const next = this.playback.next(now);
      if (next !== null) this.timer = window.setTimeout(() => this.go(), Math.min(next, SHOWN_EVERY_MS));
      this.shown(now);
    }
  }

  private write(reset: boolean, events: readonly RecordedEvent[], done: () => void): void {
    if (reset) this.emulator.write(NOTHING, this.grid, () => undefined);
    for (const event of events) {
      if (event.kind === "output") this.print(event.bytes);
      else if (event.kind === "size") this.emulator.setGrid(event.grid);
    }
    this.emulator.write(NOTHING, null, done);
  }

  private print(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SLICE)
      this.emulator.write(bytes.subarray(at, at + SLICE), null, () => undefined);
  }
}
