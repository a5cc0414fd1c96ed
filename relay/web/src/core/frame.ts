/** Link frames on the viewer's leg: bytes in, complete frames out, within the limits. */
import { encode as b64 } from "./b64";
import { concat, EMPTY, fromUtf8, Reader, u16, u32, u8, utf8, type Bytes } from "./bytes";
import {
  CREDIT_MAX,
  FIRST_MAX,
  FrameKind,
  FRAME_MAX,
  SENTENCE_MAX,
  TOKEN_MAX,
  VERSIONS_MAX,
  type Challenge,
  type CloseName,
  type Proof,
  type Welcome,
} from "./generated";
import { ID_LENGTH, parseId } from "./ids";
import { bytes, integer, list, object, oneOf, parse, text, type Check } from "./json";
import { closeName, closeNumber } from "./reasons";

export type Target =
  | { kind: "session"; grant: string }
  /** A rendezvous id. */
  | { kind: "pair"; id: string }
  | { kind: "purpose"; token: string };

export interface Close {
  /** Null when the peer used a number this build does not know. */
  code: CloseName | null;
  sentence: string;
}

export type Frame =
  | { kind: "challenge"; challenge: Challenge }
  | { kind: "proof"; proof: Proof }
  | { kind: "welcome"; welcome: Welcome }
  | { kind: "ping" | "pong"; payload: Bytes }
  | { kind: "wake" }
  /** `first` is taken as if it came right behind the accept, without credit; empty if nothing comes before that. */
  | { kind: "open"; stream: number; target: Target; credit: number; versions: number[]; first: Bytes }
  | { kind: "accept"; stream: number; credit: number; versions: number[] }
  | { kind: "data"; stream: number; payload: Bytes }
  | { kind: "credit"; stream: number; amount: number }
  | { kind: "renew"; stream: number; token: string }
  | ({ kind: "close"; stream: number } & Close)
  /** Only an agent and its relay exchange these; a viewer need not understand them to refuse them. */
  | { kind: "enrol" | "announce" | "rotate" };

/** What this side can write. */
export type OwnFrame = Exclude<Frame, { kind: "enrol" | "announce" | "rotate" }>;

/** The peer is at fault, always; `code` is what the link is closed with. */
export interface FrameError {
  kind: "error";
  code: CloseName;
}

const error = (code: CloseName): FrameError => ({ kind: "error", code });

export function decodeFrame(message: Bytes): Frame | FrameError {
  if (message.length > FRAME_MAX) return error("too-large");
  const reader = new Reader(message);
  const stream = reader.u32();
  const kind = reader.u8();
  if (stream === null || kind === null) return error("malformed");
  if (!isKind(kind)) return error("unknown-kind");
  const onLink = kind < FrameKind.open;
  if (kind !== FrameKind.close && onLink !== (stream === 0)) return error("malformed");
  return decodePayload(stream, kind, reader) ?? error("malformed");
}

export function encodeFrame(frame: OwnFrame): Bytes {
  const stream = "stream" in frame ? frame.stream : 0;
  return concat(u32(stream), u8(FrameKind[frame.kind]), encodePayload(frame));
}

const KINDS: ReadonlySet<number> = new Set(Object.values(FrameKind));

function isKind(kind: number): kind is FrameKind {
  return KINDS.has(kind);
}

function decodePayload(stream: number, kind: FrameKind, reader: Reader): Frame | null {
  switch (kind) {
    case FrameKind.challenge:
      return wrap(parse(reader.rest(), challenge), (challenge) => ({ kind: "challenge", challenge }));
    case FrameKind.proof:
      return wrap(parse(reader.rest(), proof), (proof) => ({ kind: "proof", proof }));
    case FrameKind.welcome:
      return wrap(parse(reader.rest(), welcome), (welcome) => ({ kind: "welcome", welcome }));
    case FrameKind.enrol:
      return { kind: "enrol" };
    case FrameKind.announce:
      return { kind: "announce" };
    case FrameKind.rotate:
      return { kind: "rotate" };
    case FrameKind.ping:
    case FrameKind.pong: {
      const name = kind === FrameKind.ping ? "ping" : "pong";
      return reader.left === 8 ? { kind: name, payload: reader.rest() } : null;
    }
    case FrameKind.wake:
      return reader.left === 0 ? { kind: "wake" } : null;
    case FrameKind.open:
      return decodeOpen(stream, reader);
    case FrameKind.accept: {
      const credit = initialCredit(reader);
      const versions = readVersions(reader);
      if (credit === null || versions === null || reader.left > 0) return null;
      return { kind: "accept", stream, credit, versions };
    }
    case FrameKind.data:
      return reader.left > 0 ? { kind: "data", stream, payload: reader.rest() } : null;
    case FrameKind.credit: {
      const amount = reader.u32();
      if (amount === null || amount < 1 || amount > CREDIT_MAX || reader.left > 0) return null;
      return { kind: "credit", stream, amount };
    }
    case FrameKind.renew:
      return wrap(readToken(reader), (token) => ({ kind: "renew", stream, token }));
    case FrameKind.close:
      return wrap(decodeClose(reader), (close) => ({ kind: "close", stream, ...close }));
  }
}

