/** One paired machine: keeps a link and a session to it, comes back by itself, and tells the screens where it stands. */
import { Backoff } from "../core/backoff";
import type { Close } from "../core/frame";
import { EMPTY, type Bytes } from "../core/bytes";
import {
  AWAY_LOOK_MS,
  RETRY_GOOD_AFTER_MS,
  type AuditHead,
  type CloseName,
  type FromAgent,
  type Grid,
  type IdentityCert,
  type NoiseCert,
  type PastTerminal,
  type Reason,
  type Scope,
  type Wanted,
} from "../core/generated";
import { decodeFromAgent, encodeMessage } from "../core/messages";
import { reasonFor } from "../core/reasons";
import type { ViewerRecord } from "../core/records";
import { Session, type Answer, type Minted, type SessionEffect } from "../core/session";
import { againIn, heldFor } from "../core/told";
import type { Access, LinkState, Machine } from "./api";
import { ApprovalDesk } from "./approvals";
import { describe } from "./describe";
import { DevicesPanel } from "./devices";
import type { Env } from "./env";
import { PastPanel } from "./past";
import { Purpose, type PurposeHandler } from "./purpose";
import { Requests } from "./requests";
import { Secure } from "./secure";
import { Silence } from "./silence";
import type { PairedMachine } from "./store";
import type { StreamHost, Tenant } from "./tenant";
import { earliest, LiveTerminal } from "./terminal";
import { Ticker } from "./ticker";
import { dhKey, signKey } from "./webcrypto";
import { judgeLink, judgeSession } from "./verdict";
import { Cell } from "./watch";
import { Wire } from "./wire";
import { Refusal, Wishes, type WishKind } from "./wishes";

/** After the network changed or the page came back, a link that does not answer this soon is a dead one. */
const PROBE_MS = 1500;
/** The same where nothing was heard for longer than a link is quiet: the page has slept, and most likely its link has not lived through that. */
const STALE_PROBE_MS = 300;
/** A relay that said goodbye may be restarting for so long. */
const RESTART_MS = 15_000;

export interface MachineEvents {
  changed(): void;
  /** Adds news of this device to what is kept, and resolves to that when it is; to null when this device is not kept any more. */
  keep(device: string, news: Partial<PairedMachine>): Promise<PairedMachine | null>;
  /** What is kept about the machine now: another tab may have changed it. */
  reload(): Promise<PairedMachine | null>;
}

export class MachineDriver implements StreamHost {
  readonly cell: Cell<Machine>;
  private readonly ticker: Ticker;
  private readonly linkBackoff: Backoff;
  /** When the relay said its first welcome on the present link. */
  private provenAt: number | null = null;
  private readonly sessionBackoff: Backoff;
  private readonly tenants = new Set<Tenant>();
  /** What is asked in the present session and nowhere else. */
  private readonly asked = new Map<number, (answer: Answer) => void>();
  private readonly wishes: Wishes;
  /** What is asked once and answered once. */
  readonly requests: Requests;
  /** What the machine asks people. */
  readonly approvals: ApprovalDesk;
  private state: LinkState = { kind: "connecting" };
  private wire: Wire | null = null;
  private conn: string | null = null;
  /** How long, and until when, the relay holds the present link. */
  private proof: { held: number; until: number } | null = null;
  private access: Access | null = null;
  private secure: Secure | null = null;
  /** Of the present session: what this browser's next keys are signed for. */
  private hash: Bytes = EMPTY;
  private session: Session | null = null;
  /** The session in which this browser's keys are being changed. */
  private rekeying: Session | null = null;
  /** Whose key the present link proves. */
  private linkDevice = "";
  /** The grant that opened the present session. */
  private shown = "";
  private stands = false;
  /** When to dial, or to try the session, again. */
  private retryAt: number | null = null;
  private probeUntil: number | null = null;
  private readonly silence = new Silence();
  /** When the relay said that it restarts. */
  private relayLeft: number | null = null;
  /** When the present link was dialled. */
  private dialledAt = 0;
  /** Since when the machine is asked for a session that does not stand yet. */
  private openedAt: number | null = null;
  private closed = false;

