/**
 * Fetching what is kept of a terminal that has ended, as a recording. Interrupted, it goes on where it was; it is whole only with the
 * sealed `end`.
 */
import type { Backoff } from "./backoff";
import type { Bytes } from "./bytes";
import type { Exit, Grid, PastTerminal, Reason } from "./generated";
import type { AgentRecord, ViewerRecord } from "./records";
import type { RecordedEvent, Recording } from "./recording";
import { Watching } from "./watching";

export type PlayingPhase =
  /** `got` of about `of` bytes are here. */
  | { kind: "fetching"; got: number; of: number }
  | { kind: "whole"; recording: Recording }
  | { kind: "failed"; reason: Reason };

/** Twice what a machine keeps of a terminal; a bound, so that no peer fills this page's memory. */
const OUTPUT_MAX = 16 * 1024 * 1024;
const EVENTS_MAX = 500_000;
const TOO_LARGE: Reason = {
  code: "too-large",
  sentence: "more is kept of this terminal than a page can hold",
  hint: "at the machine, `lanyard history show` prints it",
};

export class Playing extends Watching<never> {
  private events: RecordedEvent[] = [];
  private got = 0;
  /** Output up to here is there; null before any. */
  private have: number | null = null;
  private at = 0;
  private first: Grid | null = null;
  private size: Grid | null = null;
  private exited: Exit | null = null;
  /** What follows the opening: the size by then. */
  private greeted = false;
  private over: PlayingPhase | null = null;

  constructor(
    private readonly past: PastTerminal,
    backoff: Backoff,
  ) {
    super(backoff);
  }

  get phase(): PlayingPhase {
    return this.over ?? { kind: "fetching", got: this.got, of: this.past.kept };
  }

  protected override opening(): ViewerRecord {
    this.greeted = false;
    return { kind: "viewOpening", have: this.have, grid: this.past.grid };
  }

  protected override opened(): void {
    // What comes says it.
  }

  protected override apply(record: Exclude<AgentRecord, { kind: "end" }>, cost: number): boolean {
    this.use(cost);
    switch (record.kind) {
      case "size":
        return this.resized(record.grid);
      case "at":
        // Never back, or the recording could not be played.
        if (record.ms < this.at) return false;
        this.at = record.ms;
        return true;
      case "output":
        return this.output(record.offset, record.bytes);
      case "exit":
        if (this.exited !== null) return true;
        this.exited = record.exit;
        return this.push({ at: this.at, kind: "exit", exit: record.exit });
      case "snapshot":
      case "snapshotChunk":
      case "opened":
      case "applied":
      case "driver":
      case "ready":
      case "reply":
        return false;
    }
  }

  protected override forgotten(): void {
    this.events = [];
    [this.got, this.at] = [0, 0];
    [this.have, this.first, this.size, this.exited] = [null, null, null, null];
  }

  protected override interrupted(): void {
    this.effects.push({ kind: "changed" });
  }

  protected override resumed(): void {
    this.over = null;
    this.effects.push({ kind: "changed" });
  }

  protected override ended(reason: Reason): void {
    this.over = reason.code === "done" ? { kind: "whole", recording: this.recording() } : { kind: "failed", reason };
    this.effects.push({ kind: "changed" });
  }

  private resized(grid: Grid): boolean {
    // The first of a stream says where it goes on, which is known unless something happened in between.
    const known = this.size !== null && this.size.cols === grid.cols && this.size.rows === grid.rows;
    this.greeted = true;
    this.size = grid;
    if (this.first === null) this.first = grid;
    else if (!known) return this.push({ at: this.at, kind: "size", grid });
    return true;
  }

  private output(offset: number, bytes: Bytes): boolean {
    const missing = offset - (this.have ?? 0);
    if (!this.greeted || missing < 0) return false;
    if (missing > 0) this.push({ at: this.at, kind: "gap", bytes: missing });
    this.have = offset + bytes.length;
    this.got += bytes.length;
    this.effects.push({ kind: "changed" });
    return this.push({ at: this.at, kind: "output", bytes });
  }

  private push(event: RecordedEvent): boolean {
    if (this.events.length >= EVENTS_MAX || this.got > OUTPUT_MAX) this.giveUp(TOO_LARGE);
    else this.events.push(event);
    return true;
  }

  private recording(): Recording {
    const begin = this.events[0]?.at ?? 0;
    const { name: title, started } = this.past;
    const events = this.events.map((event) => ({ ...event, at: event.at - begin }));
    return { title, started: started + begin, grid: this.first ?? this.past.grid, events };
  }
}
