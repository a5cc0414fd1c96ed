/**
 * One signed answer on its way to the machine, over streams of purpose `approve`, without crypto or clocks. To send it twice is harmless: the first
 * answer counts. But it is not sent by itself later than the person could expect.
 */
import {
  INPUT_RESEND_MS,
  STREAM_TIME_MS,
  type ApprovalAnswer,
  type CloseName,
  type Reason,
  type Settled,
} from "./generated";
import { decodeSettled, encodeMessage } from "./messages";
import { reasonFor } from "./reasons";
import type { AgentRecord, ViewerRecord } from "./records";
import type { Minted } from "./session";
import { closeReason } from "./watching";

export type AnsweringEffect =
  | { kind: "mint" }
  | { kind: "open"; minted: Minted; opening: ViewerRecord }
  | { kind: "send"; record: ViewerRecord }
  | { kind: "close"; code: CloseName }
  | { kind: "settled"; settled: Settled }
  /** `sent` when it may have arrived nevertheless. */
  | { kind: "failed"; reason: Reason; sent: boolean };

type Stage =
  | { at: "idle" }
  | { at: "minting" }
  | { at: "opening" | "greeting" | "sent"; jti: string; deadline: number }
  | { at: "over" };

/** After these another try may go better. */
const PASSING: ReadonlySet<string> = new Set<CloseName>([
  "cut",
  "viewer-gone",
  "agent-gone",
  "going-away",
  "token-used",
]);

export class Answering {
  private readonly effects: AnsweringEffect[] = [];
  private stage: Stage = { at: "idle" };
  private session = false;
  private sent = false;

  /** It is not sent for the first time later than `until`. */
  constructor(
    private readonly answer: ApprovalAnswer,
    private readonly until: number,
  ) {}

  static until(now: number): number {
    return now + INPUT_RESEND_MS;
  }

  drain(): AnsweringEffect[] {
    return this.effects.splice(0);
  }

  sessionUp(): void {
    this.session = true;
    this.go();
  }

  sessionDown(): void {
    this.session = false;
    if (this.stage.at !== "over") this.stage = { at: "idle" };
  }

  minted(minted: Minted, now: number): void {
    if (this.stage.at !== "minting") return;
    this.stage = { at: "opening", jti: minted.jti, deadline: now + STREAM_TIME_MS };
    this.effects.push({ kind: "open", minted, opening: { kind: "opening" } });
  }

  refused(reason: Reason): void {
    if (this.stage.at === "minting") this.fail(reason);
  }

  accepted(): void {
    if (this.stage.at === "opening") this.stage = { ...this.stage, at: "greeting" };
  }

  record(record: AgentRecord): void {
    if (this.stage.at === "greeting" && record.kind === "ready") {
      const json = encodeMessage(this.answer);
      if (json === null) return this.fail(reasonFor("internal"));
      this.stage = { ...this.stage, at: "sent" };
      this.sent = true;
      this.effects.push({ kind: "send", record: { kind: "request", json } });
    } else if (this.stage.at === "sent" && record.kind === "reply") {
      const settled = decodeSettled(record.json);
      if (settled === undefined) return this.fail(reasonFor("bad-message"));
      this.stage = { at: "over" };
      this.effects.push({ kind: "settled", settled }, { kind: "close", code: "done" });
    } else if (record.kind === "end") {
      this.effects.push({ kind: "close", code: "done" });
      this.lost(closeReason(record.close));
    } else this.fail(reasonFor("bad-message"));
  }

  /** The stream was closed without a sealed `end`. */
  cut(code: CloseName | null): void {
    if (this.stage.at === "opening" || this.stage.at === "greeting" || this.stage.at === "sent")
      this.lost(reasonFor(code ?? "cut"));
  }

  tokenEnded(jti: string, reason: Reason): void {
    if (!("jti" in this.stage) || this.stage.jti !== jti) return;
    this.effects.push({ kind: "close", code: "done" });
    this.lost(reason);
  }

  close(): void {
    if ("jti" in this.stage) this.effects.push({ kind: "close", code: "done" });
    this.stage = { at: "over" };
  }

  timeout(): number | null {
    if (this.stage.at === "over") return null;
    return "jti" in this.stage ? Math.min(this.stage.deadline, this.until) : this.until;
  }

  tick(now: number): void {
    if (this.stage.at === "over") return;
    const late = now >= this.until || ("jti" in this.stage && now >= this.stage.deadline);
    if (late) this.fail(reasonFor("cut"));
  }

  private go(): void {
    if (this.stage.at !== "idle" || !this.session) return;
    this.stage = { at: "minting" };
    this.effects.push({ kind: "mint" });
  }

  private lost(reason: Reason): void {
    if (!PASSING.has(reason.code)) return this.fail(reason);
    this.stage = { at: "idle" };
    this.go();
  }

  private fail(reason: Reason): void {
    if ("jti" in this.stage) this.effects.push({ kind: "close", code: "done" });
    this.stage = { at: "over" };
    this.effects.push({ kind: "failed", reason, sent: this.sent });
  }
}
