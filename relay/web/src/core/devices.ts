/**
 * Seeing and ending what has access to a machine, over streams of purpose `devices`, without crypto or clocks. Such a token lives for two
 * minutes and is never renewed: when it has lapsed what was read stays, with its age, and the next wish asks for a new one and
 * is then carried out.
 */
import {
  INPUT_RESEND_MS,
  STREAM_TIME_MS,
  type AuditHead,
  type CloseName,
  type DeviceEntry,
  type DevicesReply,
  type DevicesRequest,
  type Reason,
  type Revocation,
  type TokenEntry,
} from "./generated";
import { decodeDevicesReply, encodeMessage } from "./messages";
import { reasonFor } from "./reasons";
import type { AgentRecord, ViewerRecord } from "./records";
import type { Minted } from "./session";
import { closeReason } from "./watching";

/** What has access, as the machine said it at `at`, by its own clock. */
export interface Listed {
  at: number;
  devices: DeviceEntry[];
  tokens: TokenEntry[];
}

export type DevicesPhase =
  /** Nothing is asked for. */
  | { kind: "idle" }
  | { kind: "asking" }
  /** The list is kept fresh until the token lapses. */
  | { kind: "live" }
  /** What is on the screen is old; the next wish asks again. */
  | { kind: "lapsed"; reason: Reason }
  /** It will not be given. */
  | { kind: "refused"; reason: Reason };

/** Lines of the audit log, as they stand. */
export interface AuditText {
  /** The number of the first; 0 if there is none. */
  first: number;
  text: string;
  /** There are lines before these. */
  earlier: boolean;
  head: AuditHead;
}

export type Wish = { what: "list" } | { what: "revoke"; revocation: Revocation } | { what: "lock" };
/** The lines before this one, or the last ones. */
export type AuditWish = { what: "audit"; before: number | null };

export type DevicesEffect =
  | { kind: "mint" }
  | { kind: "open"; minted: Minted; opening: ViewerRecord }
  | { kind: "send"; record: ViewerRecord }
  | { kind: "close"; code: CloseName }
  /** A wish was carried out, or was not: `refused` says why. */
  | { kind: "answered"; wish: number; refused: Reason | null }
  /** The lines that were wished for. */
  | { kind: "audited"; wish: number; audit: AuditText }
  | { kind: "changed" };

/** The list is read again this often while it is live. */
export const REFRESH_MS = 5000;
/** A bound on what a machine can make this page keep. */
const ENTRIES_MAX = 4096;
/** The same of lines of the audit log. */
const TEXT_MAX = 1024 * 1024;

/** Refusals that asking again would only repeat. */
const LASTING: ReadonlySet<string> = new Set<CloseName>(["not-granted", "revoked", "share-ended", "not-offered"]);

interface Pending {
  id: number;
  wish: Wish | AuditWish;
  /** It is not sent by itself later than this. */
  until: number;
  /** Its number on the present stream. */
  req: number | null;
}

type Stage =
  | { at: "idle" }
  | { at: "minting" }
  | { at: "opening"; jti: string; deadline: number }
  | { at: "greeting"; jti: string; deadline: number }
  | { at: "standing"; jti: string; refreshAt: number };

export class Devices {
  private readonly effects: DevicesEffect[] = [];
  private stage: Stage = { at: "idle" };
  private session = false;
  private pending: Pending[] = [];
  private shown: DevicesPhase = { kind: "idle" };
  private listed: Listed | null = null;
  /** Parts of a list that is still coming. */
  private parts: { req: number; devices: DeviceEntry[]; tokens: TokenEntry[] } | null = null;
  /** Pieces of lines that are still coming. */
  private pieces: { req: number; text: string } | null = null;
  /** A list is on the screen. */
  private lists = false;
  private lastWish = 0;
  private lastReq = 0;

  get phase(): DevicesPhase {
    return this.shown;
  }

  get list(): Listed | null {
    return this.listed;
  }

  drain(): DevicesEffect[] {
    return this.effects.splice(0);
  }