function encodePayload(frame: OwnFrame): Bytes {
  switch (frame.kind) {
    case "challenge":
      return utf8(JSON.stringify(frame.challenge));
    case "proof":
      return utf8(JSON.stringify(frame.proof));
    case "welcome":
      return utf8(JSON.stringify(frame.welcome));
    case "ping":
    case "pong":
    case "data":
      return frame.payload;
    case "wake":
      return EMPTY;
    case "open":
      return encodeOpen(frame.target, frame.credit, frame.versions, frame.first);
    case "accept":
      return concat(u32(frame.credit), putVersions(frame.versions));
    case "credit":
      return u32(frame.amount);
    case "renew":
      return utf8(frame.token);
    case "close":
      return encodeClose(frame);
  }
}

const TARGETS = ["session", "pair", "purpose"] as const;

function decodeOpen(stream: number, reader: Reader): Frame | null {
  const kind = TARGETS[reader.u8() ?? -1];
  const credit = initialCredit(reader);
  const versions = readVersions(reader);
  if (kind === undefined || credit === null || versions === null) return null;
  if ((kind === "purpose") !== (versions.length === 0)) return null;
  const length = reader.u16();
  const first = length === null || length > FIRST_MAX ? null : reader.take(length);
  const target = first && decodeTarget(kind, reader);
  return target && { kind: "open", stream, target, credit, versions, first };
}

function decodeTarget(kind: (typeof TARGETS)[number], reader: Reader): Target | null {
  switch (kind) {
    case "session":
      return wrap(readToken(reader), (grant) => ({ kind, grant }));
    case "purpose":
      return wrap(readToken(reader), (token) => ({ kind, token }));
    case "pair":
      return reader.left === ID_LENGTH ? { kind, id: b64(reader.rest()) } : null;
  }
}

function encodeOpen(target: Target, credit: number, versions: readonly number[], first: Bytes): Bytes {
  const body = (): Bytes => {
    switch (target.kind) {
      case "session":
        return utf8(target.grant);
      case "purpose":
        return utf8(target.token);
      case "pair":
        return parseId(target.id) ?? EMPTY;
    }
  };
  const head = concat(u8(TARGETS.indexOf(target.kind)), u32(credit), putVersions(versions));
  return concat(head, u16(first.length), first, body());
}

/** Reads `code u16 | sentence`, the form that close frames and sealed `end` records share. */
export function decodeClose(reader: Reader): Close | null {
  const number = reader.u16();
  const sentence = reader.left > SENTENCE_MAX ? null : fromUtf8(reader.rest());
  return number === null || sentence === null ? null : { code: closeName(number), sentence };
}

/** Writes what `decodeClose` reads; a sentence that is too long loses its end, at a character. */
export function encodeClose(close: Close): Bytes {
  let sentence = close.sentence;
  while (utf8(sentence).length > SENTENCE_MAX) sentence = Array.from(sentence).slice(0, -1).join("");
  return concat(u16(close.code === null ? 0 : closeNumber(close.code)), utf8(sentence));
}

function initialCredit(reader: Reader): number | null {
  const credit = reader.u32();
  return credit !== null && credit <= CREDIT_MAX ? credit : null;
}

function readVersions(reader: Reader): number[] | null {
  const count = reader.u8();
  if (count === null || count > VERSIONS_MAX) return null;
  const versions: number[] = [];
  for (let at = 0; at < count; at++) {
    const version = reader.u16();
    if (version === null) return null;
    versions.push(version);
  }
  return versions;
}

function putVersions(versions: readonly number[]): Bytes {
  return concat(u8(versions.length), ...versions.map(u16));
}

/** A token's characters; what they mean is not for a viewer to say. */
function readToken(reader: Reader): string | null {
  if (reader.left === 0 || reader.left > TOKEN_MAX) return null;
  const token = fromUtf8(reader.rest());
  return token !== null && /^[A-Za-z0-9_.-]+$/.test(token) ? token : null;
}

function wrap<T, F>(value: T | null | undefined, into: (value: T) => F): F | null {
  return value === null || value === undefined ? null : into(value);
}

const time = integer(0, Number.MAX_SAFE_INTEGER);
const version = integer(0, 65_535);
const versions = list(version, VERSIONS_MAX);
const offered: Check<number[]> = (value) => {
  const checked = versions(value);
  return checked?.length === 0 ? undefined : checked;
};

const challenge = object<Challenge>({ nonce: bytes(32), conn: bytes(16), time, versions: offered });
const proof = object<Proof>({
  role: oneOf("agent", "device"),
  host: text,
  agent: bytes(16),
  key: bytes(32),
  conn: bytes(16),
  time,
  version,
  signature: bytes(64),
});
const welcome = object<Welcome>({ held: time, time, agent: bytes(16), web: text, warning: text });