  constructor(
    private readonly env: Env,
    private paired: PairedMachine,
    private readonly events: MachineEvents,
  ) {
    this.linkBackoff = new Backoff(env.random);
    this.sessionBackoff = new Backoff(env.random);
    this.wishes = new Wishes(env.clock, () => this.publish());
    this.requests = new Requests(env, (kind, ask) => this.wish(kind, ask));
    this.approvals = new ApprovalDesk(env, this, {
      paired: () => this.paired,
      houses: (panel) => void this.houses(panel),
      changed: () => this.publish(),
    });
    this.cell = new Cell(this.describe());
    this.ticker = new Ticker(
      env.clock,
      () => {
        const session = this.session?.timeout(env.clock.now()) ?? null;
        return earliest(session, this.retryAt, this.probeUntil, this.silence.timeout(this.awaiting));
      },
      (now) => this.tick(now),
    );
    this.dial();
  }

  get id(): string {
    return this.paired.agent;
  }

  openTerminal(terminal: string, grid: Grid): LiveTerminal {
    const known = this.session?.facts?.terminals.find(({ id }) => id === terminal);
    const backoff = new Backoff(this.env.random);
    const size = known?.grid ?? grid;
    const live = new LiveTerminal(this.env, this, terminal, grid, size, known?.exit ?? null, backoff);
    return this.houses(live);
  }

  openDevices(): DevicesPanel {
    return this.houses(new DevicesPanel(this.env, this));
  }

  openPast(past: PastTerminal): PastPanel {
    return this.houses(new PastPanel(this.env, this, past, new Backoff(this.env.random)));
  }

  async readAccess(): Promise<void> {
    this.access = await this.requests.readAccess();
    this.publish();
  }

  async renew(jti: string): Promise<void> {
    this.touched();
    await this.requests.renew(jti);
  }

  /** Tries now what would be tried later. */
  retryNow(): void {
    if (this.closed) return;
    if (this.wire === null) this.dial();
    else void this.openSession();
  }

  /** The page has come back, perhaps after a sleep, or the network has changed: do not trust a link that has not answered since. */
  probe(after: "hiding" | "sleep" | "network"): void {
    if (this.closed || this.state.kind === "ended") return;
    const now = this.env.clock.now();
    if (this.wire === null) {
      this.dial();
      return;
    }
    if (this.conn === null) {
      // What was dialled on the network before may hang for long.
      if (after !== "hiding" || now - this.dialledAt >= STALE_PROBE_MS) this.redial();
      return;
    }
    const stale = after === "sleep" || this.session?.live(now) !== true;
    this.wire.ping();
    this.session?.ping(now);
    this.probeUntil = now + (stale ? STALE_PROBE_MS : PROBE_MS);
    if (this.secure === null) void this.openSession();
    this.settle();
  }

  setVisible(visible: boolean): void {
    this.session?.setVisible(visible, this.env.clock.now());
    this.settle();
  }

  /** The browser says that it has, or has not, a network. */
  networkChanged(): void {
    // A relay on this very machine is there without a network, so an answer of its own decides.
    if (this.env.online() || this.wire !== null) this.probe("network");
    else if (this.state.kind !== "ended") this.become({ kind: "offline" });
  }

  close(): void {
    this.closed = true;
    this.retryAt = null;
    this.wishes.fail(reasonFor("cut"));
    for (const tenant of [...this.tenants]) tenant.abandon(reasonFor("done"));
    this.wire?.end("done");
    this.ticker.stop();
  }

  mint(wanted: Wanted, minted: (minted: Minted) => void, refused: (reason: Reason) => void): void {
    if (this.session === null || !this.stands) return;
    this.asked.set(this.session.mint(wanted, this.env.clock.now()), (answer) => {
      if (answer.kind === "minted") minted(answer.minted);
      else if (answer.kind === "refused") refused(answer.reason);
    });
    this.settle();
  }

  openPurpose(minted: Minted, opening: ViewerRecord, handler: PurposeHandler): Purpose | null {
    return this.wire && new Purpose(this.env, this.wire, minted, opening, handler);
  }

  spent(jti: string): void {
    this.session?.forget(jti);
    this.settle();
  }

  touched(): void {
    if (!this.stands) return;
    this.session?.touched(this.env.clock.now());
    this.settle();
  }

  left(tenant: Tenant): void {
    this.tenants.delete(tenant);
  }

  private houses<T extends Tenant>(tenant: T): T {
    this.tenants.add(tenant);
    if (this.stands) tenant.sessionUp(this.scopes());
    return tenant;
  }

  private wish(kind: WishKind, ask: (session: Session) => number): ReturnType<Wishes["add"]> {
    if (this.state.kind === "ended") return Promise.reject(new Refusal(this.state.reason));
    const answer = this.wishes.add(kind, ask);
    this.settle();
    return answer;
  }