  /** The number under which it will be answered. */
  wish(wish: Wish | AuditWish, now: number): number {
    const id = ++this.lastWish;
    if (wish.what !== "audit") this.lists = true;
    this.pending.push({ id, wish, until: now + INPUT_RESEND_MS, req: null });
    this.go();
    return id;
  }

  sessionUp(now: number): void {
    this.session = true;
    // What was wished too long ago is not carried out now.
    this.tick(now);
    this.go();
  }

  sessionDown(): void {
    this.session = false;
    if (this.stage.at !== "idle") this.lost(reasonFor("cut"));
  }

  minted(minted: Minted, now: number): void {
    if (this.stage.at !== "minting") return;
    this.stage = { at: "opening", jti: minted.jti, deadline: now + STREAM_TIME_MS };
    this.effects.push({ kind: "open", minted, opening: { kind: "opening" } });
  }

  refused(reason: Reason): void {
    if (this.stage.at !== "minting") return;
    this.stage = { at: "idle" };
    this.show(LASTING.has(reason.code) ? { kind: "refused", reason } : { kind: "lapsed", reason });
    this.failAll(reason);
  }

  accepted(): void {
    if (this.stage.at !== "opening") return;
    this.stage = { ...this.stage, at: "greeting" };
  }

  record(record: AgentRecord, now: number): void {
    if (this.stage.at !== "greeting" && this.stage.at !== "standing") return;
    if (this.apply(record, now)) return;
    this.effects.push({ kind: "close", code: "bad-message" });
    this.lost(reasonFor("bad-message"));
  }

  /** The stream was closed without a sealed `end`. */
  cut(code: CloseName | null): void {
    if (this.stage.at !== "idle" && this.stage.at !== "minting") this.lost(reasonFor(code ?? "cut"));
  }

  /** Sealed word from the session that the token has ended. */
  tokenEnded(jti: string, reason: Reason): void {
    if (this.stage.at === "idle" || this.stage.at === "minting" || this.stage.jti !== jti) return;
    this.effects.push({ kind: "close", code: "done" });
    this.lost(reason);
  }

  /** The person leaves: the token is put back, what was read is forgotten. */
  close(): void {
    if (this.stage.at !== "idle" && this.stage.at !== "minting") this.effects.push({ kind: "close", code: "done" });
    this.stage = { at: "idle" };
    this.failAll(reasonFor("done"));
    this.listed = null;
    this.show({ kind: "idle" });
  }

