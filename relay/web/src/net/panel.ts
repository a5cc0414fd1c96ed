/** A screen that lives on one stream of the machine's link at a time: joins its state machine to each of them in turn. */
import type { CloseName, Reason, Scope } from "../core/generated";
import type { ViewerRecord } from "../core/records";
import type { Minted } from "../core/session";
import type { Env } from "./env";
import type { Purpose, PurposeHandler } from "./purpose";
import type { StreamHost, Tenant } from "./tenant";
import { Ticker } from "./ticker";

/** What a panel needs of every state machine. */
interface Core<Effect> {
  drain(): Effect[];
  timeout(): number | null;
  tick(now: number): void;
  sessionDown(): void;
  close(): void;
}

export abstract class Panel<Effect, C extends Core<Effect>> implements Tenant {
  private readonly ticker: Ticker;
  private stream: { jti: string; purpose: Purpose } | null = null;
  private settling = false;
  private over = false;

  protected constructor(
    private readonly env: Env,
    protected readonly host: StreamHost,
    protected readonly core: C,
  ) {
    this.ticker = new Ticker(
      env.clock,
      () => core.timeout(),
      (now) => {
        core.tick(now);
        this.settle();
      },
    );
  }

  abstract sessionUp(scopes: readonly Scope[]): void;
  abstract tokenEnded(jti: string, reason: Reason): void;
  abstract abandon(reason: Reason): void;
  protected abstract carryOut(effect: Effect): void;

  close(): void {
    if (this.over) return;
    this.act(() => this.core.close());
    this.over = true;
    this.ticker.stop();
    this.host.left(this);
  }

  sessionDown(): void {
    this.drop();
    this.act(() => this.core.sessionDown());
  }

  scopesChanged(): void {
    // What it may no longer do ends with its token.
  }

  protected act(change: (now: number) => void): void {
    if (this.over) return;
    change(this.env.clock.now());
    this.settle();
  }

  /** In the place of the stream of before. One that is cut is dropped first and told of then. */
  protected open({ minted, opening }: { minted: Minted; opening: ViewerRecord }, handler: PurposeHandler): void {
    this.drop();
    const cut = (code: CloseName | null): void => {
      this.drop();
      handler.cut(code);
    };
    const purpose = this.host.openPurpose(minted, opening, { ...handler, cut });
    if (purpose !== null) this.stream = { jti: minted.jti, purpose };
  }

  protected send(record: ViewerRecord): void {
    this.stream?.purpose.send(record);
  }

  protected used(cost: number): void {
    this.stream?.purpose.used(cost);
  }

  protected end(code: CloseName): void {
    this.stream?.purpose.close(code);
    this.drop();
  }

  /** Carries out what the state machine asks for, until it asks for nothing more. */
  private settle(): void {
    if (this.settling) return;
    this.settling = true;
    for (let effects = this.core.drain(); effects.length > 0; effects = this.core.drain()) {
      for (const effect of effects) this.carryOut(effect);
    }
    this.settling = false;
    this.ticker.update();
  }

  private drop(): void {
    const open = this.stream;
    if (open === null) return;
    this.stream = null;
    open.purpose.close("done");
    this.host.spent(open.jti);
  }
}
