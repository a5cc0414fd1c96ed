/** A relay that lives in a test: proofs, streams, credit; and the ways in which relays and networks fail. */
import { decode, encode } from "../../core/b64";
import { EMPTY, type Bytes } from "../../core/bytes";
import { Credit } from "../../core/credit";
import { decodeFrame, encodeFrame, type OwnFrame } from "../../core/frame";
import type { Challenge, CloseName, Proof } from "../../core/generated";
import { closeSentence } from "../../core/reasons";
import { linkProof } from "../../core/transcript";
import type { Env, Socket, SocketHandler } from "../env";
import { webCrypto } from "../webcrypto";
import type { FromStream, TestMachine } from "./machine";
import type { VirtualClock } from "./time";

export class TestRelay {
  /** Nothing answers at all. */
  down = false;
  /** Connections lead nowhere, and nothing says so. */
  hangs = false;
  /** The machine is not connected. */
  machineAway = false;
  /** What is said of it then, and what stands behind that. */
  left: { code: CloseName; more: string } = { code: "agent-offline", more: "" };
  /** Holds the machine's link, and hands nothing on to it. */
  machineSilent = false;
  refusesLink: CloseName | null = null;
  refusesSession: CloseName | null = null;
  online = true;
  dials = 0;
  proofs = 0;
  /** What sessions were opened with. */
  readonly grants: string[] = [];
  readonly links = new Set<Leg>();

  constructor(
    private readonly clock: VirtualClock,
    readonly machine: TestMachine,
    /** The name viewers dial. */
    readonly host = "relay.example",
  ) {}

  env(): Env {
    return {
      clock: this.clock,
      crypto: webCrypto,
      random: () => 0.5,
      dial: (handler) => this.dial(handler),
      host: this.host,
      online: () => this.online,
      visible: () => true,
    };
  }

  /** The network goes away under every link, without a word. */
  cut(): void {
    for (const link of [...this.links]) link.drop();
  }

  /** Nothing gets through any more, and nothing says so. */
  freeze(): void {
    for (const link of this.links) link.frozen = true;
  }

  say(frame: OwnFrame): void {
    for (const link of this.links) link.write(frame);
  }

  wake(): void {
    this.machineAway = false;
    this.say({ kind: "wake" });
  }

  private dial(handler: SocketHandler): Socket {
    this.dials++;
    if (this.down) {
      queueMicrotask(() => handler.closed(null));
      return { send: () => undefined, close: () => undefined };
    }
    if (this.hangs) return { send: () => undefined, close: () => undefined };
    const leg = new Leg(this, handler);
    this.links.add(leg);
    queueMicrotask(() => leg.ask());
    return { send: (bytes) => leg.hear(bytes), close: () => leg.drop() };
  }
}

interface Stream {
  to: FromStream;
  /** What the viewer lets us send. */
  credit: Credit;
  queue: (Bytes | CloseName)[];
}

class Leg {
  frozen = false;
  private readonly conn = encode(webCrypto.random(16));
  private readonly streams = new Map<number, Stream>();
  private challenge: Challenge | null = null;
  private key: Bytes = EMPTY;
  private gone = false;

  constructor(
    private readonly relay: TestRelay,
    private readonly handler: SocketHandler,
  ) {}

  ask(): void {
    const nonce = encode(webCrypto.random(32));
    this.challenge = { nonce, conn: this.conn, time: 5, versions: [1] };
    this.write({ kind: "challenge", challenge: this.challenge });
  }

  write(frame: OwnFrame): void {
    // Never in the middle of what the viewer is doing: sockets do not answer within a call.
    queueMicrotask(() => {
      if (!this.frozen && !this.gone) this.handler.message(encodeFrame(frame));
    });
  }

  drop(code: CloseName | null = null): void {
    if (this.gone) return;
    this.gone = true;
    this.relay.links.delete(this);
    this.relay.machine.linkLost();
    queueMicrotask(() => this.handler.closed(code));
  }

