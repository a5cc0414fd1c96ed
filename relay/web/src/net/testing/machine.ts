/** A machine that lives in a test: the agent's end of pairing, sessions and terminals. The relay is in `relay.ts`. */
import { decode, encode } from "../../core/b64";
import { concat, EMPTY, u32, u64, utf8, type Bytes } from "../../core/bytes";
import { Channel } from "../../core/channel";
import type { DhKey, SignKey } from "../../core/crypto";
import {
  PRESENCE_MS,
  PURPOSES,
  type ApprovalAnswer,
  type ApprovalEnd,
  type Card,
  type CloseName,
  type DeviceEntry,
  type AuditHead,
  type DevicesReply,
  type DevicesRequest,
  type NewKeys,
  type Offer,
  type PairReply,
  type PairRequest,
  type PastTerminal,
  type Reach,
  type Revocation,
  type Scope,
  type Settled,
  type Terminal,
  type ToAgent,
  type TokenEntry,
} from "../../core/generated";
import { deviceId } from "../../core/ids";
import { Handshake } from "../../core/noise";
import { checkWords, pairPsk } from "../../core/pair";
import { closeSentence, reasonFor } from "../../core/reasons";
import type { AgentRecord } from "../../core/records";
import { sealCipher } from "../../core/seal";
import { decodeViewerRecord, encodeAgentRecord } from "../../core/testing/records";
import { pairing, prologue, transcript } from "../../core/transcript";
import { dhKey, generateDhKey, generateSignKey, signKey, webCrypto } from "../webcrypto";
import type { Clock } from "../env";

export interface AgentStream {
  data(payload: Bytes): void;
  close(code: CloseName): void;
}
export interface FromStream {
  data(payload: Bytes): void;
  closed(): void;
}

interface PlayedStream {
  jti: string;
  send: (record: AgentRecord) => void;
  end: () => void;
}

type Listener = (message: Bytes, say: (message: object) => void, leave: () => void) => void;

const id = (byte: number): string => encode(new Uint8Array(16).fill(byte));

export class TestMachine {
  readonly agent = id(0xa1);
  readonly secret = new Uint8Array(32).fill(9);
  readonly terminal: Terminal = {
    id: id(0x70),
    name: "work",
    title: "",
    cwd: "/",
    started: 1,
    grid: { cols: 80, rows: 24 },
    exit: null,
    driver: null,
  };
  terminals: Terminal[] = [this.terminal];
  scopes: Offer["scopes"] = ["view", "terminal"];
  /** What the terminal has printed. */
  printed: Bytes = EMPTY;
  /** What has ended, the latest first, and what each of them printed, a record every 10 ms. */
  past: PastTerminal[] = [];
  kept: Bytes[] = [];
  /** Of what has ended, so many records come, and then nothing. */
  playsUpTo = Infinity;
  /** What was typed, by writer. */
  typed = "";
  readonly applied = new Map<string, number>();
  readonly created: string[] = [];
  reach: Reach = { root: null, terminal: null };
  /** When this device ends whatever happens: a share. */
  until: number | null = null;
  mints: string[] = [];
  renewed: string[] = [];
  /** What was ended on request. */
  revocations: Revocation[] = [];
  locks = 0;
  openings: string[] = [];
  /** Tokens end and are renewed as an agent does it, by the clock; otherwise only when a test says so. */
  keepsTime = false;
  answersPings = true;
  acknowledges = true;
  refuses: CloseName | null = null;
  pairAnswer: "granted" | "denied" = "granted";
  words: string[] = [];
  paired: PairRequest | null = null;
  pairSignatureHolds = false;
  /** What it asks people, whether it says what has come of it, and what has. */
  readonly card: Card = {
    request: {
      id: id(0xab),
      asker: { by: "script", pid: 7, name: "release" },
      line: "make upload",
      programs: [{ name: "make", path: "/usr/bin/make" }],
      folder: "/home/ada",
      workspace: "/home/ada",
      fences: { fences: "workspace", network: true, repository: false },
      reason: "no rule speaks of it",
      rules: ["Bash(make)"],
      saved_in: "",
      asked: 1,
      until: 1_800_001,
    },
    consequence: "MAY SEND DATA AWAY, in the sandbox, with the network",
    risk: "medium",
    shown: "make upload",
    careful: [],
    parts: [],
  };
  settles = true;
  outcome: ApprovalEnd | null = null;
  answers: ApprovalAnswer[] = [];
  private deviceKey = "";
  private readonly tokens = new Map<string, { jti: string; secret: Bytes; purpose: Scope; terminal: string | null }>();
  private readonly live = new Map<string, TokenEntry>();
  private readonly views = new Set<PlayedStream>();
  private readonly keys = new Set<PlayedStream>();
  private readonly admins = new Set<PlayedStream>();
  /** When a key last came, by the monotonic clock. */
  private present = -Infinity;
  private tell: (message: object) => void = () => undefined;
  private serial = 0;

