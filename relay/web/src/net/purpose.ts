/** A stream for one token: opened once, sealed under a key that the relay does not have. */
import { decode } from "../core/b64";
import { EMPTY } from "../core/bytes";
import { Channel } from "../core/channel";
import { TopUp } from "../core/credit";
import { STREAM_WINDOW, type CloseName } from "../core/generated";
import { decodeRecord, encodeRecord, type AgentRecord, type ViewerRecord } from "../core/records";
import { sealCipher } from "../core/seal";
import type { Minted } from "../core/session";
import type { Env } from "./env";
import type { Stream, Wire } from "./wire";

export interface PurposeHandler {
  accepted(): void;
  /** `cost` is to be given back with `used`. */
  record(record: AgentRecord, cost: number): void;
  /** It ended without a sealed `end`. Not called after `close`. */
  cut(code: CloseName | null): void;
}

export class Purpose {
  private stream: Stream | null = null;
  private channel: Channel | null = null;
  private readonly topUp = new TopUp();
  private over = false;

  constructor(
    private readonly env: Env,
    wire: Wire,
    minted: Minted,
    opening: ViewerRecord,
    private readonly handler: PurposeHandler,
  ) {
    this.open(wire, minted, opening).catch(() => this.fail("internal"));
  }

  send(record: ViewerRecord): void {
    if (!this.over) this.channel?.send(encodeRecord(record));
  }

  used(cost: number): void {
    if (!this.over) this.stream?.grant(this.topUp.use(cost));
  }

  close(code: CloseName): void {
    if (this.over) return;
    this.stop();
    this.stream?.close(code);
  }

  private async open(wire: Wire, minted: Minted, opening: ViewerRecord): Promise<void> {
    const { crypto } = this.env;
    const jti = decode(minted.jti) ?? EMPTY;
    const secret = decode(minted.secret) ?? EMPTY;
    const [send, receive] = await Promise.all([
      sealCipher(crypto, secret, jti, "viewerToAgent"),
      sealCipher(crypto, secret, jti, "agentToViewer"),
    ]);
    const first = await send.seal(encodeRecord(opening));
    if (this.over) return;
    const channel = new Channel(send, receive, {
      sealed: (bytes) => this.over || this.stream?.send(bytes),
      opened: (plain, cost) => {
        const record = decodeRecord(plain);
        if (record === null) this.fail("bad-message");
        else if (!this.over) this.handler.record(record, cost);
      },
      broken: () => this.fail("seal-broken"),
    });
    this.channel = channel;
    this.stream = wire.open({ kind: "purpose", token: minted.token }, STREAM_WINDOW, [], first, {
      accepted: () => this.handler.accepted(),
      data: (payload) => channel.receive(payload),
      // What came before the close is read before it: an `end` may be among it.
      closed: ({ code }) => channel.afterReceived(() => this.finish(code)),
    });
    if (this.stream === null) this.finish("too-many-streams");
  }

  private fail(code: CloseName): void {
    if (this.over) return;
    this.stream?.close(code);
    this.finish(code);
  }

  private finish(code: CloseName | null): void {
    if (this.over) return;
    this.stop();
    this.handler.cut(code);
  }

  private stop(): void {
    this.over = true;
    this.channel?.close();
  }
}
