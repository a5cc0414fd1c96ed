/**
 * Watching one terminal. Knows how far the screen has come, asks to go on from there, and never lets an unsealed close look like an
 * end.
 */
import type { Backoff } from "./backoff";
import { concat, type Bytes } from "./bytes";
import type { Exit, Grid, Reason } from "./generated";
import type { AgentRecord, ViewerRecord } from "./records";
import { Watching, type WatchingEffect } from "./watching";

export type ViewPhase =
  { kind: "connecting" } | { kind: "streaming" } | { kind: "interrupted" } | { kind: "ended"; reason: Reason };

/** For the screen. `cost` is what it holds of the stream's credit until the screen has parsed it. */
export interface ViewOutput {
  kind: "output";
  bytes: Bytes;
  reset: Grid | null;
  cost: number;
}

export type ViewEffect = WatchingEffect | ViewOutput;

/** Far above what a screen of 1000 by 1000 needs in practice; a bound, so that no peer fills this page's memory. */
const SNAPSHOT_MAX = 32 * 1024 * 1024;

interface Snapshot {
  offset: number;
  grid: Grid;
  total: number;
  chunks: Bytes[];
  got: number;
}

export class View extends Watching<ViewOutput> {
  private shown: ViewPhase = { kind: "connecting" };
  private snapshot: Snapshot | null = null;
  /** Output up to here is on its way to the screen or on it; null until the first snapshot. */
  private have: number | null = null;
  private exited: Exit | null = null;

  constructor(
    /** What fits on this screen. */
    private readonly screen: Grid,
    private size: Grid,
    backoff: Backoff,
  ) {
    super(backoff);
  }

  get phase(): ViewPhase {
    return this.shown;
  }

  /** Size of the machine's terminal. */
  get grid(): Grid {
    return this.size;
  }

  get exit(): Exit | null {
    return this.exited;
  }

  protected override opening(): ViewerRecord {
    return { kind: "viewOpening", have: this.have, grid: this.screen };
  }

  protected override opened(): void {
    // Who has everything may hear nothing for long; who has nothing hears a snapshot first.
    if (this.have !== null) this.show({ kind: "streaming" });
  }

  protected override apply(record: Exclude<AgentRecord, { kind: "end" }>, cost: number): boolean {
    switch (record.kind) {
      case "output":
        return this.output(record.offset, record.bytes, cost);
      case "snapshot": {
        if (this.snapshot !== null || record.total > SNAPSHOT_MAX) return false;
        this.snapshot = { offset: record.offset, grid: record.grid, total: record.total, chunks: [], got: 0 };
        return this.assembled(this.snapshot, cost);
      }
      case "snapshotChunk": {
        const snapshot = this.snapshot;
        if (snapshot === null) return false;
        snapshot.chunks.push(record.bytes);
        snapshot.got += record.bytes.length;
        return this.assembled(snapshot, cost);
      }
      case "size":
        this.use(cost);
        this.size = record.grid;
        this.effects.push({ kind: "changed" });
        return this.snapshot === null;
      case "exit":
        this.use(cost);
        this.exited = record.exit;
        this.effects.push({ kind: "changed" });
        return true;
      case "at":
      case "opened":
      case "applied":
      case "driver":
      case "ready":
      case "reply":
        return false;
    }
  }

  protected override forgotten(): void {
    this.have = null;
  }

  protected override interrupted(): void {
    this.snapshot = null;
    if (this.shown.kind === "streaming") this.show({ kind: "interrupted" });
  }

  protected override resumed(): void {
    this.show({ kind: "interrupted" });
  }

  protected override ended(reason: Reason): void {
    this.snapshot = null;
    this.show({ kind: "ended", reason });
  }

  private output(offset: number, bytes: Bytes, cost: number): boolean {
    // Without a snapshot output starts at the very beginning; otherwise exactly where the screen stands.
    if (this.snapshot !== null || offset !== (this.have ?? 0)) return false;
    const reset = this.have === null ? this.size : null;
    this.have = offset + bytes.length;
    this.effects.push({ kind: "output", bytes, reset, cost });
    this.show({ kind: "streaming" });
    return true;
  }

  /** Old pixels stay until the whole snapshot is there. Its chunks give their credit back at once: a screen may need more than a window. */
  private assembled(snapshot: Snapshot, cost: number): boolean {
    this.use(cost);
    if (snapshot.got < snapshot.total) return true;
    if (snapshot.got > snapshot.total) return false;
    this.snapshot = null;
    this.have = snapshot.offset;
    this.size = snapshot.grid;
    this.effects.push({ kind: "output", bytes: concat(...snapshot.chunks), reset: snapshot.grid, cost: 0 });
    this.effects.push({ kind: "changed" });
    this.show({ kind: "streaming" });
    return true;
  }

  private show(phase: ViewPhase): void {
    if (phase.kind === this.shown.kind) return;
    this.shown = phase;
    this.effects.push({ kind: "changed" });
  }
}