  timeout(): number | null {
    const times = this.pending.map(({ until }) => until);
    if (this.stage.at === "opening" || this.stage.at === "greeting") times.push(this.stage.deadline);
    if (this.stage.at === "standing") times.push(this.stage.refreshAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  tick(now: number): void {
    const stage = this.stage;
    if ((stage.at === "opening" || stage.at === "greeting") && now >= stage.deadline) {
      this.effects.push({ kind: "close", code: "handshake-timeout" });
      this.lost(reasonFor("handshake-timeout"));
    }
    // Whether it was carried out nobody knows; the list that is read next shows it.
    for (const late of this.pending.filter(({ until }) => until <= now)) this.answer(late, reasonFor("cut"));
    if (this.stage.at === "idle" && this.pending.length === 0 && this.shown.kind === "asking")
      this.show({ kind: "lapsed", reason: reasonFor("cut") });
    if (stage.at === "standing" && now >= stage.refreshAt) {
      stage.refreshAt = now + REFRESH_MS;
      if (this.parts === null && this.lists) this.ask({ what: "list" });
    }
  }

  private apply(record: AgentRecord, now: number): boolean {
    switch (record.kind) {
      case "ready":
        if (this.stage.at !== "greeting") return false;
        this.stage = { at: "standing", jti: this.stage.jti, refreshAt: now + REFRESH_MS };
        this.show({ kind: "live" });
        this.go();
        return true;
      case "reply": {
        const reply = decodeDevicesReply(record.json);
        return this.stage.at === "standing" && reply !== undefined && this.reply(reply);
      }
      case "end":
        this.effects.push({ kind: "close", code: "done" });
        this.lost(closeReason(record.close));
        return true;
      case "snapshot":
      case "snapshotChunk":
      case "output":
      case "size":
      case "exit":
      case "at":
      case "opened":
      case "applied":
      case "driver":
        return false;
    }
  }

  private reply(reply: DevicesReply): boolean {
    // A wish whose time is over may still be answered.
    if (reply.req < 1 || reply.req > this.lastReq) return false;
    const pending = this.pending.find(({ req }) => req === reply.req);
    switch (reply.t) {
      case "listed":
        return this.part(reply, pending);
      case "done":
      case "refused":
        if (pending !== undefined) this.answer(pending, reply.t === "done" ? null : reply.reason);
        // What has changed is read again at once.
        if (this.lists) this.ask({ what: "list" });
        return true;
      case "audited":
        return this.piece(reply, pending);
    }
  }

  private part(reply: Extract<DevicesReply, { t: "listed" }>, pending: Pending | undefined): boolean {
    const before = this.parts?.req === reply.req ? this.parts : { req: reply.req, devices: [], tokens: [] };
    const devices = [...before.devices, ...reply.devices];
    const tokens = [...before.tokens, ...reply.tokens];
    if (devices.length > ENTRIES_MAX || tokens.length > ENTRIES_MAX) return false;
    this.parts = reply.more ? { req: reply.req, devices, tokens } : null;
    if (reply.more) return true;
    this.listed = { at: reply.time, devices, tokens };
    if (pending !== undefined) this.answer(pending, null);
    this.changed();
    return true;
  }

  private piece(reply: Extract<DevicesReply, { t: "audited" }>, pending: Pending | undefined): boolean {
    const text = (this.pieces?.req === reply.req ? this.pieces.text : "") + reply.text;
    if (text.length > TEXT_MAX) return false;
    this.pieces = reply.more ? { req: reply.req, text } : null;
    if (reply.more || pending === undefined) return true;
    const { first, earlier, head } = reply;
    this.pending = this.pending.filter((other) => other !== pending);
    this.effects.push({ kind: "audited", wish: pending.id, audit: { first, text, earlier, head } });
    return true;
  }

  /** One step towards what is wished for. */
  private go(): void {
    if (this.pending.length === 0) return;
    if (this.stage.at === "standing") {
      for (const one of this.pending) one.req ??= this.ask(one.wish);
    } else if (this.stage.at === "idle" && this.session) {
      this.stage = { at: "minting" };
      this.show({ kind: "asking" });
      this.effects.push({ kind: "mint" });
    } else if (this.stage.at === "idle") this.show({ kind: "asking" });
  }

  private ask(wish: Wish | AuditWish): number {
    const req = ++this.lastReq;
    const json = encodeMessage(request(wish, req));
    if (json !== null) this.effects.push({ kind: "send", record: { kind: "request", json } });
    return req;
  }

  /** The stream is gone. What was not answered is asked again on the next: to end what has ended is harmless. */
  private lost(reason: Reason): void {
    this.stage = { at: "idle" };
    this.parts = null;
    this.pieces = null;
    for (const one of this.pending) one.req = null;
    this.show(LASTING.has(reason.code) ? { kind: "refused", reason } : { kind: "lapsed", reason });
    if (LASTING.has(reason.code) || reason.code === "token-ended" || reason.code === "locked") this.failAll(reason);
    else this.go();
  }

  private failAll(reason: Reason): void {
    for (const one of [...this.pending]) this.answer(one, reason);
  }

  private answer(one: Pending, refused: Reason | null): void {
    this.pending = this.pending.filter((other) => other !== one);
    this.effects.push({ kind: "answered", wish: one.id, refused });
  }

  private show(phase: DevicesPhase): void {
    this.shown = phase;
    this.changed();
  }

  private changed(): void {
    this.effects.push({ kind: "changed" });
  }
}

function request(wish: Wish | AuditWish, req: number): DevicesRequest {
  switch (wish.what) {
    case "list":
      return { t: "list", req };
    case "revoke":
      return { t: "revoke", req, revocation: wish.revocation };
    case "lock":
      return { t: "lock", req };
    case "audit":
      return { t: "audit", req, before: wish.before };
  }
}
