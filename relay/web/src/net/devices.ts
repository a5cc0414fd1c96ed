/** The screen of devices joined to streams of the machine's link. */
import type { Reason, Scope } from "../core/generated";
import { Devices, type DevicesEffect, type Wish } from "../core/devices";
import type { DevicesSession, DevicesState, Watch } from "./api";
import type { Env } from "./env";
import type { Purpose } from "./purpose";
import type { StreamHost, Tenant } from "./tenant";
import { Ticker } from "./ticker";
import { Cell } from "./watch";
import { Refusal } from "./wishes";

export class DevicesPanel implements DevicesSession, Tenant {
  private readonly core = new Devices();
  private readonly cell = new Cell<DevicesState>({ phase: this.core.phase, list: null });
  private readonly ticker: Ticker;
  private readonly waiting = new Map<number, { resolve: () => void; reject: (why: Refusal) => void }>();
  private stream: { jti: string; purpose: Purpose } | null = null;
  private settling = false;
  private over = false;

  constructor(
    private readonly env: Env,
    private readonly host: StreamHost,
  ) {
    this.ticker = new Ticker(
      env.clock,
      () => this.core.timeout(),
      (now) => {
        this.core.tick(now);
        this.settle();
      },
    );
  }

  get state(): Watch<DevicesState> {
    return this.cell;
  }

  wish(wish: Wish): Promise<void> {
    return new Promise((resolve, reject) => {
      this.act((now) => this.waiting.set(this.core.wish(wish, now), { resolve, reject }));
    });
  }

  close(): void {
    if (this.over) return;
    this.act(() => this.core.close());
    this.over = true;
    this.ticker.stop();
    this.host.left(this);
  }

  abandon(_reason: Reason): void {
    this.close();
  }

  sessionUp(_scopes: readonly Scope[]): void {
    this.act((now) => this.core.sessionUp(now));
  }

  sessionDown(): void {
    this.drop();
    this.act(() => this.core.sessionDown());
  }

  scopesChanged(): void {
    // What it may no longer do ends with its token.
  }

  tokenEnded(jti: string, reason: Reason): void {
    this.act(() => this.core.tokenEnded(jti, reason));
  }

  private act(change: (now: number) => void): void {
    if (this.over) return;
    change(this.env.clock.now());
    this.settle();
  }

  private settle(): void {
    if (this.settling) return;
    this.settling = true;
    for (let effects = this.core.drain(); effects.length > 0; effects = this.core.drain()) {
      for (const effect of effects) this.carryOut(effect);
    }
    this.settling = false;
    this.ticker.update();
  }

  private carryOut(effect: DevicesEffect): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "devices" },
          (minted) => this.act((now) => this.core.minted(minted, now)),
          (reason) => this.act(() => this.core.refused(reason)),
        );
      case "open": {
        this.drop();
        const { minted, opening } = effect;
        const purpose = this.host.openPurpose(minted, opening, {
          accepted: () => this.act(() => this.core.accepted()),
          record: (record, cost) => {
            this.stream?.purpose.used(cost);
            this.act((now) => this.core.record(record, now));
          },
          cut: (code) => {
            this.drop();
            this.act(() => this.core.cut(code));
          },
        });
        if (purpose !== null) this.stream = { jti: minted.jti, purpose };
        return;
      }
      case "send":
        return this.stream?.purpose.send(effect.record);
      case "close":
        this.stream?.purpose.close(effect.code);
        return this.drop();
      case "answered": {
        const waiting = this.waiting.get(effect.wish);
        this.waiting.delete(effect.wish);
        if (effect.refused === null) waiting?.resolve();
        else waiting?.reject(new Refusal(effect.refused));
        return;
      }
      case "changed":
        return this.cell.set({ phase: this.core.phase, list: this.core.list });
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
