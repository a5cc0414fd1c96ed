/**
 * Typing into one terminal across sessions and streams, without crypto or clocks. Every input has a number and is applied once;
 * what was not acknowledged goes again while it is fresh, and is offered to the person after that. A token is asked for at the
 * first key, never before.
 */
import { concat, type Bytes } from "./bytes";
import { STREAM_TIME_MS, INPUT_MAX, INPUT_RESEND_MS, type CloseName, type Grid, type Reason } from "./generated";
import { reasonFor } from "./reasons";
import { clampGrid, type AgentRecord, type ViewerRecord } from "./records";
import type { Minted } from "./session";
import { closeReason } from "./watching";

export type InputPhase =
  /** `taken`: it was granted, and the owner has taken it away. */
  | { kind: "not-granted"; taken: boolean }
  | { kind: "idle" }
  | { kind: "asking" }
  | { kind: "driver" }
  | { kind: "watching" }
  | { kind: "lapsed"; reason: Reason }
  | { kind: "unsent"; text: Bytes };

export type InputEffect =
  | { kind: "mint" }
  | { kind: "open"; minted: Minted; opening: ViewerRecord }
  | { kind: "send"; record: ViewerRecord }
  | { kind: "close"; code: CloseName }
  | { kind: "changed" };

/** A large paste goes in pieces, so that each is acknowledged soon. */
const PIECE = INPUT_MAX / 2;
const SOUND_MS = 1000;
const PAUSE_MS = 500;
const REFUSED_PAUSE_MS = 2000;
/** Ends that somebody wanted: what was typed before them does not ask for a new token by itself. */
const ON_PURPOSE: ReadonlySet<string> = new Set<CloseName>([
  "revoked",
  "not-granted",
  "token-ended",
  "share-ended",
  "suspended",
  "locked",
]);

interface Pending {
  seq: number;
  bytes: Bytes;
  /** When it was typed, or when the person said "send". */
  at: number;
  /** Sent at least once on some stream: the machine may have it. */
  sent: boolean;
}

type Stage =
  | { at: "idle" }
  | { at: "minting" }
  /** The opening goes with the open of the stream. */
  | { at: "opening"; jti: string; deadline: number; grid: Grid }
  /** The machine has the opening, the answer is not there. */
  | { at: "greeting"; jti: string; deadline: number; grid: Grid }
  /** `sentUpTo` is where sending goes on from, `reach` the highest number ever sent on this stream, `grid` the size it was last told. */
  | { at: "standing"; jti: string; driver: boolean; since: number; sentUpTo: number; reach: number; grid: Grid };

export class Input {
  private readonly effects: InputEffect[] = [];
  private stage: Stage = { at: "idle" };
  private session = false;
  private granted = true;
  private taken = false;
  private over = false;
  private pending: Pending[] = [];
  private nextSeq = 1;
  private writer: string;
  /** The person decides about what is pending. */
  private held = false;
  private lapsed: Reason | null = null;
  /** Drive at once when the stream opens. */
  private wantsSeat = false;
  /** A stream that fails at once is not followed by the next at once. */
  private pausedUntil = 0;

  constructor(
    private grid: Grid,
    /** A fresh writer id. */
    private readonly newWriter: () => string,
  ) {
    this.writer = newWriter();
  }

  get phase(): InputPhase {
    if (!this.granted) return { kind: "not-granted", taken: this.taken };
    if (this.held) return { kind: "unsent", text: concat(...this.pending.map(({ bytes }) => bytes)) };
    if (this.stage.at === "standing") return { kind: this.stage.driver ? "driver" : "watching" };
    if (this.stage.at !== "idle") return { kind: "asking" };
    if (this.lapsed) return { kind: "lapsed", reason: this.lapsed };
    return { kind: this.pending.length > 0 ? "asking" : "idle" };
  }

  drain(): InputEffect[] {
    return this.effects.splice(0);
  }

  /** A session stands; `granted` says whether this device may type at all. */
  sessionUp(granted: boolean, now: number): void {
    this.session = true;
    this.taken = false;
    this.allow(granted);
    // What stood in the way of a session stands no more.
    if (this.lapsed?.code === "locked") this.lapsed = null;
    this.tick(now);
  }

  /** The owner has changed what this device may do. */
  scopes(granted: boolean, now: number): void {
    this.taken = this.granted && !granted;
    this.allow(granted);
    this.tick(now);
  }

  sessionDown(now: number): void {
    this.session = false;
    this.stage = { at: "idle" };
    this.tick(now);
    this.changed();
  }

