/** What the machine's owner does there besides running `lanyard up`: one JSON object a line on the owner's socket. */
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

export type Scope = "view" | "terminal" | "devices" | "approve";

export interface Grid {
  cols: number;
  rows: number;
}

export interface Status {
  terminals: { id: string; name: string; grid: Grid; driver: { name: string } | null }[];
  devices: { id: string; name: string; scopes: Scope[] }[];
  tokens: { jti: string; purpose: Scope; device: string }[];
}

type Request =
  | { t: "pair"; scopes: Scope[]; reach: { root: null; terminal: null }; stays: number | null; yes: boolean }
  | { t: "answer"; question: number; yes: boolean }
  | { t: "cancel" }
  | { t: "status" }
  | { t: "lock"; locked: boolean }
  | { t: "revoke"; revocation: Revocation };

type Revocation = { what: "device"; device: string } | { what: "purpose"; purpose: Scope; device: null };

const ANSWERS = new Set(["link", "status", "done", "ended", "refused"]);

export class Owner {
  constructor(private readonly socket: string) {}

  /** A pairing link. `yes` lets in whoever opens it, unasked; `stays` is for how many seconds, of a share. */
  async pair(scopes: Scope[], yes: boolean, stays: number | null = null): Promise<string> {
    const reach = { root: null, terminal: null };
    const { url } = (await this.ask({ t: "pair", scopes, reach, stays, yes })) as { url: string };
    return url;
  }

  async answer(question: number, yes: boolean): Promise<void> {
    await this.ask({ t: "answer", question, yes });
  }

  async cancel(): Promise<void> {
    await this.ask({ t: "cancel" });
  }

  async status(): Promise<Status> {
    return (await this.ask({ t: "status" })) as Status;
  }

  async revoke(device: string): Promise<void> {
    await this.ask({ t: "revoke", revocation: { what: "device", device } });
  }

  /** Takes a purpose away from every device. */
  async takeAway(purpose: Scope): Promise<void> {
    await this.ask({ t: "revoke", revocation: { what: "purpose", purpose, device: null } });
  }

  async lock(locked: boolean): Promise<void> {
    await this.ask({ t: "lock", locked });
  }

  private async ask(request: Request): Promise<unknown> {
    const socket = connect(this.socket);
    await once(socket, "connect");
    try {
      socket.write(`${JSON.stringify(request)}\n`);
      for await (const line of createInterface({ input: socket })) {
        const notice = JSON.parse(line) as { event: string };
        if (notice.event === "refused") throw new Error(line);
        if (ANSWERS.has(notice.event)) return notice;
      }
      throw new Error(`no answer to ${request.t}`);
    } finally {
      socket.destroy();
    }
  }
}
