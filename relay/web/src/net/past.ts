/** What is kept of a terminal that has ended, fetched over streams of the machine's link. */
import type { Backoff } from "../core/backoff";
import type { PastTerminal, Reason } from "../core/generated";
import { Playing, type PlayingPhase } from "../core/playing";
import type { WatchingEffect } from "../core/watching";
import type { PastSession, Watch } from "./api";
import type { Env } from "./env";
import type { Purpose } from "./purpose";
import type { StreamHost, Tenant } from "./tenant";
import { Ticker } from "./ticker";
import { Cell } from "./watch";

export class PastPanel implements PastSession, Tenant {
  private readonly core: Playing;
  private readonly cell: Cell<PlayingPhase>;
  private readonly ticker: Ticker;
  private stream: { jti: string; purpose: Purpose } | null = null;
  private settling = false;
  private over = false;

  constructor(
    private readonly env: Env,
    private readonly host: StreamHost,
    private readonly past: PastTerminal,
    backoff: Backoff,
  ) {
    this.core = new Playing(past, backoff);
    this.cell = new Cell(this.core.phase);
    this.ticker = new Ticker(
      env.clock,
      () => this.core.timeout(),
      (now) => {
        this.core.tick(now);
        this.settle();
      },
    );
  }

  get state(): Watch<PlayingPhase> {
    return this.cell;
  }

  again(): void {
    this.act(() => this.core.resume());
  }

  close(): void {
    if (this.over) return;
    this.act(() => this.core.close());
    this.over = true;
    this.ticker.stop();
    this.host.left(this);
  }

  abandon(reason: Reason): void {
    this.close();
    if (this.cell.value.kind === "fetching") this.cell.set({ kind: "failed", reason });
  }

  sessionUp(): void {
    this.act(() => this.core.sessionUp());
  }

  sessionDown(): void {
    this.drop();
    this.act(() => this.core.sessionDown());
  }

  scopesChanged(): void {
    // What it may no longer do ends with its token.
  }

  tokenEnded(jti: string, reason: Reason): void {
    this.act((now) => this.core.tokenEnded(jti, reason, now));
  }

  private act(change: (now: number) => void): void {
    if (this.over) return;
    change(this.env.clock.now());
    this.settle();
  }

  private settle(): void {
    if (this.settling) return;
    this.settling = true;
    let changed = false;
    for (let effects = this.core.drain(); effects.length > 0; effects = this.core.drain()) {
      for (const effect of effects) {
        if (effect.kind === "changed") changed = true;
        else this.carryOut(effect);
      }
    }
    this.settling = false;
    this.ticker.update();
    if (changed) this.cell.set(this.core.phase);
  }

  private carryOut(effect: Exclude<WatchingEffect, { kind: "changed" }>): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "view", terminal: this.past.id },
          (minted) => this.act((now) => this.core.minted(minted, now)),
          (reason) => this.act((now) => this.core.refused(reason, now)),
        );
      case "open": {
        this.drop();
        const { minted, opening } = effect;
        const purpose = this.host.openPurpose(minted, opening, {
          accepted: () => this.act((now) => this.core.accepted(now)),
          record: (record, cost) => this.act((now) => this.core.record(record, cost, now)),
          cut: () => {
            this.drop();
            this.act((now) => this.core.cut(now));
          },
        });
        if (purpose !== null) this.stream = { jti: minted.jti, purpose };
        return;
      }
      case "used":
        return this.stream?.purpose.used(effect.cost);
      case "close":
        this.stream?.purpose.close(effect.code);
        return this.drop();
    }
  }

  private drop(): void {
    const open = this.stream;
    if (open === null) return;
    this.stream = null;
    open.purpose.close("done");
    this.host.spent(open.jti);
  }
}
