/**
 * Watching one terminal across sessions and streams, without crypto or clocks. Knows how far the screen has come, asks to go on
 * from there, and never lets an unsealed close look like an end.
 */
import type { Backoff } from "./backoff";
import { concat, type Bytes } from "./bytes";
import type { Close } from "./frame";
import { STREAM_TIME_MS, type CloseName, type Exit, type Grid, type Reason } from "./generated";
import { reasonFor } from "./reasons";
import type { AgentRecord, ViewerRecord } from "./records";
import type { Minted } from "./session";

export type ViewPhase =
  { kind: "connecting" } | { kind: "streaming" } | { kind: "interrupted" } | { kind: "ended"; reason: Reason };

export type ViewEffect =
  | { kind: "mint" }
  | { kind: "open"; minted: Minted }
  | { kind: "send"; record: ViewerRecord }
  /** For the screen. `cost` is what it holds of the stream's credit until the screen has parsed it. */
  | { kind: "output"; bytes: Bytes; reset: Grid | null; cost: number }
  /** Used at once: give the credit back. */
  | { kind: "used"; cost: number }
  | { kind: "close"; code: CloseName }
  | { kind: "changed" };

/** Far above what a screen of 1000 by 1000 needs in practice; a bound, so that no peer fills this page's memory. */
const SNAPSHOT_MAX = 32 * 1024 * 1024;
/** A stream that stood this long was sound: the next failure starts the back-off from the beginning. */
const SOUND_MS = 10_000;
/** Ends that are final for this terminal or device. Every other end is followed by a new token and stream. */
const FINAL: ReadonlySet<CloseName> = new Set<CloseName>([
  "done",
  "terminal-gone",
  "revoked",
  "not-granted",
  "share-ended",
]);

type Stage =
  /** No session. */
  | { at: "idle" }
  | { at: "minting" }
  | { at: "opening"; jti: string; deadline: number }
  | { at: "standing"; jti: string; since: number }
  | { at: "waiting"; until: number }
  /** The owner has ended it: only a tap asks for it again. */
  | { at: "stopped" }
  | { at: "over" };

interface Snapshot {
  offset: number;
  grid: Grid;
  total: number;
  chunks: Bytes[];
  got: number;
}

export class View {
  private readonly effects: ViewEffect[] = [];
  private stage: Stage = { at: "idle" };
  private session = false;
  private shown: ViewPhase = { kind: "connecting" };
  private snapshot: Snapshot | null = null;
  /** Output up to here is on its way to the screen or on it; null until the first snapshot. */
  private have: number | null = null;
  private ended: Exit | null = null;

  constructor(
    /** What fits on this screen. */
    private readonly screen: Grid,
    private size: Grid,
    private readonly backoff: Backoff,
  ) {}

  get phase(): ViewPhase {
    return this.shown;
  }

  /** Size of the machine's terminal. */
  get grid(): Grid {
    return this.size;
  }

  get exit(): Exit | null {
    return this.ended;
  }

  drain(): ViewEffect[] {
    return this.effects.splice(0);
  }

  sessionUp(): void {
    this.session = true;
    if (this.stage.at === "idle") this.mint();
  }

  /** A tap: the person wants to see it again after the owner has ended it. */
  resume(): void {
    if (this.stage.at !== "stopped") return;
    this.stage = { at: "idle" };
    this.show({ kind: "interrupted" });
    if (this.session) this.mint();
  }

  /** Losing the session loses every stream with it. */
  sessionDown(): void {
    this.session = false;
    if (this.stage.at === "over" || this.stage.at === "stopped") return;
    this.stage = { at: "idle" };
    this.interrupt();
  }

  minted(minted: Minted, now: number): void {
    if (this.stage.at !== "minting") return;
    this.stage = { at: "opening", jti: minted.jti, deadline: now + STREAM_TIME_MS };
    this.effects.push({ kind: "open", minted });
  }