  private dial(): void {
    this.retryAt = null;
    this.dialledAt = this.env.clock.now();
    // What was wrong is wrong until the relay has answered.
    if (this.state.kind === "relay-unreachable") this.become({ ...this.state, retryAt: null });
    else if (this.state.kind !== "offline" || this.env.online()) this.become({ kind: "connecting" });
    this.linkDevice = this.paired.deviceId;
    const identity = { agent: this.paired.agent, key: signKey(this.paired.signKey) };
    this.wire = new Wire(this.env, identity, {
      proven: (conn) => {
        this.conn = conn;
        this.provenAt = this.env.clock.now();
        this.relayLeft = null;
        if (this.state.kind === "relay-unreachable" || this.state.kind === "offline")
          this.become({ kind: "connecting" });
        void this.openSession();
      },
      held: (held) => {
        this.proof = { held, until: this.env.clock.now() + held };
        this.publish();
      },
      wake: () => void this.openSession(),
      ended: (close, proven) => this.linkEnded(close, proven),
    });
    this.settle();
  }

  /** With what is kept now: whoever says what was kept before is taken for a copy. */
  private async openSession(): Promise<void> {
    const { wire, conn } = this;
    const wanted = (): boolean => wire === this.wire && this.secure === null;
    if (wire === null || conn === null || !wanted()) return;
    this.retryAt = null;
    await this.recall();
    if (!wanted()) return;
    if (this.paired.deviceId !== this.linkDevice) {
      this.redial();
      return;
    }
    const { agent, grant, noiseKey, deviceName } = this.paired;
    const local = dhKey(this.paired.dhKey);
    const options = { mode: "session", target: { kind: "session", grant }, agent, conn } as const;
    this.shown = grant;
    this.openedAt = this.env.clock.now();
    this.secure = new Secure(
      this.env,
      wire,
      { ...options, local, remote: noiseKey },
      {
        established: (hash) => {
          this.hash = hash;
          const { generation, serial } = this.paired;
          this.session = new Session({ name: deviceName, generation, serial }, this.env.clock.now());
          this.session.setVisible(this.env.visible(), this.env.clock.now());
          this.settle();
        },
        message: (plain) => this.message(decodeFromAgent(plain)),
        closed: (close) => this.sessionEnded(close),
      },
    );
    this.settle();
  }

  private message(message: FromAgent | undefined): void {
    if (message === undefined) this.breakSession("bad-message");
    else this.session?.receive(message, this.env.clock.now());
    this.settle();
  }

  private breakSession(code: CloseName): void {
    this.secure?.close(code);
    this.sessionEnded({ code, sentence: "" });
  }

  private tick(now: number): void {
    this.session?.tick(now);
    this.settle();
    this.listen(now);
    if (this.probeUntil !== null && now >= this.probeUntil) {
      this.probeUntil = null;
      if (this.wire?.waiting === true) this.wire.end("silent");
    }
    if (this.retryAt !== null && now >= this.retryAt) {
      this.retryAt = null;
      this.retryNow();
    }
  }

  /** Since when the machine owes an answer. */
  private get awaiting(): number | null {
    return this.stands ? (this.session?.awaiting ?? null) : this.openedAt;
  }

  private listen(now: number): void {
    const { wire } = this;
    if (wire === null) return;
    if (this.silence.tick(now, this.awaiting, wire)) wire.end("silent");
    else if (this.state.kind !== "machine-silent" && this.silence.isOfMachine(this.awaiting)) this.publish();
  }

  private linkEnded(close: Close, proven: boolean): void {
    this.wire = null;
    this.conn = null;
    this.proof = null;
    this.probeUntil = null;
    this.forgetSession();
    if (this.closed || this.state.kind === "ended") return;
    const verdict = judgeLink(close);
    if (verdict.kind === "final") {
      void this.endUnlessChanged(verdict.reason);
      return;
    }
    const now = this.env.clock.now();
    if (this.provenAt !== null && now - this.provenAt >= RETRY_GOOD_AFTER_MS) this.linkBackoff.reset();
    this.provenAt = null;
    this.retryAt = now + (againIn(close.sentence) ?? 0) + this.linkBackoff.next();
    if (close.code === "going-away") this.relayLeft = now;
    if (verdict.kind !== "transport") this.become({ kind: "machine-offline", reason: verdict.reason, since: null });
    else if (!this.env.online()) this.become({ kind: "offline" });
    else if (this.relayLeft !== null && now - this.relayLeft < RESTART_MS)
      this.become({ kind: "relay-unreachable", why: "restarting", retryAt: this.retryAt });
    // A link that was sound a moment ago is most likely back with the next dial.
    else if (proven && verdict.why === "unreachable") this.become({ kind: "connecting" });
    else this.become({ kind: "relay-unreachable", why: verdict.why, retryAt: this.retryAt });
    this.ticker.update();
  }

