/** What is kept of a terminal that has ended, fetched over streams of the machine's link. */
import type { Backoff } from "../core/backoff";
import type { PastTerminal, Reason } from "../core/generated";
import { Playing, type PlayingPhase } from "../core/playing";
import type { WatchingEffect } from "../core/watching";
import type { PastSession, Watch } from "./api";
import type { Env } from "./env";
import { Panel } from "./panel";
import type { StreamHost } from "./tenant";
import { Cell } from "./watch";

export class PastPanel extends Panel<WatchingEffect, Playing> implements PastSession {
  private readonly cell: Cell<PlayingPhase>;

  constructor(
    env: Env,
    host: StreamHost,
    private readonly past: PastTerminal,
    backoff: Backoff,
  ) {
    super(env, host, new Playing(past, backoff));
    this.cell = new Cell(this.core.phase);
  }

  get state(): Watch<PlayingPhase> {
    return this.cell;
  }

  again(): void {
    this.act(() => this.core.resume());
  }

  abandon(reason: Reason): void {
    this.close();
    if (this.cell.value.kind === "fetching") this.cell.set({ kind: "failed", reason });
  }

  sessionUp(): void {
    this.act(() => this.core.sessionUp());
  }

  tokenEnded(jti: string, reason: Reason): void {
    this.act((now) => this.core.tokenEnded(jti, reason, now));
  }

  protected carryOut(effect: WatchingEffect): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "view", terminal: this.past.id },
          (minted) => this.act((now) => this.core.minted(minted, now)),
          (reason) => this.act((now) => this.core.refused(reason, now)),
        );
      case "open":
        return this.open(effect, {
          accepted: () => this.act((now) => this.core.accepted(now)),
          record: (record, cost) => this.act((now) => this.core.record(record, cost, now)),
          cut: () => this.act((now) => this.core.cut(now)),
        });
      case "used":
        return this.used(effect.cost);
      case "close":
        return this.end(effect.code);
      case "changed":
        return this.cell.set(this.core.phase);
    }
  }
}
