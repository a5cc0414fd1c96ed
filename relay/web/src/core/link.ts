/**
 * The viewer's end of a link, without sockets or clocks: messages and the time go in, `drain` gives what to write and what
 * happened. Signing takes a moment, so a challenge comes out as an effect and its proof comes back in through `prove`.
 */
import { decode, encode } from "./b64";
import { EMPTY, type Bytes } from "./bytes";
import { Credit } from "./credit";
import { decodeFrame, encodeFrame, type Close, type Frame, type OwnFrame, type Target } from "./frame";
import {
  FIRST_MAX,
  DIALLER_SILENCE_MS,
  LINK_VERSIONS,
  PAYLOAD_MAX,
  PING_EVERY_MS,
  STREAMS_PER_VIEWER,
  WELCOME_TIME_MS,
  type Challenge,
  type CloseName,
  type Welcome,
} from "./generated";
import { closeSentence } from "./reasons";
import { linkProof } from "./transcript";
import { commonVersion } from "./versions";

/** Who dials whom, as what. */
export interface Dialler {
  /** The authority that was dialled, `name[:port]`, lower case. */
  host: string;
  /** The machine that is wanted. */
  agent: string;
  /** The device's public key. */
  key: Bytes;
}

export type LinkEffect =
  | { kind: "write"; message: Bytes }
  /** Sign and call `prove`; the time is the wall clock's, and decides nothing. */
  | { kind: "challenged"; challenge: Challenge; version: number }
  | { kind: "welcome"; welcome: Welcome; conn: string; first: boolean }
  | { kind: "wake" }
  | { kind: "accepted"; stream: number; versions: number[] }
  /** Give credit back with `grant` when the bytes have been used. */
  | { kind: "data"; stream: number; payload: Bytes }
  | ({ kind: "closed"; stream: number } & Close)
  /** Nothing more comes. `ours` when this side gave up. */
  | ({ kind: "ended"; ours: boolean } & Close);

interface Stream {
  standing: boolean;
  /** What we may send. */
  send: Credit;
  /** What the peer may send. */
  receive: Credit;
  /** Waits for credit, in order. */
  queue: Bytes[];
}

/** An unanswered ping is given this long, so that silence ends the link `DIALLER_SILENCE_MS` after the last word. */
const ANSWER_WITHIN_MS = DIALLER_SILENCE_MS - PING_EVERY_MS;

export class Link {
  private readonly effects: LinkEffect[] = [];
  private readonly streams = new Map<number, Stream>();
  private lastStream = 0;
  private conn: string | null = null;
  /** What the relay asked for last and has not welcomed yet. */
  private challenge: Challenge | null = null;
  /** The answer to that has gone out. */
  private proved = false;
  private welcomed = false;
  private over = false;
  private nextPing: number;
  /** Since when an answer is waited for. A timer that fires late has asked late, so silence is counted from the question. */
  private asked: number | null;
  /** Until then the relay must have said welcome. */
  private readonly welcomeBy: number;

  constructor(
    private readonly dialler: Dialler,
    now: number,
  ) {
    this.nextPing = now + PING_EVERY_MS;
    // The relay speaks first: that, too, is an answer waited for.
    this.asked = now;
    this.welcomeBy = now + WELCOME_TIME_MS;
  }

  get isOver(): boolean {
    return this.over;
  }

  /** True while an answer of the relay is waited for. */
  get isWaiting(): boolean {
    return this.asked !== null;
  }

  drain(): LinkEffect[] {
    return this.effects.splice(0);
  }

  /** Takes one WebSocket message. */
  handle(message: Bytes): void {
    if (this.over) return;
    this.asked = null;
    const frame = decodeFrame(message);
    const fault = frame.kind === "error" ? frame.code : this.handleFrame(frame);
    if (fault !== null) this.end(fault);
  }

  /** What must be signed to answer `challenge`. */
  toSign(challenge: Challenge, version: number, time: number): Bytes {
    const { host, agent, key } = this.dialler;
    return linkProof({
      host,
      agent: decode(agent) ?? EMPTY,
      key,
      conn: decode(challenge.conn) ?? EMPTY,
      nonce: decode(challenge.nonce) ?? EMPTY,
      time,
      offered: challenge.versions,
      version,
    });
  }

  /** The signature over `toSign`. One that comes for anything but the present challenge is of no use. */
  prove(challenge: Challenge, version: number, time: number, signature: Bytes): void {
    if (this.over || this.challenge !== challenge || this.proved) return;
    this.proved = true;
    const { host, agent, key } = this.dialler;
    this.write({
      kind: "proof",
      proof: {
        role: "device",
        host,
        agent,
        key: encode(key),
        conn: challenge.conn,
        time,
        version,
        signature: encode(signature),
      },
    });
  }

  /** The new stream's number; null when too many are open or the link is not proven. `first` goes with it, see the frame. */
  open(target: Target, credit: number, versions: readonly number[], first: Bytes): number | null {
    if (first.length > FIRST_MAX) throw new RangeError("no open holds this");
    if (this.over || !this.welcomed || this.streams.size >= STREAMS_PER_VIEWER) return null;
    const stream = ++this.lastStream;
    this.streams.set(stream, { standing: false, send: new Credit(), receive: new Credit(credit), queue: [] });
    this.write({ kind: "open", stream, target, credit, versions: [...versions], first });
    return stream;
  }

  /** Sends a payload as soon as credit allows, after all that was sent before it on this stream. */
  send(stream: number, payload: Bytes): void {
    const open = this.streams.get(stream);
    if (open === undefined || this.over) return;
    if (payload.length === 0 || payload.length > PAYLOAD_MAX) throw new RangeError("no frame holds this payload");
    open.queue.push(payload);
    this.flush(stream, open);
  }

