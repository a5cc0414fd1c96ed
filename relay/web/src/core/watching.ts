/**
 * A `view` stream kept up across tokens, streams and sessions, without crypto or clocks: what a live screen and the playing of a
 * terminal that has ended have in common. What its records mean is for those who extend it.
 */
import type { Backoff } from "./backoff";
import type { Close } from "./frame";
import { STREAM_TIME_MS, type CloseName, type Reason } from "./generated";
import { reasonFor } from "./reasons";
import type { AgentRecord, ViewerRecord } from "./records";
import type { Minted } from "./session";

export type WatchingEffect =
  | { kind: "mint" }
  /** `opening` is the first record. */
  | { kind: "open"; minted: Minted; opening: ViewerRecord }
  /** Used at once: give the credit back. */
  | { kind: "used"; cost: number }
  | { kind: "close"; code: CloseName }
  | { kind: "changed" };

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

export abstract class Watching<Effect> {
  protected readonly effects: (Effect | WatchingEffect)[] = [];
  private stage: Stage = { at: "idle" };
  private session = false;

  constructor(private readonly backoff: Backoff) {}

  drain(): (Effect | WatchingEffect)[] {
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
    this.resumed();
    if (this.session) this.mint();
  }

  /** Losing the session loses every stream with it. */
  sessionDown(): void {
    this.session = false;
    if (this.stage.at === "over" || this.stage.at === "stopped") return;
    this.stage = { at: "idle" };
    this.interrupted();
  }

  minted(minted: Minted, now: number): void {
    if (this.stage.at !== "minting") return;
    this.stage = { at: "opening", jti: minted.jti, deadline: now + STREAM_TIME_MS };
    this.effects.push({ kind: "open", minted, opening: this.opening() });
  }

  /** The agent would not mint. */
  refused(reason: Reason, now: number): void {
    if (this.stage.at === "minting") this.endedBy(reason, now);
  }

  accepted(now: number): void {
    if (this.stage.at !== "opening") return;
    this.stage = { at: "standing", jti: this.stage.jti, since: now };
    this.opened();
  }

  record(record: AgentRecord, cost: number, now: number): void {
    if (this.stage.at !== "standing") return;
    if (record.kind === "end") {
      this.effects.push({ kind: "close", code: "done" });
      this.endedBy(closeReason(record.close), now);
    } else if (!this.apply(record, cost)) this.fault(now);
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

  /** The first record of a stream. */
  protected abstract opening(): ViewerRecord;
  /** The agent has accepted the stream, and has that record. */
  protected abstract opened(): void;
  /** False for a record that has no place here. */
  protected abstract apply(record: Exclude<AgentRecord, { kind: "end" }>, cost: number): boolean;
  /** What came cannot be put behind what is there: the next stream begins anew. */
  protected abstract forgotten(): void;
  /** Nothing comes for now; another stream is on its way, or will be. */
  protected abstract interrupted(): void;
  /** It was stopped, and goes on. */
  protected abstract resumed(): void;
  /** Nothing comes any more; after `token-ended` until `resume`. */
  protected abstract ended(reason: Reason): void;

  protected use(cost: number): void {
    this.effects.push({ kind: "used", cost });
  }

  /** Another stream would bring no more. */
  protected giveUp(reason: Reason): void {
    this.close();
    this.ended(reason);
  }

  private mint(): void {
    this.stage = { at: "minting" };
    this.effects.push({ kind: "mint" });
  }

  private fault(now: number): void {
    this.forgotten();
    this.effects.push({ kind: "close", code: "bad-message" });
    this.again(now);
  }

  private endedBy(reason: Reason, now: number): void {
    const stopped = reason.code === "token-ended";
    if (!isFinal(reason) && !stopped) return this.again(now);
    this.stage = { at: stopped ? "stopped" : "over" };
    this.ended(reason);
  }

  private again(now: number): void {
    if (this.stage.at === "standing" && now - this.stage.since >= SOUND_MS) this.backoff.reset();
    this.stage = this.session ? { at: "waiting", until: now + this.backoff.next() } : { at: "idle" };
    this.interrupted();
  }
}

function isFinal(reason: Reason): boolean {
  return ([...FINAL] as string[]).includes(reason.code);
}

export function closeReason(close: Close): Reason {
  return reasonFor(close.code, close.sentence);
}