  /** A watcher's keys have no effect: the seat is taken with a tap, not by chance. */
  type(bytes: Bytes, now: number): void {
    const watching = this.stage.at === "standing" && !this.stage.driver;
    if (!this.granted || this.over || bytes.length === 0 || (watching && !this.held)) return;
    for (let at = 0; at < bytes.length; at += PIECE) {
      this.pending.push({ seq: this.nextSeq++, bytes: bytes.slice(at, at + PIECE), at: now, sent: false });
    }
    this.go(now);
    this.changed();
  }

  resize(grid: Grid): void {
    this.grid = clampGrid(grid);
    if (this.stage.at === "standing" && this.stage.driver) this.sendGrid(this.stage);
  }

  takeOver(now: number): void {
    if (!this.granted || this.over) return;
    if (this.stage.at === "standing") {
      if (!this.stage.driver) this.effects.push({ kind: "send", record: { kind: "takeOver" } });
      return;
    }
    this.wantsSeat = true;
    this.go(now);
    this.changed();
  }

  resolveUnsent(send: boolean, now: number): void {
    if (!this.held) return;
    this.held = false;
    if (send) {
      for (const one of this.pending) one.at = now;
      // Who says "send" means it to be applied, whoever drives by the time there is a stream again.
      if (this.stage.at !== "standing" || !this.stage.driver) this.takeOver(now);
      else this.go(now);
    } else this.drop();
    this.changed();
  }

  minted(minted: Minted, now: number): void {
    if (this.stage.at !== "minting") return;
    const { writer, grid, wantsSeat: takeOver } = this;
    this.stage = { at: "opening", jti: minted.jti, deadline: now + STREAM_TIME_MS, grid };
    this.effects.push({ kind: "open", minted, opening: { kind: "terminalOpening", writer, grid, takeOver } });
  }

  /** What was typed meanwhile is tried again while it is fresh. */
  refused(reason: Reason, now: number): void {
    if (this.stage.at !== "minting") return;
    this.stage = { at: "idle" };
    this.pausedUntil = now + REFUSED_PAUSE_MS;
    this.wantsSeat = false;
    if (reason.code === "not-granted") this.allow(false);
    this.lapsed = reason;
    this.changed();
  }

  accepted(now: number): void {
    if (this.stage.at !== "opening") return;
    this.stage = { ...this.stage, at: "greeting", deadline: now + STREAM_TIME_MS };
  }

  record(record: AgentRecord, now: number): void {
    if (this.stage.at !== "greeting" && this.stage.at !== "standing") return;
    if (this.apply(record, now)) return;
    this.effects.push({ kind: "close", code: "bad-message" });
    this.lost(reasonFor("bad-message"), now);
  }

  /** The stream was closed without a sealed `end`. */
  cut(code: CloseName | null, now: number): void {
    if (this.stage.at !== "idle" && this.stage.at !== "minting")
      this.lost(code === "lapsed" ? reasonFor(code) : null, now);
  }

  tokenEnded(jti: string, reason: Reason, now: number): void {
    if (this.stage.at === "idle" || this.stage.at === "minting" || this.stage.jti !== jti) return;
    this.effects.push({ kind: "close", code: "done" });
    this.lost(reason, now);
  }

  /** The person leaves. */
  close(): void {
    this.leaveStream();
    this.over = true;
    this.pending = [];
    this.held = false;
  }

  timeout(): number | null {
    if (this.stage.at === "opening" || this.stage.at === "greeting") return this.stage.deadline;
    if (this.stage.at === "standing") return null;
    const [oldest] = this.pending;
    const stale = oldest && !this.held ? oldest.at + INPUT_RESEND_MS : null;
    if (!this.waitsForNothing()) return stale;
    return stale === null ? this.pausedUntil : Math.min(stale, this.pausedUntil);
  }

  tick(now: number): void {
    if ((this.stage.at === "opening" || this.stage.at === "greeting") && now >= this.stage.deadline) {
      this.effects.push({ kind: "close", code: "handshake-timeout" });
      this.lost(null, now);
    }
    // On a standing stream the machine has it and may just be slow; without one it must not go out by itself any more.
    if (this.stage.at !== "standing" && this.isStale(now)) this.hold();
    this.go(now);
  }

  private apply(record: AgentRecord, now: number): boolean {
    switch (record.kind) {
      case "opened":
        return this.stage.at === "greeting" && this.opened(this.stage, record.last, record.driver, now);
      case "applied": {
        if (this.stage.at !== "standing" || record.seq > this.stage.reach) return false;
        this.acknowledge(record.seq);
        this.changed();
        return true;
      }
      case "driver":
        if (this.stage.at !== "standing") return false;
        this.drive(this.stage, record.driver, now);
        return true;
      case "end":
        this.effects.push({ kind: "close", code: "done" });
        this.lost(closeReason(record.close), now);
        return true;
      case "snapshot":
      case "snapshotChunk":
      case "output":
      case "size":
      case "exit":
      case "at":
      case "ready":
      case "reply":
        return false;
    }
  }