  /** Of the end-to-end protocol. */
  versions = [1];
  generation = 1;
  noiseSerial = 1;
  /** Serials of Noise keys that were said to be kept. */
  taken: number[] = [];
  /** Keys that devices have brought in the place of their own. */
  rekeys: NewKeys[] = [];
  /** What its audit log holds, how far that is, and whether it goes on from what is said to have been seen. */
  audit: { text: string; first: number; head: AuditHead; agrees: boolean | null } = {
    text: "",
    first: 0,
    head: { count: 7, hash: "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc" },
    agrees: null,
  };
  /** What viewers said they have seen of it. */
  witnessed: (AuditHead | null)[] = [];
  hellos: Extract<ToAgent, { t: "hello" }>[] = [];
  /** Who said them. */
  greeters: string[] = [];

  private constructor(
    public noise: DhKey,
    readonly identity: SignKey,
    private readonly clock: Clock,
  ) {}

  static async start(clock: Clock): Promise<TestMachine> {
    return new TestMachine(dhKey(await generateDhKey()), signKey(await generateSignKey()), clock);
  }

  /** A fresh Noise key, certified by `by`, told in the session that was opened last. Returns its public half. */
  async nextNoise(by: SignKey = this.identity): Promise<Bytes> {
    const noise = dhKey(await generateDhKey());
    const [serial, since, expires] = [this.noiseSerial + 1, 1000, 2000];
    const agent = decode(this.agent) ?? EMPTY;
    const numbers = [u32(serial), u64(since), u64(expires)];
    const signature = await by.sign(transcript("lanyard/noise-key/v1", agent, noise.publicKey, ...numbers));
    const cert = { key: encode(noise.publicKey), serial, since, expires, signature: encode(signature) };
    this.noise = noise;
    this.noiseSerial = serial;
    this.say({ t: "keys", chain: [], noise: cert });
    return noise.publicKey;
  }

  get fragment(): string {
    const head = concat(Uint8Array.of(1, 0), decode(this.agent) ?? EMPTY, this.noise.publicKey, this.secret);
    return encode(head);
  }

  print(text: string | Bytes): void {
    const bytes = typeof text === "string" ? utf8(text) : text;
    const offset = this.printed.length;
    this.printed = concat(this.printed, bytes);
    for (const view of this.views) view.send({ kind: "output", offset, bytes });
  }

  /** Ends every stream of a purpose with a sealed word. */
  end(purpose: Scope, code: CloseName): void {
    for (const stream of [...this.group(purpose)]) {
      stream.send({ kind: "end", close: { code, sentence: closeSentence(code) } });
      stream.end();
      this.live.delete(stream.jti);
    }
  }

  /** Says something in the session that was opened last. */
  say(message: object): void {
    this.tell(message);
  }

  /** The owner takes a purpose away, as the agent does: streams first, then the word. */
  takeAway(purpose: Scope): void {
    const theirs = [...this.live.values()].filter((token) => token.purpose === purpose);
    this.end(purpose, "revoked");
    for (const { jti } of theirs) this.say({ t: "ended", jti, reason: reasonFor("revoked") });
    this.scopes = this.scopes.filter((scope) => scope !== purpose);
    this.say({ t: "scopes", scopes: this.scopes, reach: this.reach });
  }

