/** A stream with Noise on it: handshake, then one message a payload, in order. */
import { decode } from "../core/b64";
import { EMPTY, type Bytes } from "../core/bytes";
import { Channel } from "../core/channel";
import { TopUp } from "../core/credit";
import type { DhKey } from "../core/crypto";
import type { Close, Target } from "../core/frame";
import { HANDSHAKE_TIME_MS, SESSION_VERSIONS, STREAM_WINDOW, type CloseName } from "../core/generated";
import { Handshake, type Transport } from "../core/noise";
import { closeSentence } from "../core/reasons";
import { prologue, type Mode } from "../core/transcript";
import { commonVersion } from "../core/versions";
import type { Env } from "./env";
import type { Stream, Wire } from "./wire";

export interface SecureOptions {
  mode: Mode;
  target: Target;
  agent: string;
  conn: string;
  /** Our static key. */
  local: DhKey;
  /** The machine's static key. */
  remote: Bytes;
  psk?: Bytes;
}

export interface SecureHandler {
  /** The machine has proven its key. `payload` is message 2's. */
  established(hash: Bytes, payload: Bytes): void;
  message(plain: Bytes): void;
  /** Once, unless we closed it. */
  closed(close: Close): void;
}

export class Secure {
  private stream: Stream | null = null;
  private readonly topUp = new TopUp();
  private readonly deadline: () => void;
  private handshake: Promise<Handshake> | null = null;
  private channel: Promise<Channel> | null = null;
  private over = false;

  constructor(
    private readonly env: Env,
    private readonly wire: Wire,
    private readonly options: SecureOptions,
    private readonly handler: SecureHandler,
  ) {
    this.deadline = env.clock.after(HANDSHAKE_TIME_MS, () => this.fail("handshake-timeout"));
    this.open().catch(() => this.fail("handshake-failed"));
  }

  send(plain: Bytes): void {
    this.withChannel((channel) => channel.send(plain));
  }

  close(code: CloseName): void {
    if (this.over) return;
    this.stop();
    this.stream?.close(code);
  }

  /** Message 1 goes with the open. It counts if the machine speaks the versions that we do. */
  private async open(): Promise<void> {
    const { handshake, message } = await this.begin(SESSION_VERSIONS);
    if (this.over) return;
    this.handshake = Promise.resolve(handshake);
    this.stream = this.wire.open(this.options.target, STREAM_WINDOW, SESSION_VERSIONS, message, {
      accepted: (versions) => this.accepted(versions),
      data: (payload) => this.data(payload),
      // What came before the close is read before it: a refusal in words may be among it.
      closed: (close) => {
        if (this.channel === null) this.finish(close);
        else this.withChannel((channel) => channel.afterReceived(() => this.finish(close)));
      },
    });
    if (this.stream === null) this.fail("too-many-streams");
  }

  private accepted(versions: number[]): void {
    if (commonVersion(SESSION_VERSIONS, versions) === null) {
      this.fail("version");
      return;
    }
    if (versions.join() === SESSION_VERSIONS.join()) return;
    this.handshake = this.begin(versions).then(({ handshake, message }) => {
      if (!this.over) this.stream?.send(message);
      return handshake;
    });
    this.handshake.catch(() => this.fail("handshake-failed"));
  }

  /** Message 1 for a machine that speaks these versions. */
  private async begin(versions: readonly number[]): Promise<{ handshake: Handshake; message: Bytes }> {
    const { mode, agent, conn, local, remote, psk } = this.options;
    const handshake = await Handshake.start({
      crypto: this.env.crypto,
      pattern: mode === "pair" ? "IKpsk1" : "IK",
      initiator: true,
      prologue: prologue(mode, decode(agent) ?? EMPTY, decode(conn) ?? EMPTY, SESSION_VERSIONS, versions),
      local,
      remote,
      ...(psk && { psk }),
    });
    return { handshake, message: await handshake.write(EMPTY) };
  }

  private data(payload: Bytes): void {
    this.stream?.grant(this.topUp.use(payload.length));
    if (this.channel !== null) {
      this.withChannel((channel) => channel.receive(payload));
      return;
    }
    this.channel = this.conclude(payload);
    this.channel.catch(() => this.fail("handshake-failed"));
  }

  private async conclude(message: Bytes): Promise<Channel> {
    const handshake = await this.handshake;
    if (handshake === null) throw new Error("an answer before the question");
    const payload = await handshake.read(message);
    const transport = await handshake.split();
    const channel = this.channelOver(transport);
    if (this.over) channel.close();
    else {
      this.deadline();
      // What the handler sends goes through `this.channel`, which is there only after this function has returned.
      void Promise.resolve().then(() => this.over || this.handler.established(transport.hash, payload));
    }
    return channel;
  }

  private channelOver({ send, receive }: Transport): Channel {
    return new Channel(send, receive, {
      sealed: (bytes) => this.over || this.stream?.send(bytes),
      opened: (plain) => this.over || this.handler.message(plain),
      broken: () => this.fail("seal-broken"),
    });
  }

  private fail(code: CloseName): void {
    if (this.over) return;
    this.stream?.close(code);
    this.finish({ code, sentence: closeSentence(code) });
  }

  private finish(close: Close): void {
    if (this.over) return;
    this.stop();
    this.handler.closed(close);
  }

  private stop(): void {
    this.over = true;
    this.deadline();
    this.withChannel((channel) => channel.close());
  }

  /** A handshake that failed has been told already. */
  private withChannel(run: (channel: Channel) => void): void {
    this.channel?.then(run, () => undefined);
  }
}