  private sessionEnded(close: Close): void {
    this.forgetSession();
    if (this.closed) return;
    const verdict = judgeSession(close);
    if (verdict.kind === "final" || close.code === "keys-changed") {
      // A grant may be out of date and the one that is kept not: it slides while a session stands.
      void this.endUnlessChanged(verdict.reason, close.code === "token-refused" ? this.shown : undefined);
      return;
    }
    const now = this.env.clock.now();
    this.retryAt = now + (verdict.away ? AWAY_LOOK_MS : this.sessionBackoff.next());
    const held = heldFor(close.sentence);
    if (verdict.unanswered) this.become({ kind: "machine-silent" });
    else this.become({ kind: "machine-offline", reason: verdict.reason, since: held === null ? null : now - held });
    this.ticker.update();
  }

  /** Where other keys or another grant than the refused ones are kept by now, it goes on with those. */
  private async endUnlessChanged(reason: Reason, refused = this.paired.grant): Promise<void> {
    await this.recall();
    if (this.closed || this.state.kind === "ended") return;
    const { deviceId, grant } = this.paired;
    if (deviceId === this.linkDevice && grant === refused) this.end(reason);
    else this.redial();
  }

  /** Another tab may have kept something newer. What cannot be read, or is gone, leaves what is known. */
  private async recall(): Promise<void> {
    this.paired = (await this.events.reload().catch(() => null)) ?? this.paired;
  }

  /** A new link, for a link proves one key. */
  private redial(): void {
    if (this.wire === null) {
      this.dial();
      return;
    }
    this.wire.end("done");
    this.linkEnded({ code: "done", sentence: "" }, true);
    this.retryAt = null;
    this.dial();
  }

  private async takeKeys(chain: IdentityCert[], noise: NoiseCert): Promise<void> {
    const { session } = this;
    const { judge } = await import("./keys");
    const news = await judge(this.env, this.paired, chain, noise);
    if (news === null || session !== this.session) return;
    if (news === "forged") {
      this.end(reasonFor("proof-refused"));
      return;
    }
    if (!(await this.keep(news))) return;
    session?.keysTaken(noise.serial);
    this.settle();
  }

  /** One change at a time: the machine knows the last keys it was brought, and the answer is for the keys of its own question. */
  private async changeKeys(): Promise<void> {
    const { session, hash } = this;
    if (session === null || this.rekeying === session) return;
    this.rekeying = session;
    try {
      const { nextKeys } = await import("./keys");
      const { own, proof } = await nextKeys(this.env, this.paired, hash);
      await this.recall();
      if (session !== this.session) return;
      if (this.paired.deviceId !== this.linkDevice) {
        this.redial();
        return;
      }
      const answer = await new Promise<Answer>((answered) => {
        this.asked.set(session.rekey(proof), answered);
        this.settle();
      });
      if (answer.kind !== "rekeyed") return;
      const { grant, expires } = answer;
      const kept = await this.keep({ ...own, grant, grantExpires: expires });
      if (kept && !this.closed && this.state.kind !== "ended") this.redial();
    } finally {
      // A refusal or a store that fails leaves the present keys, and the machine asks again.
      if (this.rekeying === session) this.rekeying = null;
    }
  }

  private end(reason: Reason): void {
    this.retryAt = null;
    this.become({ kind: "ended", reason });
    this.wishes.fail(reason);
    for (const tenant of [...this.tenants]) tenant.abandon(reason);
    this.wire?.end("done");
    this.ticker.update();
  }

  private forgetSession(): void {
    this.silence.forget();
    this.openedAt = null;
    this.secure?.close("done");
    this.secure = null;
    this.session = null;
    this.asked.clear();
    this.wishes.sessionDown();
    if (!this.stands) return;
    this.stands = false;
    for (const tenant of this.tenants) tenant.sessionDown();
  }

  private become(state: LinkState): void {
    this.state = state;
    this.publish();
  }

  /** Carries out what the session asks for, until it asks for nothing more. */
  private settle(): void {
    for (let effects = this.session?.drain() ?? []; effects.length > 0; effects = this.session?.drain() ?? []) {
      for (const effect of effects) this.carryOut(effect);
    }
    this.ticker.update();
  }

