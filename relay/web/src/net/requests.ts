/** What is asked of a machine and answered once. Rejects with a `Refusal`. */
import { encode } from "../core/b64";
import type { CloseName, Grid, PastPlace, Revocation, Terminal, WorkMode } from "../core/generated";
import { reasonFor } from "../core/reasons";
import { clampGrid } from "../core/records";
import type { Access, Answer, Session } from "../core/session";
import type { PastPage } from "./api";
import type { Env } from "./env";
import { Refusal, type WishKind } from "./wishes";

/** Answers to ending something that mean it has ended. */
const GONE: ReadonlySet<string> = new Set<CloseName>(["not-yours", "revoked", "unknown-device"]);

export type Wish = (kind: WishKind, ask: (session: Session) => number) => Promise<Exclude<Answer, { kind: "refused" }>>;

export class Requests {
  constructor(
    private readonly env: Env,
    private readonly wish: Wish,
  ) {}

  async readAccess(): Promise<Access> {
    const answer = await this.wish("access", (session) => session.access());
    if (answer.kind !== "access") throw new Refusal(reasonFor("bad-message"));
    return answer.access;
  }

  async renew(jti: string): Promise<void> {
    await this.wish("renew", (session) => session.renew(jti));
  }

  async endOwn(revocation: Revocation): Promise<void> {
    // Gone is what was wished for: a device that ends itself hears that it was ended, and an earlier try may have done it.
    await this.unlessGone(
      this.wish("revoke", (session) => session.revoke(revocation)),
      (code) => GONE.has(code),
    );
  }

  async createTerminal(name: string, grid: Grid): Promise<Terminal> {
    const key = encode(this.env.crypto.random(16));
    const answer = await this.wish("create", (session) => session.create(key, name, clampGrid(grid)));
    if (answer.kind !== "created") throw new Refusal(reasonFor("bad-message"));
    return answer.terminal;
  }

  async endTerminal(terminal: string): Promise<void> {
    // Gone is what was wished for; perhaps an earlier try of this very wish did it.
    await this.unlessGone(
      this.wish("end", (session) => session.end(terminal)),
      (code) => code === "terminal-gone",
    );
  }

  async renameTerminal(terminal: string, name: string): Promise<void> {
    await this.wish("rename", (session) => session.rename(terminal, name));
  }

  async history(after: PastPlace | null): Promise<PastPage> {
    const answer = await this.wish("history", (session) => session.history(after));
    if (answer.kind !== "history") throw new Refusal(reasonFor("bad-message"));
    return { past: answer.past, more: answer.more };
  }

  async forgetPast(terminal: string): Promise<void> {
    await this.unlessGone(
      this.wish("forget", (session) => session.forgetPast(terminal)),
      (code) => code === "terminal-gone",
    );
  }

  async setMode(mode: WorkMode | null): Promise<void> {
    await this.wish("mode", (session) => session.setMode(mode));
  }

  async endGranted(id: string): Promise<void> {
    // Over is what was wished for.
    await this.unlessGone(
      this.wish("mode", (session) => session.endGranted(id)),
      (code) => code === "approval-unknown",
    );
  }

  private async unlessGone(wished: Promise<unknown>, isGone: (code: string) => boolean): Promise<void> {
    try {
      await wished;
    } catch (error) {
      if (!(error instanceof Refusal) || !isGone(error.code)) throw error;
    }
  }
}
