/** One terminal on the screen: joins what is watched and what is typed to streams of the machine's link. */
import type { Backoff } from "../core/backoff";
import { encode } from "../core/b64";
import type { Exit, Grid, Reason, Scope } from "../core/generated";
import { Input, type InputEffect } from "../core/input";
import { clampGrid, type ViewerRecord } from "../core/records";
import type { Minted } from "../core/session";
import { View, type ViewEffect } from "../core/view";
import type { InputState, TerminalSession, ViewState, Watch } from "./api";
import type { Env } from "./env";
import type { Purpose, PurposeHandler } from "./purpose";
import type { StreamHost, Tenant } from "./tenant";
import { Ticker } from "./ticker";
import { Cell } from "./watch";

type OutputListener = Parameters<TerminalSession["onOutput"]>[0];
interface Open {
  jti: string;
  purpose: Purpose;
}
interface Opened {
  minted: Minted;
  opening: ViewerRecord;
}

export class LiveTerminal implements TerminalSession, Tenant {
  private readonly core: View;
  private readonly keys: Input;
  private readonly ticker: Ticker;
  private readonly viewCell: Cell<ViewState>;
  private readonly inputCell: Cell<InputState>;
  private readonly gridCell: Cell<Grid>;
  private readonly exitCell: Cell<Exit | null>;
  private viewStream: Open | null = null;
  private inputStream: Open | null = null;
  private listener: OutputListener | null = null;
  /** Output that came before anyone listened. Bounded by the stream's credit. */
  private early: Parameters<OutputListener>[] = [];
  private settling = false;
  private over = false;

  constructor(
    private readonly env: Env,
    private readonly host: StreamHost,
    readonly terminal: string,
    screen: Grid,
    size: Grid,
    exit: Exit | null,
    backoff: Backoff,
  ) {
    this.core = new View(clampGrid(screen), size, backoff);
    this.keys = new Input(clampGrid(screen), () => encode(env.crypto.random(16)));
    this.viewCell = new Cell<ViewState>(this.core.phase);
    this.inputCell = new Cell<InputState>(this.keys.phase);
    this.gridCell = new Cell(size);
    this.exitCell = new Cell(exit);
    this.ticker = new Ticker(
      env.clock,
      () => earliest(this.core.timeout(), this.keys.timeout()),
      (now) => {
        this.core.tick(now);
        this.keys.tick(now);
        this.settle();
      },
    );
  }

  get view(): Watch<ViewState> {
    return this.viewCell;
  }

  get input(): Watch<InputState> {
    return this.inputCell;
  }

  get grid(): Watch<Grid> {
    return this.gridCell;
  }

  get exit(): Watch<Exit | null> {
    return this.exitCell;
  }

  onOutput(run: OutputListener): void {
    this.listener = run;
    for (const output of this.early.splice(0)) run(...output);
  }

  type(bytes: Uint8Array): void {
    this.host.touched();
    this.act((now) => this.keys.type(Uint8Array.from(bytes), now));
  }

  report(bytes: Uint8Array): void {
    this.act((now) => this.keys.type(Uint8Array.from(bytes), now));
  }

  resize(grid: Grid): void {
    this.act(() => this.keys.resize(grid));
  }

  watchAgain(): void {
    this.act(() => this.core.resume());
  }

  takeOver(): void {
    this.act((now) => this.keys.takeOver(now));
  }

  resolveUnsent(send: boolean): void {
    this.act((now) => this.keys.resolveUnsent(send, now));
  }

  close(): void {
    if (this.over) return;
    this.act(() => {
      this.core.close();
      this.keys.close();
    });
    this.over = true;
    this.ticker.stop();
    this.host.left(this);
  }

  abandon(reason: Reason): void {
    this.close();
    if (this.viewCell.value.kind !== "ended") this.viewCell.set({ kind: "ended", reason });
  }

  sessionUp(scopes: readonly Scope[]): void {
    this.act((now) => {
      this.core.sessionUp();
      this.keys.sessionUp(scopes.includes("terminal"), now);
    });
  }

  scopesChanged(scopes: readonly Scope[]): void {
    this.act((now) => this.keys.scopes(scopes.includes("terminal"), now));
  }

