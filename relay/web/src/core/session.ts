/**
 * What a viewer knows and asks inside one Noise session, without crypto or clocks: messages and the time go in, `drain` gives
 * messages to send and what has changed.
 */
import {
  type AuditHead,
  type Granted,
  type WorkMode,
  HEARTBEAT_MS,
  LIVE_FOR_MS,
  PURPOSES,
  SESSION_SILENCE_MS,
  type FromAgent,
  type Grid,
  type IdentityCert,
  type NewKeys,
  type NoiseCert,
  type PastPlace,
  type PastTerminal,
  type Reach,
  type Reason,
  type Revocation,
  type Scope,
  type Terminal,
  type ToAgent,
  type Wanted,
} from "./generated";

/** One live token, as this side knows it. The agent's own table decides. */
export interface Lease {
  jti: string;
  purpose: Scope;
  /** Null for a purpose that is not about a terminal. */
  terminal: string | null;
  /** By the machine's clock. */
  expires: number;
  /** How long its present life is from its beginning. */
  life: number;
}

export type Minted = Extract<FromAgent, { t: "minted" }>;

export type ApprovalNews = Extract<FromAgent, { t: "approvals" | "approval" | "settled" }>;

/** What the agent says this device has over this link. */
export type Access = Omit<Extract<FromAgent, { t: "access" }>, "t" | "req">;

export type Answer =
  | { kind: "minted"; minted: Minted }
  | { kind: "created"; terminal: Terminal }
  | { kind: "access"; access: Access }
  /** The next keys are admitted. */
  | { kind: "rekeyed"; grant: string; expires: number }
  | { kind: "history"; past: PastTerminal[]; more: boolean }
  | { kind: "done" }
  | { kind: "refused"; reason: Reason };

export type SessionEffect =
  | { kind: "send"; message: ToAgent }
  /** The agent has answered `hello`: the session stands. */
  | { kind: "stands" }
  | { kind: "changed" }
  | { kind: "answer"; req: number; answer: Answer }
  | { kind: "ended"; jti: string; reason: Reason }
  /** What waits for approval, or has ended. */
  | { kind: "approvals"; news: ApprovalNews }
  /** How far the machine's audit log goes, and whether it goes on from what was said to have been seen. */
  | { kind: "audit"; head: AuditHead; agrees: boolean | null }
  /** It may ask for something else now. */
  | { kind: "scopes" }
  | { kind: "grant"; grant: string; expires: number }
  /** To be kept, and said in the next hello. */
  | { kind: "generation"; generation: number }
  /** The machine's present Noise key, to be judged and kept, then `keysTaken`. */
  | { kind: "keys"; chain: IdentityCert[]; noise: NoiseCert }
  /** This device is to change its keys. */
  | { kind: "rekey" }
  /** The agent said what has no place here: close the session with `bad-message`. */
  | { kind: "fault" }
  /** It has not answered for so long that its words must be lost: close the session and open another. */
  | { kind: "silent" };

/** What the agent has told about itself. */
export interface Facts {
  machine: string;
  user: string;
  scopes: Scope[];
  /** What those reach. */
  reach: Reach;
  /** When the device's grant ends unless used, by the machine's clock. */
  expires: number;
  /** When it ends whatever happens: a share. */
  until: number | null;
  /** A copy of this device was seen: it may only watch until a person at the machine has decided. */
  suspended: boolean;
  terminals: Terminal[];
  /** What a person lets stand for now; null where this device may not answer. */
  permissions: Permissions | null;
}

/** The mode that was chosen, null for what settings say, and rules that stand for a time. */
export interface Permissions {
  mode: WorkMode | null;
  granted: Granted[];
}

/** How a device introduces itself. */
export interface Known {
  name: string;
  /** What it was given last to tell it from a copy; 0 before the first. */
  generation: number;
  /** The highest serial of the machine's Noise keys that it knows. */
  serial: number;
}

/** The heartbeat of a page nobody looks at. Browsers stretch its timers to a minute anyway. */
const HIDDEN_HEARTBEAT_MS = 30_000;

/** Who types fast need not redraw the screen with each key. */
const TOUCHED_STEP_MS = 1000;

type Request = Extract<ToAgent, { req: number }>;

export class Session {
  private readonly effects: SessionEffect[] = [];
  private readonly requests = new Map<number, Request>();
  private readonly pings = new Map<number, number>();
  private readonly table = new Map<string, Lease>();
  private lastReq = 0;
  private lastPing = 0;
  private pinged: number;
  private visible = true;
  private standing: Facts | null = null;
  private shownLive = false;
  /** When a person last did something here, by the monotonic clock. */
  private touchedAt: number | null = null;
  /** When the question was sent that was answered last. An answer that was held back on its way proves no more than that. */
  private answered: number | null = null;
  private heardAt: number | null = null;
  private roundTrip: number | null = null;
  private offset: { value: number; rtt: number } | null = null;

  constructor(device: Known, now: number) {
    this.pinged = now;
    this.effects.push({ kind: "send", message: { t: "hello", ...device } });
  }

  get facts(): Facts | null {
    return this.standing;
  }

