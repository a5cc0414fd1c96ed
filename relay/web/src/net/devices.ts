/** The screen of devices joined to streams of the machine's link. */
import type { Reason } from "../core/generated";
import { readPage, type AuditPage } from "../core/audit";
import { Devices, type AuditText, type AuditWish, type DevicesEffect, type Wish } from "../core/devices";
import { reasonFor } from "../core/reasons";
import type { DevicesSession, DevicesState, Watch } from "./api";
import type { Env } from "./env";
import { Panel } from "./panel";
import type { StreamHost } from "./tenant";
import { Cell } from "./watch";
import { Refusal } from "./wishes";

interface Waiting {
  resolve: (audit: AuditText | null) => void;
  reject: (why: Refusal) => void;
}

export class DevicesPanel extends Panel<DevicesEffect, Devices> implements DevicesSession {
  private readonly cell: Cell<DevicesState>;
  private readonly waiting = new Map<
    number,
    { resolve: (audit: AuditText | null) => void; reject: (why: Refusal) => void }
  >();

  constructor(
    private readonly own: Env,
    host: StreamHost,
  ) {
    super(own, host, new Devices());
    this.cell = new Cell<DevicesState>({ phase: this.core.phase, list: null });
  }

  get state(): Watch<DevicesState> {
    return this.cell;
  }

  async wish(wish: Wish): Promise<void> {
    await this.wishes(wish);
  }

  async audit(before: number | null): Promise<AuditPage> {
    const read = await this.wishes({ what: "audit", before });
    if (read === null) throw new Refusal(reasonFor("bad-message"));
    const { first, text, earlier, head } = read;
    return readPage(this.own.crypto, first, text, earlier, head);
  }

  private taken(wish: number): Waiting | undefined {
    const waiting = this.waiting.get(wish);
    this.waiting.delete(wish);
    return waiting;
  }

  private wishes(wish: Wish | AuditWish): Promise<AuditText | null> {
    return new Promise((resolve, reject) => {
      this.act((now) => this.waiting.set(this.core.wish(wish, now), { resolve, reject }));
    });
  }

  abandon(_reason: Reason): void {
    this.close();
  }

  sessionUp(): void {
    this.act((now) => this.core.sessionUp(now));
  }

  tokenEnded(jti: string, reason: Reason): void {
    this.act(() => this.core.tokenEnded(jti, reason));
  }

  protected carryOut(effect: DevicesEffect): void {
    switch (effect.kind) {
      case "mint":
        return this.host.mint(
          { purpose: "devices" },
          (minted) => this.act((now) => this.core.minted(minted, now)),
          (reason) => this.act(() => this.core.refused(reason)),
        );
      case "open":
        return this.open(effect, {
          accepted: () => this.act(() => this.core.accepted()),
          record: (record, cost) => {
            this.used(cost);
            this.act((now) => this.core.record(record, now));
          },
          cut: (code) => this.act(() => this.core.cut(code)),
        });
      case "send":
        return this.send(effect.record);
      case "close":
        return this.end(effect.code);
      case "answered": {
        const waiting = this.taken(effect.wish);
        if (effect.refused === null) waiting?.resolve(null);
        else waiting?.reject(new Refusal(effect.refused));
        return;
      }
      case "audited":
        return this.taken(effect.wish)?.resolve(effect.audit);
      case "changed":
        return this.cell.set({ phase: this.core.phase, list: this.core.list });
    }
  }
}