  /** Lets the peer send `amount` more bytes on the stream. */
  grant(stream: number, amount: number): void {
    if (amount > 0 && !this.over && this.streams.get(stream)?.receive.add(amount) === true) {
      this.write({ kind: "credit", stream, amount });
    }
  }

  /** Ends a stream; what still waited for credit on it is not sent. */
  close(stream: number, code: CloseName): void {
    if (this.over || !this.streams.delete(stream)) return;
    this.write({ kind: "close", stream, code, sentence: closeSentence(code) });
  }

  /** Ends the link and tells the peer why. */
  end(code: CloseName): void {
    if (this.over) return;
    const sentence = closeSentence(code);
    this.write({ kind: "close", stream: 0, code, sentence });
    this.finish({ code, sentence }, true);
  }

  /** The socket has gone. `code` is what the WebSocket itself said, where it said something we know. */
  lost(code: CloseName | null): void {
    if (!this.over) this.finish({ code, sentence: code === null ? "" : closeSentence(code) }, false);
  }

  /** Asks the relay for an answer now instead of at the next turn. */
  ping(now: number): void {
    if (this.over) return;
    this.nextPing = now + PING_EVERY_MS;
    this.asked ??= now;
    this.write({ kind: "ping", payload: new Uint8Array(8) });
  }

  /** When `tick` wants to be called at the latest. */
  timeout(): number | null {
    if (this.over) return null;
    const answer = this.asked === null ? Infinity : this.asked + ANSWER_WITHIN_MS;
    return Math.min(this.nextPing, answer, this.welcomed ? Infinity : this.welcomeBy);
  }

  tick(now: number): void {
    if (this.over) return;
    if (this.asked !== null && now - this.asked >= ANSWER_WITHIN_MS) this.end("silent");
    else if (!this.welcomed && now >= this.welcomeBy) this.end("handshake-timeout");
    else if (now >= this.nextPing) this.ping(now);
  }

  private handleFrame(frame: Frame): CloseName | null {
    switch (frame.kind) {
      case "challenge":
        return this.challenged(frame.challenge);
      case "welcome":
        return this.welcome(frame.welcome);
      case "pong":
        return null;
      case "wake":
        this.effects.push({ kind: "wake" });
        return null;
      case "accept":
        return this.accepted(frame.stream, frame.credit, frame.versions);
      case "data":
        return this.data(frame.stream, frame.payload);
      case "credit":
        return this.credit(frame.stream, frame.amount);
      case "close":
        return this.closed(frame.stream, frame);
      case "proof":
      case "enrol":
      case "announce":
      case "rotate":
      case "ping":
      case "open":
      case "renew":
        return "unexpected-frame";
    }
  }

  private challenged(challenge: Challenge): CloseName | null {
    if (this.conn !== null && this.conn !== challenge.conn) return "unexpected-frame";
    // Of two proofs that wait at once, a welcome would not say which it answers.
    if (this.challenge !== null) return "unexpected-frame";
    const version = commonVersion(LINK_VERSIONS, challenge.versions);
    if (version === null) return "version";
    this.conn = challenge.conn;
    this.challenge = challenge;
    this.effects.push({ kind: "challenged", challenge, version });
    return null;
  }

  private welcome(welcome: Welcome): CloseName | null {
    if (this.conn === null || welcome.agent !== this.dialler.agent) return "unexpected-frame";
    // It answers a proof, and one that is still being signed was not said yet.
    if (!this.proved) return "unexpected-frame";
    this.challenge = null;
    this.proved = false;
    const first = !this.welcomed;
    this.welcomed = true;
    this.effects.push({ kind: "welcome", welcome, conn: this.conn, first });
    return null;
  }

  private accepted(id: number, credit: number, versions: number[]): CloseName | null {
    if (id > this.lastStream) return "unknown-stream";
    const stream = this.streams.get(id);
    if (stream === undefined) return null;
    if (stream.standing) return "unexpected-frame";
    stream.standing = true;
    stream.send.add(credit);
    this.effects.push({ kind: "accepted", stream: id, versions });
    this.flush(id, stream);
    return null;
  }

  private data(id: number, payload: Bytes): CloseName | null {
    if (id > this.lastStream) return "unknown-stream";
    const stream = this.streams.get(id);
    if (stream === undefined) return null;
    if (!stream.standing) return "unexpected-frame";
    if (!stream.receive.take(payload.length)) return "credit-exceeded";
    this.effects.push({ kind: "data", stream: id, payload });
    return null;
  }

  private credit(id: number, amount: number): CloseName | null {
    if (id > this.lastStream) return "unknown-stream";
    const stream = this.streams.get(id);
    if (stream === undefined) return null;
    if (!stream.send.add(amount)) return "credit-exceeded";
    this.flush(id, stream);
    return null;
  }

  private closed(id: number, close: Close): CloseName | null {
    const { code, sentence } = close;
    if (id > this.lastStream) return "unknown-stream";
    if (id === 0) this.finish({ code, sentence }, false);
    else if (this.streams.delete(id)) this.effects.push({ kind: "closed", stream: id, code, sentence });
    return null;
  }

  private flush(id: number, stream: Stream): void {
    while (stream.standing) {
      const [payload] = stream.queue;
      if (payload === undefined || !stream.send.take(payload.length)) return;
      stream.queue.shift();
      this.write({ kind: "data", stream: id, payload });
    }
  }

  private finish(close: Close, ours: boolean): void {
    this.over = true;
    this.streams.clear();
    this.effects.push({ kind: "ended", ours, ...close });
  }

  private write(frame: OwnFrame): void {
    this.effects.push({ kind: "write", message: encodeFrame(frame) });
  }
}