  /** Ids of the live tokens of a purpose. */
  jtis(purpose: Scope): string[] {
    return [...this.live.values()].filter((token) => token.purpose === purpose).map(({ jti }) => jti);
  }

  session(conn: string, versions: number[], deviceKey: Bytes, out: AgentStream): FromStream {
    this.deviceKey = encode(deviceKey);
    return this.noiseStream("session", conn, versions, out, EMPTY, () => (message, say) => {
      this.command(JSON.parse(Buffer.from(message).toString()) as ToAgent, say, deviceKey);
    });
  }

  pair(conn: string, versions: number[], deviceKey: Bytes, out: AgentStream): FromStream {
    const { scopes, reach } = this;
    const expires = this.clock.unix() + 300_000;
    const offer: Offer = { machine: "tower", user: "ada", scopes, reach, stays: null, expires };
    return this.noiseStream("pair", conn, versions, out, utf8(JSON.stringify(offer)), (hash, remote) => {
      void checkWords(webCrypto, hash).then((words) => (this.words = words));
      return (message, say, leave) => {
        const request = JSON.parse(Buffer.from(message).toString()) as PairRequest;
        this.paired = request;
        say({ t: "waiting" } satisfies PairReply);
        void this.verify(request, hash, remote, deviceKey).then((holds) => {
          this.pairSignatureHolds = holds;
          const granted = {
            t: "granted",
            grant: "grant.one.x",
            scopes: this.scopes,
            reach: this.reach,
            expires: this.clock.unix() + 1e9,
            until: this.until,
            identity: encode(this.identity.publicKey),
            serial: this.noiseSerial,
          } satisfies PairReply;
          const refused = { t: "refused", reason: reasonFor("pair-denied") };
          say(this.pairAnswer === "granted" ? granted : refused);
          leave();
        });
      };
    });
  }

  purpose(token: string, out: AgentStream): FromStream | null {
    const minted = this.tokens.get(token);
    if (minted === undefined) return null;
    this.tokens.delete(token);
    const { jti, secret, purpose, terminal } = minted;
    const group = this.group(purpose);
    let lane: Promise<Channel> | null = null;
    const send = (record: AgentRecord): void => void lane?.then((channel) => channel.send(encodeAgentRecord(record)));
    const stream = {
      jti,
      send,
      end: (): void => {
        group.delete(stream);
        void lane?.then((channel) => channel.afterSent(() => out.close("done")));
      },
    };
    let writer = "";
    lane = this.lane(jti, secret, out, (plain) => {
      const record = decodeViewerRecord(plain);
      if (record.kind === "viewOpening") {
        this.openings.push(`view ${String(record.have)}`);
        group.add(stream);
        if (this.past.some(({ id }) => id === terminal)) this.play(record.have ?? 0, stream);
        else this.greetView(record.have, send);
      } else if (record.kind === "terminalOpening") {
        this.openings.push("terminal");
        writer = record.writer;
        group.add(stream);
        send({ kind: "opened", last: this.applied.get(writer) ?? 0, driver: true });
      } else if (record.kind === "input") {
        const last = this.applied.get(writer) ?? 0;
        if (record.seq === last + 1) {
          this.applied.set(writer, record.seq);
          this.typed += Buffer.from(record.bytes).toString();
          this.present = this.clock.now();
        }
        if (this.acknowledges) send({ kind: "applied", seq: record.seq });
      } else if (record.kind === "opening") {
        this.openings.push(purpose);
        group.add(stream);
        send({ kind: "ready" });
      } else if (record.kind === "request") {
        if (purpose === "approve")
          return this.answered(JSON.parse(Buffer.from(record.json).toString()) as ApprovalAnswer, stream);
        this.administer(JSON.parse(Buffer.from(record.json).toString()) as DevicesRequest, send);
      }
    });
    return {
      data: (payload) => void lane.then((channel) => channel.receive(payload)),
      closed: () => group.delete(stream),
    };
  }

  linkLost(): void {
    this.views.clear();
    this.keys.clear();
    this.admins.clear();
    this.live.clear();
  }