  /** The agent would not mint. */
  refused(reason: Reason, now: number): void {
    if (this.stage.at === "minting") this.endedBy(reason, now);
  }

  accepted(now: number): void {
    if (this.stage.at !== "opening") return;
    this.stage = { at: "standing", jti: this.stage.jti, since: now };
    this.effects.push({ kind: "send", record: { kind: "viewOpening", have: this.have, grid: this.screen } });
    // Who has everything may hear nothing for long; who has nothing hears a snapshot first.
    if (this.have !== null) this.show({ kind: "streaming" });
  }

  record(record: AgentRecord, cost: number, now: number): void {
    if (this.stage.at !== "standing") return;
    if (!this.apply(record, cost, now)) this.fault(now);
  }

  /** The stream was closed without a sealed `end`: cut, whatever the close says. */
  cut(now: number): void {
    if (this.stage.at === "opening" || this.stage.at === "standing") this.again(now);
  }

  /** Sealed word from the session that a token has ended; the relay may cut the stream before its own `end` gets through. */
  tokenEnded(jti: string, reason: Reason, now: number): void {
    if ((this.stage.at !== "opening" && this.stage.at !== "standing") || this.stage.jti !== jti) return;
    this.effects.push({ kind: "close", code: "done" });
    this.endedBy(reason, now);
  }

  /** The person leaves. */
  close(): void {
    if (this.stage.at === "opening" || this.stage.at === "standing") this.effects.push({ kind: "close", code: "done" });
    this.stage = { at: "over" };
  }

  timeout(): number | null {
    if (this.stage.at === "waiting") return this.stage.until;
    return this.stage.at === "opening" ? this.stage.deadline : null;
  }

  tick(now: number): void {
    if (this.stage.at === "waiting" && now >= this.stage.until) this.mint();
    else if (this.stage.at === "opening" && now >= this.stage.deadline) {
      this.effects.push({ kind: "close", code: "handshake-timeout" });
      this.again(now);
    }
  }

  private mint(): void {
    this.stage = { at: "minting" };
    this.effects.push({ kind: "mint" });
  }

  /** False for a record that has no place here. */
  private apply(record: AgentRecord, cost: number, now: number): boolean {
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
        this.ended = record.exit;
        this.effects.push({ kind: "changed" });
        return true;
      case "end":
        this.effects.push({ kind: "close", code: "done" });
        this.endedBy(closeReason(record.close), now);
        return true;
      case "opened":
      case "applied":
      case "driver":
      case "ready":
      case "reply":
        return false;
    }
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

  private use(cost: number): void {
    this.effects.push({ kind: "used", cost });
  }

  /** What came cannot be put behind what is there: start again from a snapshot. */
  private fault(now: number): void {
    this.have = null;
    this.effects.push({ kind: "close", code: "bad-message" });
    this.again(now);
  }

  private endedBy(reason: Reason, now: number): void {
    const stopped = reason.code === "token-ended";
    if (!isFinal(reason) && !stopped) return this.again(now);
    this.stage = { at: stopped ? "stopped" : "over" };
    this.snapshot = null;
    this.show({ kind: "ended", reason });
  }

  private again(now: number): void {
    if (this.stage.at === "standing" && now - this.stage.since >= SOUND_MS) this.backoff.reset();
    this.stage = this.session ? { at: "waiting", until: now + this.backoff.next() } : { at: "idle" };
    this.interrupt();
  }

  private interrupt(): void {
    this.snapshot = null;
    if (this.shown.kind === "streaming") this.show({ kind: "interrupted" });
  }

  private show(phase: ViewPhase): void {
    if (phase.kind === this.shown.kind) return;
    this.shown = phase;
    this.effects.push({ kind: "changed" });
  }
}

function isFinal(reason: Reason): boolean {
  return ([...FINAL] as string[]).includes(reason.code);
}

export function closeReason(close: Close): Reason {
  return reasonFor(close.code, close.sentence);
}
