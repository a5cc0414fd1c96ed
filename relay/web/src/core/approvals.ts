/**
 * The requests of one machine that wait for approval, and what has come of them, without crypto or clocks. What the machine has not said is never
 * shown as done: an answer that was sent is only that, until the machine says how the request has ended.
 */
import type { ApprovalHolds, ApprovalVerdict, Card, Reason, Settled } from "./generated";

/** A verdict, and for how long it holds. A no holds once. */
export interface Said {
  verdict: ApprovalVerdict;
  holds: ApprovalHolds;
}

export const DENIED: Said = { verdict: "denied", holds: { for: "once" } };
export const ALLOWED_ONCE: Said = { verdict: "approved", holds: { for: "once" } };

export type ApprovalState =
  /** `reason` says why an answer did not count, if one was given. */
  | { kind: "waiting"; reason: Reason | null }
  | { kind: "sending"; said: Said }
  /** The link was lost with an answer on its way: it may have counted. */
  | { kind: "unconfirmed"; said: Said }
  | { kind: "settled"; settled: Settled; mine: boolean }
  /** It has ended while this page was away, and nobody has said how. */
  | { kind: "gone" };

export interface Approval {
  card: Card;
  state: ApprovalState;
}

/** Of those that have ended, so many stay on the screen. */
const ENDED_MAX = 20;

export class Approvals {
  private all: Approval[] = [];

  /** Whether an answer by this key is this device's own. */
  constructor(private readonly isMine: (key: string) => boolean) {}

  /** In the order in which they were asked. */
  get list(): readonly Approval[] {
    return this.all;
  }

  find(id: string): Approval | undefined {
    return this.all.find(({ card }) => card.request.id === id);
  }

  /** A session has begun, and these wait. Returns those of which only the machine knows whether their answer counted. */
  waiting(ids: readonly string[]): string[] {
    const open: string[] = [];
    for (const approval of this.all) {
      const { id } = approval.card.request;
      const { kind } = approval.state;
      if (kind === "settled" || kind === "gone") continue;
      if (ids.includes(id)) {
        if (kind === "unconfirmed") this.set(id, { kind: "waiting", reason: null });
      } else if (kind === "waiting") this.set(id, { kind: "gone" });
      else open.push(id);
    }
    return open;
  }

  card(card: Card): void {
    if (this.find(card.request.id) === undefined)
      this.all = [...this.all, { card, state: { kind: "waiting", reason: null } }];
  }

  sending(id: string, said: Said): void {
    this.set(id, { kind: "sending", said });
  }

  /** The answer did not arrive, or was not taken: the request still waits. */
  failed(id: string, reason: Reason): void {
    const state = this.find(id)?.state;
    if (state?.kind === "sending") this.set(id, { kind: "waiting", reason });
    else if (state?.kind === "unconfirmed") this.set(id, { kind: "gone" });
  }

  /** The answer was sent, and nobody has said what came of it. */
  unconfirmed(id: string): void {
    const state = this.find(id)?.state;
    if (state?.kind === "sending") this.set(id, { kind: "unconfirmed", said: state.said });
  }

  settled(settled: Settled): void {
    const { end } = settled;
    const by = end.end === "answered" ? end.by : null;
    const mine = by?.at === "device" && this.isMine(by.key);
    this.set(settled.id, { kind: "settled", settled, mine });
    const ended = this.all.filter(({ state }) => isOver(state));
    const most = ended.slice(0, Math.max(0, ended.length - ENDED_MAX));
    this.all = this.all.filter((one) => !most.includes(one));
  }

  /** Puts away one that has ended. */
  dismiss(id: string): void {
    this.all = this.all.filter(({ card, state }) => card.request.id !== id || !isOver(state));
  }

  /** This device may answer no more. */
  clear(): void {
    this.all = [];
  }

  private set(id: string, state: ApprovalState): void {
    this.all = this.all.map((one) => (one.card.request.id === id ? { ...one, state } : one));
  }
}

export function isOver({ kind }: ApprovalState): boolean {
  return kind === "settled" || kind === "gone";
}