  private group(purpose: Scope): Set<PlayedStream> {
    if (purpose === "view") return this.views;
    return purpose === "devices" ? this.admins : this.keys;
  }

  /** The first answer counts; later ones hear what it was. */
  private answered(answer: ApprovalAnswer, stream: PlayedStream): void {
    this.answers.push(answer);
    if (!this.settles) return;
    const by = { at: "device", name: "Chrome on Linux", key: this.deviceKey, signature: answer.signature } as const;
    this.outcome ??= { end: "answered", verdict: answer.verdict, holds: { for: "once" }, by };
    const settled = { id: this.card.request.id, hash: answer.hash, end: this.outcome, at: 1 } satisfies Settled;
    stream.send({ kind: "reply", json: utf8(JSON.stringify(settled)) });
    stream.send({ kind: "end", close: { code: "done", sentence: "" } });
    stream.end();
  }

  private administer(request: DevicesRequest, send: (record: AgentRecord) => void): void {
    const reply = (message: DevicesReply): void => send({ kind: "reply", json: utf8(JSON.stringify(message)) });
    const { req } = request;
    switch (request.t) {
      case "list": {
        const time = this.clock.unix();
        const [first, ...rest] = [...this.live.values()];
        // In two parts, as a long list comes.
        reply({ t: "listed", req, time, devices: [this.entry()], tokens: first ? [first] : [], more: true });
        return reply({ t: "listed", req, time, devices: [], tokens: rest, more: false });
      }
      case "revoke":
        this.revocations.push(request.revocation);
        return reply({ t: "done", req, ended: this.revoke(request.revocation) });
      case "lock":
        this.locks++;
        return reply({ t: "done", req, ended: 0 });
      case "audit": {
        const { text, first, head } = this.audit;
        const part = { t: "audited", req, first, earlier: false, head } as const;
        // In two pieces, as long lines come.
        reply({ ...part, text: text.slice(0, 40), more: true });
        return reply({ ...part, text: text.slice(40), more: false });
      }
    }
  }

  /** Five seconds before the end of a token it is renewed, or not: then it lapses, a second early. */
  private watch(jti: string): void {
    const token = this.live.get(jti);
    if (token === undefined) return;
    const left = token.expires - this.clock.unix();
    this.clock.after(Math.max(0, left - 6000), () => {
      if (!this.live.has(jti)) return;
      if (!this.mayGoOn(token.purpose)) {
        this.clock.after(5000, () => this.lapse(jti));
        return;
      }
      const expires = this.clock.unix() + PURPOSES[token.purpose].lifeMs;
      this.live.set(jti, { ...token, expires });
      this.say({ t: "lease", jti, expires });
      this.watch(jti);
    });
  }

  private mayGoOn(purpose: Scope): boolean {
    switch (PURPOSES[purpose].renewal) {
      case "while attached":
        return true;
      case "while a person is present":
        return this.clock.now() - this.present < PRESENCE_MS;
      default:
        return false;
    }
  }

  private lapse(jti: string): void {
    const token = this.live.get(jti);
    if (token === undefined) return;
    this.live.delete(jti);
    for (const stream of [...this.group(token.purpose)].filter((one) => one.jti === jti)) {
      stream.send({ kind: "end", close: { code: "lapsed", sentence: closeSentence("lapsed") } });
      stream.end();
    }
    this.say({ t: "ended", jti, reason: reasonFor("lapsed") });
  }

  private revoke(revocation: Revocation): number {
    if (revocation.what !== "token") return 0;
    const token = this.live.get(revocation.jti);
    if (token === undefined) return 0;
    for (const stream of [...this.group(token.purpose)].filter(({ jti }) => jti === token.jti)) {
      stream.send({ kind: "end", close: { code: "token-ended", sentence: closeSentence("token-ended") } });
      stream.end();
    }
    this.live.delete(token.jti);
    this.say({ t: "ended", jti: token.jti, reason: reasonFor("token-ended") });
    return 1;
  }