  private carryOut(effect: SessionEffect): void {
    switch (effect.kind) {
      case "send": {
        const message = encodeMessage(effect.message);
        return message === null ? undefined : this.secure?.send(message);
      }
      case "stands":
        return this.sessionStands();
      case "changed":
        return this.publish();
      case "answer": {
        const answered = this.asked.get(effect.req);
        this.asked.delete(effect.req);
        if (answered) answered(effect.answer);
        else this.wishes.answer(effect.req, effect.answer);
        return;
      }
      case "ended":
        for (const tenant of this.tenants) tenant.tokenEnded(effect.jti, effect.reason);
        return;
      case "approvals":
        return this.approvals.heard(effect.news);
      case "audit":
        return this.witness(effect.head, effect.agrees);
      case "scopes":
        return this.scopesChanged();
      case "grant":
        return this.note({ grant: effect.grant, grantExpires: effect.expires });
      case "generation":
        if (effect.generation === this.paired.generation) return;
        return this.note({ generation: effect.generation });
      case "keys":
        // Needed a few times a year, so it is fetched then; if it cannot be, the machine says it again.
        return void this.takeKeys(effect.chain, effect.noise).catch(() => undefined);
      case "rekey":
        return void this.changeKeys().catch(() => undefined);
      case "fault":
        return this.breakSession("bad-message");
      case "silent":
        return this.breakSession("silent");
    }
  }

  private sessionStands(): void {
    const facts = this.session?.facts;
    if (!this.session || !facts) return;
    this.stands = true;
    this.openedAt = null;
    this.silence.forget();
    this.sessionBackoff.reset();
    const { machine, user, scopes, expires, until } = facts;
    this.note({ name: machine, user, scopes, grantExpires: expires });
    this.become({ kind: "session" });
    this.wishes.sessionUp(this.session);
    for (const tenant of this.tenants) tenant.sessionUp(scopes);
    // What is missing stays so until a person has looked, whatever the log says by then.
    this.session.audit(this.paired.auditMissing ?? this.paired.auditSeen);
    // How much of a share is left can only be told by when it began.
    if (until !== null) this.readAccess().catch(() => undefined);
  }

  /** A person has looked at the log: from now on it counts as it is. */
  acceptAudit(): void {
    this.note({ auditMissing: null, auditSeen: null });
    this.paired = { ...this.paired, auditMissing: null, auditSeen: null };
    this.session?.audit(null);
    this.publish();
    this.settle();
  }

  /** What was seen once is kept, and compared by the machine and by this page. */
  private witness(head: AuditHead, agrees: boolean | null): void {
    const { auditSeen: seen, auditMissing: missing } = this.paired;
    const shrank = seen !== null && head.count < seen.count;
    const news =
      agrees === false || shrank
        ? { auditMissing: missing ?? seen }
        : { auditSeen: head, auditMissing: agrees === true ? null : missing };
    this.paired = { ...this.paired, ...news };
    this.note(news);
    this.publish();
  }

  private scopesChanged(): void {
    const scopes = this.scopes();
    this.note({ scopes });
    if (!scopes.includes("approve")) this.approvals.clear();
    for (const tenant of this.tenants) tenant.scopesChanged(scopes);
  }

  /** Rejects when it cannot be kept. False when other keys than those of the link are kept by now: then its news is of no use. */
  private async keep(news: Partial<PairedMachine>): Promise<boolean> {
    const kept = await this.events.keep(this.linkDevice, news);
    this.paired = kept ?? this.paired;
    return kept !== null;
  }

  /** For news without which the next session opens as well, and which is told again there: a store that fails stops nothing. */
  private note(news: Partial<PairedMachine>): void {
    void this.keep(news).catch(() => undefined);
  }

  private scopes(): Scope[] {
    return this.session?.facts?.scopes ?? this.paired.scopes;
  }

  private publish(): void {
    const live = this.session?.live(this.env.clock.now()) === true;
    if (this.state.kind === "machine-silent" && live) this.state = { kind: "session" };
    else if (!live && this.state.kind !== "ended" && this.silence.isOfMachine(this.awaiting))
      this.state = { kind: "machine-silent" };
    this.cell.set(this.describe());
    this.events.changed();
  }

  private describe(): Machine {
    return describe({
      paired: this.paired,
      link: this.state,
      session: this.stands ? this.session : null,
      // The first description is made before there is a cell.
      before: (this.cell as Cell<Machine> | undefined)?.value ?? null,
      access: this.access,
      approvals: this.approvals.list,
      waiting: this.wishes.waiting,
      proof: this.proof && this.conn !== null ? { ...this.proof, conn: this.conn } : null,
      clock: this.env.clock,
    });
  }
}