  sessionDown(): void {
    this.drop("viewStream");
    this.drop("inputStream");
    this.act((now) => {
      this.core.sessionDown();
      this.keys.sessionDown(now);
    });
  }

  tokenEnded(jti: string, reason: Reason): void {
    this.act((now) => {
      this.core.tokenEnded(jti, reason, now);
      this.keys.tokenEnded(jti, reason, now);
    });
  }

  private act(change: (now: number) => void): void {
    if (this.over) return;
    change(this.env.clock.now());
    this.settle();
  }

  /** Carries out what the two state machines ask for, until they ask for nothing more. */
  private settle(): void {
    if (this.settling) return;
    this.settling = true;
    for (;;) {
      const view = this.core.drain();
      const input = this.keys.drain();
      if (view.length === 0 && input.length === 0) break;
      for (const effect of view) this.carryOutView(effect);
      for (const effect of input) this.carryOutInput(effect);
    }
    this.settling = false;
    this.ticker.update();
  }

  private carryOutView(effect: ViewEffect): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "view", terminal: this.terminal },
          (minted) => this.act((now) => this.core.minted(minted, now)),
          (reason) => this.act((now) => this.core.refused(reason, now)),
        );
      case "open":
        return this.open("viewStream", effect, {
          accepted: () => this.act((now) => this.core.accepted(now)),
          record: (record, cost) => this.act((now) => this.core.record(record, cost, now)),
          cut: () => {
            this.drop("viewStream");
            this.act((now) => this.core.cut(now));
          },
        });
      case "output":
        return this.output(effect);
      case "used":
        return this.viewStream?.purpose.used(effect.cost);
      case "close":
        this.viewStream?.purpose.close(effect.code);
        return this.drop("viewStream");
      case "changed":
        if (this.viewCell.value !== this.core.phase) this.viewCell.set(this.core.phase);
        if (this.gridCell.value !== this.core.grid) this.gridCell.set(this.core.grid);
        if (this.core.exit !== null && this.exitCell.value !== this.core.exit) this.exitCell.set(this.core.exit);
        return;
    }
  }

  private carryOutInput(effect: InputEffect): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "terminal", terminal: this.terminal },
          (minted) => this.act((now) => this.keys.minted(minted, now)),
          (reason) => this.act((now) => this.keys.refused(reason, now)),
        );
      case "open":
        return this.open("inputStream", effect, {
          accepted: () => this.act((now) => this.keys.accepted(now)),
          record: (record, cost) => {
            this.inputStream?.purpose.used(cost);
            this.act((now) => this.keys.record(record, now));
          },
          cut: (code) => {
            this.drop("inputStream");
            this.act((now) => this.keys.cut(code, now));
          },
        });
      case "send":
        return this.inputStream?.purpose.send(effect.record);
      case "close":
        this.inputStream?.purpose.close(effect.code);
        return this.drop("inputStream");
      case "changed": {
        const phase = this.keys.phase;
        const same = phase.kind === this.inputCell.value.kind && phase.kind !== "unsent" && phase.kind !== "lapsed";
        return same ? undefined : this.inputCell.set(phase);
      }
    }
  }

  private open(slot: "viewStream" | "inputStream", { minted, opening }: Opened, handler: PurposeHandler): void {
    this.drop(slot);
    const purpose = this.host.openPurpose(minted, opening, handler);
    if (purpose !== null) this[slot] = { jti: minted.jti, purpose };
  }

  private drop(slot: "viewStream" | "inputStream"): void {
    const open = this[slot];
    if (open === null) return;
    this[slot] = null;
    open.purpose.close("done");
    this.host.spent(open.jti);
  }

  private output({ bytes, reset, cost }: Extract<ViewEffect, { kind: "output" }>): void {
    const stream = this.viewStream?.purpose;
    let done = false;
    const parsed = (): void => {
      if (!done) stream?.used(cost);
      done = true;
    };
    if (this.listener) this.listener(bytes, reset, parsed);
    else this.early.push([bytes, reset, parsed]);
  }
}

export function earliest(...times: readonly (number | null)[]): number | null {
  return times.reduce((a, b) => (a === null || b === null ? (a ?? b) : Math.min(a, b)), null);
}