  private entry(): DeviceEntry {
    const time = this.clock.unix();
    return {
      id: id(0xd1),
      name: "Chrome on Linux",
      scopes: this.scopes,
      reach: this.reach,
      paired: time - 60_000,
      seen: time,
      from: "127.0.0.1",
      expires: this.until ?? time + 1e9,
      until: this.until,
      keys_end: time + 1e9,
      sessions: 1,
      suspended: false,
      changing_keys: false,
      yours: true,
    };
  }

  /** As an agent plays what is kept of a terminal. */
  private play(have: number, { send, end }: PlayedStream): void {
    send({ kind: "size", grid: this.terminal.grid });
    let offset = 0;
    for (const [at, bytes] of this.kept.entries()) {
      if (at >= this.playsUpTo) return;
      if (offset >= have) {
        send({ kind: "at", ms: at * 10 });
        send({ kind: "output", offset, bytes });
      }
      offset += bytes.length;
    }
    send({ kind: "exit", exit: { t: "status", code: 0 } });
    send({ kind: "end", close: { code: "done", sentence: closeSentence("done") } });
    end();
  }

  private greetView(have: number | null, send: (record: AgentRecord) => void): void {
    if (have !== null) {
      if (have < this.printed.length) send({ kind: "output", offset: have, bytes: this.printed.slice(have) });
      return;
    }
    send({ kind: "snapshot", offset: this.printed.length, grid: this.terminal.grid, total: this.printed.length });
    for (let at = 0; at < this.printed.length; at += 60_000) {
      send({ kind: "snapshotChunk", bytes: this.printed.slice(at, at + 60_000) });
    }
  }

  private command(message: ToAgent, say: (message: object) => void, device: Bytes): void {
    const time = this.clock.unix();
    const refuse = (req: number, code: CloseName): void => say({ t: "refused", req, reason: reasonFor(code) });
    switch (message.t) {
      case "hello": {
        const { scopes, terminals, reach, until } = this;
        const expires = until ?? time + 1e9;
        this.tell = say;
        this.hellos.push(message);
        void deviceId(webCrypto, device).then((id) => this.greeters.push(id));
        const about = { machine: "tower", user: "ada", time, scopes, reach, expires, until };
        return say({ t: "welcome", ...about, generation: this.generation, suspended: false, terminals });
      }
      case "audit":
        this.witnessed.push(message.seen);
        return say({ t: "audit", head: this.audit.head, agrees: this.audit.agrees });
      case "keys_taken":
        this.taken.push(message.serial);
        return;
      case "rekey":
        this.rekeys.push(message.keys);
        if (this.refuses !== null) return refuse(message.req, this.refuses);
        return say({ t: "rekeyed", req: message.req, grant: "grant.two.x", expires: time + 1e9 });
      case "ping":
        return this.answersPings ? say({ t: "pong", n: message.n, time }) : undefined;
      case "mint": {
        const { purpose } = message.wanted;
        this.mints.push(purpose);
        if (this.refuses !== null) return refuse(message.req, this.refuses);
        const jti = encode(new Uint8Array(16).fill(++this.serial));
        const secret = new Uint8Array(32).fill(this.serial);
        const token = `token.${String(this.serial)}.x`;
        const terminal = "terminal" in message.wanted ? message.wanted.terminal : null;
        this.tokens.set(token, { jti, secret, purpose, terminal });
        const { req } = message;
        const expires = Math.min(time + PURPOSES[purpose].lifeMs, this.until ?? Infinity);
        const [device, conn] = [id(0xd1), id(0xc1)];
        const about = purpose === "devices" ? "" : this.terminal.name;
        const entry = { jti, purpose, device, conn, from: "127.0.0.1", about, issued: time, expires, used: time };
        this.live.set(jti, { ...entry, attached: true });
        if (PURPOSES[purpose].renewal === "while a person is present") this.present = this.clock.now();
        if (this.keepsTime) this.watch(jti);
        return say({ t: "minted", req, jti, token, secret: encode(secret), issued: time, expires });
      }
      case "create":
        this.created.push(message.key);
        return this.refuses === "busy" ? undefined : say({ t: "created", req: message.req, terminal: this.terminal });
      case "renew": {
        const token = this.live.get(message.jti);
        if (token === undefined) return refuse(message.req, "not-yours");
        this.renewed.push(message.jti);
        const expires = time + PURPOSES[token.purpose].lifeMs;
        this.live.set(message.jti, { ...token, expires });
        say({ t: "lease", jti: message.jti, expires });
        return say({ t: "done", req: message.req });
      }
      case "access": {
        const tokens = [...this.live.values()];
        return say({ t: "access", req: message.req, time, device: this.entry(), tokens });
      }
      case "revoke":
        this.revocations.push(message.revocation);
        this.revoke(message.revocation);
        return say({ t: "done", req: message.req });
      case "history": {
        const { after, req } = message;
        const from = after === null ? 0 : this.past.findIndex(({ id }) => id === after.id) + 1;
        // Two a page.
        return say({ t: "history", req, past: this.past.slice(from, from + 2), more: this.past.length > from + 2 });
      }
      case "forget":
        if (this.refuses !== null) return refuse(message.req, this.refuses);
        if (!this.past.some(({ id }) => id === message.terminal)) return refuse(message.req, "terminal-gone");
        this.past = this.past.filter(({ id }) => id !== message.terminal);
        return say({ t: "done", req: message.req });
      case "end":
        return refuse(message.req, "terminal-gone");
      case "rename":
        if (this.refuses !== null) return refuse(message.req, this.refuses);
        this.terminals = this.terminals.map((one) =>
          one.id === message.terminal ? { ...one, name: message.name } : one,
        );
        say({ t: "terminals", terminals: this.terminals });
        return say({ t: "done", req: message.req });
    }
  }