  get leases(): Lease[] {
    return [...this.table.values()];
  }

  /** When it last answered, by its own clock. */
  get heard(): number | null {
    return this.heardAt;
  }

  get rtt(): number | null {
    return this.roundTrip;
  }

  /** The machine's clock minus the monotonic one; measured over the quickest round trip so far. */
  get clockOffset(): number | null {
    return this.offset?.value ?? null;
  }

  /** When a person last did something here, by the machine's clock. */
  get present(): number | null {
    return this.touchedAt === null || this.clockOffset === null ? null : this.touchedAt + this.clockOffset;
  }

  /** A person has pressed a key or tapped, and the machine hears of it. */
  touched(now: number): void {
    const before = this.touchedAt;
    if (before !== null && now - before < TOUCHED_STEP_MS) return;
    this.touchedAt = now;
    this.effects.push({ kind: "changed" });
  }

  /** Since when the machine owes an answer; null while it owes none. */
  get awaiting(): number | null {
    const [oldest] = this.pings.values();
    return oldest ?? null;
  }

  live(now: number): boolean {
    return this.answered !== null && now - this.answered <= LIVE_FOR_MS;
  }

  drain(): SessionEffect[] {
    return this.effects.splice(0);
  }

  mint(wanted: Wanted, now: number): number {
    // The machine takes the question for such a token as somebody being there.
    if (PURPOSES[wanted.purpose].renewal === "while a person is present") this.touchedAt = now;
    return this.ask((req) => ({ t: "mint", req, wanted }));
  }

  /** Lets a token live longer; says that a person is there. */
  renew(jti: string): number {
    return this.ask((req) => ({ t: "renew", req, jti }));
  }

  /** Asks what this device has over this link. */
  access(): number {
    return this.ask((req) => ({ t: "access", req }));
  }

  /** Ends what is this device's own. */
  revoke(revocation: Revocation): number {
    return this.ask((req) => ({ t: "revoke", req, revocation }));
  }

  /** The machine's Noise key of this serial is kept. */
  keysTaken(serial: number): void {
    if (this.standing !== null) this.send({ t: "keys_taken", serial });
  }

  /** Says how far the machine's audit log went when it was last heard of, and asks how far it goes. */
  audit(seen: AuditHead | null): void {
    if (this.standing !== null) this.send({ t: "audit", seen });
  }

  /** Chooses how to work for now; null for what settings say. */
  setMode(mode: WorkMode | null): number {
    return this.ask((req) => ({ t: "set_mode", req, mode }));
  }

  /** Ends rules that stand for a time. */
  endGranted(id: string): number {
    return this.ask((req) => ({ t: "end_granted", req, id }));
  }

  /** Brings this device's next keys. */
  rekey(keys: NewKeys): number {
    return this.ask((req) => ({ t: "rekey", req, keys }));
  }

  create(key: string, name: string, grid: Grid): number {
    return this.ask((req) => ({ t: "create", req, key, name, grid }));
  }

  end(terminal: string): number {
    return this.ask((req) => ({ t: "end", req, terminal }));
  }

  rename(terminal: string, name: string): number {
    return this.ask((req) => ({ t: "rename", req, terminal, name }));
  }

  /** One page of the terminals that have ended, behind a place. */
  history(after: PastPlace | null): number {
    return this.ask((req) => ({ t: "history", req, after }));
  }

  forgetPast(terminal: string): number {
    return this.ask((req) => ({ t: "forget", req, terminal }));
  }

  setVisible(visible: boolean, now: number): void {
    if (visible && !this.visible) this.ping(now);
    this.visible = visible;
  }

  /** Asks for an end-to-end answer now. */
  ping(now: number): void {
    if (this.standing === null) return;
    this.lastPing = (this.lastPing + 1) % 2 ** 32;
    this.pinged = now;
    this.pings.set(this.lastPing, now);
    this.send({ t: "ping", n: this.lastPing });
  }

  timeout(now: number): number | null {
    if (this.standing === null) return null;
    const next = Math.min(this.nextPing(), this.givesUp());
    return this.live(now) && this.answered !== null ? Math.min(next, this.answered + LIVE_FOR_MS + 1) : next;
  }

  tick(now: number): void {
    if (now >= this.givesUp()) this.effects.push({ kind: "silent" });
    else if (now >= this.nextPing()) this.ping(now);
    if (this.shownLive !== this.live(now)) this.changed(now);
  }