  private opened({ jti, grid }: Stage & { at: "greeting" }, last: number, driver: boolean, now: number): boolean {
    this.acknowledge(last);
    const first = this.pending[0]?.seq ?? last + 1;
    // The machine has forgotten this writer: it could not tell a repeat from a first time, so nothing goes again by itself.
    if (first !== last + 1 && this.pending.some(({ sent }) => sent)) this.hold();
    this.pending.forEach((one, at) => (one.seq = last + 1 + at));
    this.nextSeq = last + 1 + this.pending.length;
    if (this.isStale(now)) this.hold();
    this.stage = { at: "standing", jti, driver, since: now, sentUpTo: last, reach: last, grid };
    // Wished for after the opening had gone out.
    if (this.wantsSeat && !driver) this.effects.push({ kind: "send", record: { kind: "takeOver" } });
    this.wantsSeat = false;
    this.lapsed = null;
    this.drive(this.stage, driver, now);
    return true;
  }

  private drive(stage: Stage & { at: "standing" }, driver: boolean, now: number): void {
    stage.driver = driver;
    if (driver) {
      this.sendGrid(stage);
      this.go(now);
    } else {
      // A machine drops what a watcher types, so what is not acknowledged must be sent again if it is to be applied.
      stage.sentUpTo = (this.pending[0]?.seq ?? this.nextSeq) - 1;
      this.hold();
    }
    this.changed();
  }

  /** One step towards the machine for what is pending, if a step can be taken now. */
  private go(now: number): void {
    if (this.stage.at === "standing") {
      if (this.stage.driver && !this.held) this.transmit(this.stage);
      return;
    }
    if (!this.waitsForNothing() || now < this.pausedUntil) return;
    this.stage = { at: "minting" };
    this.effects.push({ kind: "mint" });
    this.changed();
  }

  /** A token is wanted and could be asked for, but for the pause. */
  private waitsForNothing(): boolean {
    const wanted = this.wantsSeat || (this.pending.length > 0 && !this.held);
    return wanted && this.stage.at === "idle" && this.session && this.granted && !this.over;
  }

  private transmit(stage: Stage & { at: "standing" }): void {
    for (const one of this.pending) {
      if (one.seq <= stage.sentUpTo) continue;
      one.sent = true;
      stage.sentUpTo = one.seq;
      stage.reach = Math.max(stage.reach, one.seq);
      this.effects.push({ kind: "send", record: { kind: "input", seq: one.seq, bytes: one.bytes } });
    }
  }

  private sendGrid(stage: Stage & { at: "standing" }): void {
    if (stage.grid.cols === this.grid.cols && stage.grid.rows === this.grid.rows) return;
    stage.grid = this.grid;
    this.effects.push({ kind: "send", record: { kind: "resize", grid: this.grid } });
  }

  /** The stream is gone. Without a reason it was cut. What is fresh goes again by itself, unless the owner ended this on purpose. */
  private lost(reason: Reason | null, now: number): void {
    const sound = this.stage.at === "standing" && now - this.stage.since >= SOUND_MS;
    this.pausedUntil = sound ? now : now + PAUSE_MS;
    this.stage = { at: "idle" };
    this.lapsed = reason;
    if (reason?.code === "done" || reason?.code === "terminal-gone") this.close();
    if (reason !== null && ON_PURPOSE.has(reason.code)) this.hold();
    this.tick(now);
    this.changed();
  }

  private acknowledge(seq: number): void {
    this.pending = this.pending.filter((one) => one.seq > seq);
    if (this.pending.length === 0) this.held = false;
  }

  private isStale(now: number): boolean {
    const [oldest] = this.pending;
    return oldest !== undefined && now - oldest.at >= INPUT_RESEND_MS;
  }

  private hold(): void {
    if (this.held || this.pending.length === 0) return;
    this.held = true;
    this.changed();
  }

  /** Forgets what is pending. A number that may be in use at the machine is not used again: the writer changes with it. */
  private drop(): void {
    const mayBeThere = this.pending.some(({ sent }) => sent);
    const [first] = this.pending;
    this.pending = [];
    if (!mayBeThere) this.nextSeq = first?.seq ?? this.nextSeq;
    else {
      this.leaveStream();
      this.writer = this.newWriter();
      this.nextSeq = 1;
    }
  }

  private leaveStream(): void {
    if (this.stage.at !== "idle" && this.stage.at !== "minting") this.effects.push({ kind: "close", code: "done" });
    this.stage = { at: "idle" };
  }

  private allow(granted: boolean): void {
    this.granted = granted;
    if (!granted) {
      this.wantsSeat = false;
      this.pending = [];
      this.held = false;
    }
    this.changed();
  }

  private changed(): void {
    this.effects.push({ kind: "changed" });
  }
}
