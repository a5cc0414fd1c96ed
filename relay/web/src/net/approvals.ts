/** What one machine asks people, and this browser's answers on their way to it. */
import { Answering, type AnsweringEffect } from "../core/answering";
import { Approvals, isOver, type Approval } from "../core/approvals";
import { signAnswer } from "../core/approving";
import type { Said } from "../core/approvals";
import { encode } from "../core/b64";
import type { ApprovalAnswer, Reason } from "../core/generated";
import { reasonFor } from "../core/reasons";
import type { ApprovalNews } from "../core/session";
import type { Env } from "./env";
import { Panel } from "./panel";
import type { PairedMachine } from "./store";
import type { StreamHost } from "./tenant";
import { signKey } from "./webcrypto";

interface Desk {
  /** The machine and this browser's keys for it, as they are now. */
  paired(): PairedMachine;
  /** Takes in a stream's worth of work until it is over. */
  houses(panel: AnswerPanel): void;
  changed(): void;
}

export class ApprovalDesk {
  private readonly approvals = new Approvals((key) => key === encode(this.desk.paired().signKey.publicKey));

  constructor(
    private readonly env: Env,
    private readonly host: StreamHost,
    private readonly desk: Desk,
  ) {}

  get list(): readonly Approval[] {
    return this.approvals.list;
  }

  heard(news: ApprovalNews): void {
    switch (news.t) {
      case "approvals":
        for (const id of this.approvals.waiting(news.waiting)) this.askAgain(id);
        break;
      case "approval":
        this.approvals.card(news.card);
        break;
      case "settled":
        this.approvals.settled(news.settled);
        break;
    }
    this.desk.changed();
  }

  /** Signs and sends an answer; the list shows what comes of it. */
  answer(id: string, said: Said): void {
    const approval = this.approvals.find(id);
    if (approval === undefined || isOver(approval.state) || approval.state.kind === "sending") return;
    this.host.touched();
    this.approvals.sending(id, said);
    this.desk.changed();
    this.send(approval, said).catch(() => this.failed(id, reasonFor("internal"), false));
  }

  dismiss(id: string): void {
    this.approvals.dismiss(id);
    this.desk.changed();
  }

  /** This device may answer no more, or never could. */
  clear(): void {
    this.approvals.clear();
  }

  /** What was sent before has ended something, or nothing: the machine says which to who answers again. */
  private askAgain(id: string): void {
    const approval = this.approvals.find(id);
    const state = approval?.state;
    // One that is still on its way asks by itself.
    if (approval === undefined || state?.kind !== "unconfirmed") return;
    this.send(approval, state.said).catch(() => this.failed(id, reasonFor("internal"), false));
  }

  private async send({ card }: Approval, said: Said): Promise<void> {
    const { id } = card.request;
    const { agent, signKey: key } = this.desk.paired();
    const until = Answering.until(this.env.clock.now());
    const answer = await signAnswer(this.env.crypto, signKey(key), agent, card.request, said);
    const panel = new AnswerPanel(this.env, this.host, id, answer, until, {
      settled: (settled) => {
        this.approvals.settled(settled);
        this.desk.changed();
      },
      failed: (reason, sent) => this.failed(id, reason, sent),
    });
    this.desk.houses(panel);
  }

  private failed(id: string, reason: Reason, sent: boolean): void {
    if (sent) this.approvals.unconfirmed(id);
    else this.approvals.failed(id, reason);
    this.desk.changed();
  }
}

interface Outcome {
  settled(settled: Extract<AnsweringEffect, { kind: "settled" }>["settled"]): void;
  failed(reason: Reason, sent: boolean): void;
}

/** One answer, joined to streams of the machine's link until it is known what has come of it. */
export class AnswerPanel extends Panel<AnsweringEffect, Answering> {
  constructor(
    env: Env,
    host: StreamHost,
    private readonly request: string,
    answer: ApprovalAnswer,
    until: number,
    private readonly outcome: Outcome,
  ) {
    super(env, host, new Answering(answer, until));
    // Its time runs whether or not a session stands.
    this.act(() => undefined);
  }

  sessionUp(): void {
    this.act(() => this.core.sessionUp());
  }

  tokenEnded(jti: string, reason: Reason): void {
    this.act(() => this.core.tokenEnded(jti, reason));
  }

  abandon(reason: Reason): void {
    this.outcome.failed(reason, false);
    this.close();
  }

  protected carryOut(effect: AnsweringEffect): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "approve", request: this.request },
          (minted) => this.act((now) => this.core.minted(minted, now)),
          (reason) => this.act(() => this.core.refused(reason)),
        );
      case "open":
        return this.open(effect, {
          accepted: () => this.act(() => this.core.accepted()),
          record: (record, cost) => {
            this.used(cost);
            this.act(() => this.core.record(record));
          },
          cut: (code) => this.act(() => this.core.cut(code)),
        });
      case "send":
        return this.send(effect.record);
      case "close":
        return this.end(effect.code);
      case "settled":
        this.outcome.settled(effect.settled);
        return this.leave();
      case "failed":
        this.outcome.failed(effect.reason, effect.sent);
        return this.leave();
    }
  }

  /** Once all that it still asks for is done. */
  private leave(): void {
    queueMicrotask(() => this.close());
  }
}
