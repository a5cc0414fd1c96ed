/** One WebSocket with one link on it: carries frames, signs proofs, hands each stream's frames to whoever opened it. */
import type { Bytes } from "../core/bytes";
import type { SignKey } from "../core/crypto";
import type { Close, Target } from "../core/frame";
import type { Challenge, CloseName } from "../core/generated";
import { Link, type LinkEffect } from "../core/link";
import type { Env, Socket } from "./env";
import { Ticker } from "./ticker";

/** To an open socket and a first welcome. */
const CONNECT_MS = 10_000;

export interface WireHandler {
  /** The proof holds; streams may be opened. */
  proven(conn: string): void;
  /** The relay holds the link for so long from now; said again with each proof. */
  held?(milliseconds: number): void;
  /** The agent is back. */
  wake(): void;
  /** Once, at the end. Streams hear nothing more. `proven` says whether it ever came so far. */
  ended(close: Close, proven: boolean): void;
}

export interface StreamHandler {
  accepted(versions: number[]): void;
  data(payload: Bytes): void;
  /** The other side, or the relay, closed it. Not called after `close`. */
  closed(close: Close): void;
}

export interface Stream {
  send(payload: Bytes): void;
  grant(amount: number): void;
  close(code: CloseName): void;
}

export interface Identity {
  /** The machine that is wanted. */
  agent: string;
  key: SignKey;
}

export class Wire {
  private readonly link: Link;
  private readonly socket: Socket;
  private readonly ticker: Ticker;
  private readonly streams = new Map<number, StreamHandler>();
  private readonly connectBy: number;
  private proven = false;
  private pumping = false;

  constructor(
    private readonly env: Env,
    private readonly identity: Identity,
    private readonly handler: WireHandler,
  ) {
    const now = env.clock.now();
    this.connectBy = now + CONNECT_MS;
    this.link = new Link({ host: env.host, agent: identity.agent, key: identity.key.publicKey }, now);
    this.ticker = new Ticker(
      env.clock,
      () => this.timeout(),
      (now) => this.tick(now),
    );
    this.socket = env.dial({
      message: (bytes) => this.act(() => this.link.handle(bytes)),
      closed: (code) => this.act(() => this.link.lost(code)),
    });
    this.ticker.update();
  }

  /** True while an answer of the relay is waited for. */
  get waiting(): boolean {
    return this.link.isWaiting;
  }

  /** Null when the link is not proven or has too many streams. `first` is what comes first on the stream. */
  open(
    target: Target,
    credit: number,
    versions: readonly number[],
    first: Bytes,
    handler: StreamHandler,
  ): Stream | null {
    const id = this.link.open(target, credit, versions, first);
    if (id === null) return null;
    this.streams.set(id, handler);
    this.pump();
    return {
      send: (payload) => this.act(() => this.link.send(id, payload)),
      grant: (amount) => this.act(() => this.link.grant(id, amount)),
      close: (code) => {
        this.streams.delete(id);
        this.act(() => this.link.close(id, code));
      },
    };
  }

  ping(): void {
    this.act(() => this.link.ping(this.env.clock.now()));
  }

  end(code: CloseName): void {
    this.act(() => this.link.end(code));
  }

  private act(change: () => void): void {
    change();
    this.pump();
  }

  private timeout(): number | null {
    const timeout = this.link.timeout();
    return this.proven || timeout === null ? timeout : Math.min(timeout, this.connectBy);
  }

  private tick(now: number): void {
    this.act(() => {
      this.link.tick(now);
      if (!this.proven && now >= this.connectBy) this.link.end("silent");
    });
  }

  /** What one effect causes may cause the next; they are carried out in order, never inside each other. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    for (let effects = this.link.drain(); effects.length > 0; effects = this.link.drain()) {
      for (const effect of effects) this.carryOut(effect);
    }
    this.pumping = false;
    this.ticker.update();
  }

  private carryOut(effect: LinkEffect): void {
    switch (effect.kind) {
      case "write":
        return this.socket.send(effect.message);
      case "challenged":
        return void this.sign(effect.challenge, effect.version);
      case "welcome":
        this.proven = true;
        this.handler.held?.(effect.welcome.held);
        if (effect.first) this.handler.proven(effect.conn);
        return;
      case "wake":
        return this.handler.wake();
      case "accepted":
        return this.streams.get(effect.stream)?.accepted(effect.versions);
      case "data":
        return this.streams.get(effect.stream)?.data(effect.payload);
      case "closed": {
        const { code, sentence, stream } = effect;
        const handler = this.streams.get(stream);
        this.streams.delete(stream);
        return handler?.closed({ code, sentence });
      }
      case "ended":
        this.streams.clear();
        this.ticker.stop();
        this.socket.close(effect.code ?? "done");
        return this.handler.ended({ code: effect.code, sentence: effect.sentence }, this.proven);
    }
  }

  private async sign(challenge: Challenge, version: number): Promise<void> {
    const time = this.env.clock.unix();
    const signature = await this.identity.key.sign(this.link.toSign(challenge, version, time));
    this.act(() => this.link.prove(challenge, version, time, signature));
  }
}