  private noiseStream(
    mode: "session" | "pair",
    conn: string,
    versions: number[],
    out: AgentStream,
    answer: Bytes,
    begin: (hash: Bytes, remote: Bytes) => Listener,
  ): FromStream {
    let lane: Promise<Channel> | null = null;
    const shake = async (first: Bytes): Promise<Channel> => {
      const handshake = await Handshake.start({
        crypto: webCrypto,
        pattern: mode === "pair" ? "IKpsk1" : "IK",
        initiator: false,
        prologue: prologue(mode, decode(this.agent) ?? EMPTY, decode(conn) ?? EMPTY, versions, this.versions),
        local: this.noise,
        ...(mode === "pair" && { psk: await pairPsk(webCrypto, this.secret) }),
      });
      await handshake.read(first);
      out.data(await handshake.write(answer));
      const { send, receive, hash } = await handshake.split();
      const say = (message: object): void => channel.send(utf8(JSON.stringify(message)));
      const leave = (): void => channel.afterSent(() => out.close("done"));
      const hear = begin(hash, handshake.theirStatic);
      const channel: Channel = new Channel(send, receive, {
        sealed: (bytes) => out.data(bytes),
        opened: (plain) => hear(plain, say, leave),
        broken: () => out.close("handshake-failed"),
      });
      return channel;
    };
    return {
      data: (payload) => {
        if (lane === null) {
          lane = shake(payload);
          lane.catch(() => out.close("handshake-failed"));
        } else void lane.then((channel) => channel.receive(payload));
      },
      closed: () => undefined,
    };
  }

  private async lane(jti: string, secret: Bytes, out: AgentStream, opened: (plain: Bytes) => void): Promise<Channel> {
    const name = decode(jti) ?? EMPTY;
    return new Channel(
      await sealCipher(webCrypto, secret, name, "agentToViewer"),
      await sealCipher(webCrypto, secret, name, "viewerToAgent"),
      { sealed: (bytes) => out.data(bytes), opened, broken: () => out.close("seal-broken") },
    );
  }

  private async verify(request: PairRequest, hash: Bytes, noiseKey: Bytes, linkKey: Bytes): Promise<boolean> {
    const key = decode(request.key) ?? EMPTY;
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    const signed = pairing(hash, decode(this.agent) ?? EMPTY, key, noiseKey);
    const signature = decode(request.signature) ?? EMPTY;
    return encode(linkKey) === request.key && (await crypto.subtle.verify("Ed25519", imported, signature, signed));
  }
}