  receive(message: FromAgent, now: number): void {
    if ((this.standing === null) !== (message.t === "welcome")) {
      this.effects.push({ kind: "fault" });
      return;
    }
    switch (message.t) {
      case "welcome":
        return this.welcome(message, now);
      case "pong":
        return this.pong(message.n, message.time, now);
      case "minted":
        return this.minted(message);
      case "created":
        return this.answer(message.req, ["create"], { kind: "created", terminal: message.terminal });
      case "done":
        return this.answer(message.req, ["end", "forget", "rename", "renew", "revoke", "set_mode", "end_granted"], {
          kind: "done",
        });
      case "history": {
        const { past, more } = message;
        return this.answer(message.req, ["history"], { kind: "history", past, more });
      }
      case "refused":
        return this.answer(message.req, null, { kind: "refused", reason: message.reason });
      case "access": {
        const { time, device, tokens } = message;
        return this.answer(message.req, ["access"], { kind: "access", access: { time, device, tokens } });
      }
      case "scopes":
        this.effects.push({ kind: "scopes" });
        return this.update({ scopes: message.scopes, reach: message.reach }, now);
      case "terminals":
        return this.update({ terminals: message.terminals }, now);
      case "permissions": {
        const { mode, granted } = message;
        return this.update({ permissions: { mode, granted } }, now);
      }
      case "audit": {
        const { head, agrees } = message;
        this.effects.push({ kind: "audit", head, agrees });
        return;
      }
      case "approvals":
      case "approval":
      case "settled":
        this.effects.push({ kind: "approvals", news: message });
        return;
      case "lease": {
        const lease = this.table.get(message.jti);
        if (lease) {
          const life = message.expires - (now + (this.clockOffset ?? 0));
          this.table.set(message.jti, { ...lease, expires: message.expires, life });
        }
        return this.changed(now);
      }
      case "ended":
        this.forget(message.jti);
        this.effects.push({ kind: "ended", jti: message.jti, reason: message.reason });
        return this.changed(now);
      case "grant":
        this.effects.push({ kind: "grant", grant: message.grant, expires: message.expires });
        return this.update({ expires: message.expires }, now);
      case "keys":
        this.effects.push({ kind: "keys", chain: message.chain, noise: message.noise });
        return;
      case "rekey":
        this.effects.push({ kind: "rekey" });
        return;
      case "rekeyed": {
        const { grant, expires } = message;
        return this.answer(message.req, ["rekey"], { kind: "rekeyed", grant, expires });
      }
    }
  }

  /** The stream of this token is over, so the token is spent. */
  forget(jti: string): void {
    if (this.table.delete(jti)) this.effects.push({ kind: "changed" });
  }

  private welcome(message: Extract<FromAgent, { t: "welcome" }>, now: number): void {
    const { machine, user, scopes, reach, expires, until, suspended, terminals, time, generation } = message;
    this.standing = { machine, user, scopes, reach, expires, until, suspended, terminals, permissions: null };
    this.effects.push({ kind: "generation", generation });
    this.heardFrom(time, this.pinged, now);
    this.effects.push({ kind: "stands" });
    this.changed(now);
  }

  private pong(n: number, time: number, now: number): void {
    const sent = this.pings.get(n);
    if (sent === undefined) return;
    // Pongs come in order: what was asked earlier will not be answered any more.
    for (const earlier of this.pings.keys()) {
      this.pings.delete(earlier);
      if (earlier === n) break;
    }
    this.heardFrom(time, sent, now);
    this.changed(now);
  }

  private minted(message: Minted): void {
    const request = this.requests.get(message.req);
    if (request?.t === "mint") {
      const { jti, issued, expires } = message;
      const { wanted } = request;
      const terminal = "terminal" in wanted ? wanted.terminal : null;
      this.table.set(jti, { jti, purpose: wanted.purpose, terminal, expires, life: expires - issued });
    }
    this.answer(message.req, ["mint"], { kind: "minted", minted: message });
    this.effects.push({ kind: "changed" });
  }

  /** `to` are the requests to which this is an answer; null stands for all. */
  private answer(req: number, to: readonly Request["t"][] | null, answer: Answer): void {
    const request = this.requests.get(req);
    if (request === undefined || to?.includes(request.t) === false) {
      this.effects.push({ kind: "fault" });
      return;
    }
    this.requests.delete(req);
    this.effects.push({ kind: "answer", req, answer });
  }

  private ask(request: (req: number) => Request): number {
    const req = ++this.lastReq;
    const message = request(req);
    this.requests.set(req, message);
    this.send(message);
    return req;
  }

  private heardFrom(time: number, sent: number, now: number): void {
    this.answered = Math.max(this.answered ?? sent, sent);
    this.heardAt = time;
    this.roundTrip = now - sent;
    const value = time - (sent + now) / 2;
    // A clock that was set, or a page that slept, shows as a jump; smaller differences are the network's.
    const jumped = this.offset !== null && Math.abs(value - this.offset.value) > 1000;
    if (this.offset === null || jumped || this.roundTrip <= this.offset.rtt)
      this.offset = { value, rtt: this.roundTrip };
  }

  /** When a session whose oldest question was never answered is given up. */
  private givesUp(): number {
    const [oldest] = this.pings.values();
    return oldest === undefined ? Infinity : oldest + SESSION_SILENCE_MS;
  }

  private nextPing(): number {
    return this.pinged + (this.visible ? HEARTBEAT_MS : HIDDEN_HEARTBEAT_MS);
  }

  private update(facts: Partial<Facts>, now: number): void {
    if (this.standing) this.standing = { ...this.standing, ...facts };
    this.changed(now);
  }

  private changed(now: number): void {
    this.shownLive = this.live(now);
    this.effects.push({ kind: "changed" });
  }

  private send(message: ToAgent): void {
    this.effects.push({ kind: "send", message });
  }
}
