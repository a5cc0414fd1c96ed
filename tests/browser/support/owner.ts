/** What the machine's owner does there besides running `lanyard up`: one JSON object a line on the owner's socket. */
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

export type Scope = "view" | "terminal";

export interface Grid {
  cols: number;
  rows: number;
}

export interface Status {
  terminals: { id: string; name: string; grid: Grid; driver: { name: string } | null }[];
  devices: { id: string; name: string; scopes: Scope[] }[];
}

type Request =
  | { t: "pair"; scopes: Scope[]; yes: boolean }
  | { t: "answer"; question: number; yes: boolean }
  | { t: "cancel" }
  | { t: "status" }
  | { t: "revoke"; device: string };

const ANSWERS = new Set(["link", "status", "done", "refused"]);

export class Owner {
  constructor(private readonly socket: string) {}

  /** A pairing link. `yes` lets in whoever opens it, unasked. */
  async pair(scopes: Scope[], yes: boolean): Promise<string> {
    const { url } = (await this.ask({ t: "pair", scopes, yes })) as { url: string };
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
    await this.ask({ t: "revoke", device });
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