  hear(bytes: Bytes): void {
    if (this.frozen || this.gone) return;
    const frame = decodeFrame(bytes);
    switch (frame.kind) {
      case "proof":
        return void this.prove(frame.proof);
      case "ping":
        return this.write({ kind: "pong", payload: frame.payload });
      case "open": {
        const { stream, target, credit, versions, first } = frame;
        if (target.kind === "session") this.relay.grants.push(target.grant);
        const refusal = this.refusal(target.kind === "session");
        if (refusal !== null) return this.refuse(stream, refusal, this.relay.machineAway ? this.relay.left.more : "");
        if (this.relay.machineSilent) return;
        const out = {
          data: (payload: Bytes): void => this.push(stream, payload),
          close: (code: CloseName): void => this.push(stream, code),
        };
        const { machine } = this.relay;
        const to =
          target.kind === "session"
            ? machine.session(this.conn, versions, this.key, out)
            : target.kind === "pair"
              ? machine.pair(this.conn, versions, this.key, out)
              : machine.purpose(target.token, out);
        if (to === null) return this.refuse(stream, "token-refused");
        this.streams.set(stream, { to, credit: new Credit(credit), queue: [] });
        this.write({
          kind: "accept",
          stream,
          credit: 256 * 1024,
          versions: target.kind === "purpose" ? [] : machine.versions,
        });
        // Begun for other versions, it is begun again behind the accept.
        const counts = target.kind === "purpose" || machine.versions.join() === versions.join();
        if (first.length > 0 && counts) to.data(first);
        return;
      }
      case "data":
        this.write({ kind: "credit", stream: frame.stream, amount: frame.payload.length });
        return this.streams.get(frame.stream)?.to.data(frame.payload);
      case "credit":
        this.streams.get(frame.stream)?.credit.add(frame.amount);
        return this.flush(frame.stream);
      case "close":
        if (frame.stream === 0) return this.drop();
        this.streams.get(frame.stream)?.to.closed();
        return void this.streams.delete(frame.stream);
      default:
        throw new Error(`a viewer sent ${frame.kind}`);
    }
  }

  private refusal(session: boolean): CloseName | null {
    if (this.relay.machineAway) return this.relay.left.code;
    return session ? this.relay.refusesSession : null;
  }

  private refuse(stream: number, code: CloseName, more = ""): void {
    this.write({ kind: "close", stream, code, sentence: closeSentence(code) + more });
  }

  private async prove(proof: Proof): Promise<void> {
    const { challenge, relay } = this;
    if (challenge === null) throw new Error("nothing was asked");
    const bytes = (text: string): Bytes => decode(text) ?? EMPTY;
    this.key = bytes(proof.key);
    const imported = await crypto.subtle.importKey("raw", this.key, "Ed25519", false, ["verify"]);
    const signed = linkProof({
      host: relay.host,
      agent: bytes(proof.agent),
      key: this.key,
      conn: bytes(challenge.conn),
      nonce: bytes(challenge.nonce),
      time: proof.time,
      offered: challenge.versions,
      version: proof.version,
    });
    const holds = await crypto.subtle.verify("Ed25519", imported, bytes(proof.signature), signed);
    if (!holds || relay.refusesLink !== null) {
      const code = relay.refusesLink ?? "proof-refused";
      this.write({ kind: "close", stream: 0, code, sentence: closeSentence(code) });
      return;
    }
    relay.proofs++;
    this.write({ kind: "welcome", welcome: { held: 600_000, time: 5, agent: proof.agent, web: "", warning: "" } });
  }

  private push(id: number, item: Bytes | CloseName): void {
    this.streams.get(id)?.queue.push(item);
    this.flush(id);
  }

  private flush(id: number): void {
    const stream = this.streams.get(id);
    while (stream !== undefined) {
      const [item] = stream.queue;
      if (item === undefined) return;
      if (typeof item === "string") {
        this.streams.delete(id);
        return this.refuse(id, item);
      }
      if (!stream.credit.take(item.length)) return;
      stream.queue.shift();
      this.write({ kind: "data", stream: id, payload: item });
    }
  }
}
