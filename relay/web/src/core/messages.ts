/** What viewer and agent say to each other inside a Noise session: one JSON object a message. */
import { utf8, type Bytes } from "./bytes";
import {
  GRID_MAX,
  IDENTITY_CHAIN_MAX,
  LEASES_PER_SESSION,
  MESSAGE_MAX,
  PURPOSES,
  TOKEN_MAX,
  type ApprovalAnswer,
  type ApprovalBy,
  type ApprovalEnd,
  type ApprovalPart,
  type ApprovalRequest,
  type ApprovalHolds,
  type ApprovalVerdict,
  type AuditHead,
  type Asker,
  type Card,
  type DeviceEntry,
  type DevicesReply,
  type DevicesRequest,
  type Driver,
  type Exit,
  type Fences,
  type FromAgent,
  type Grid,
  type IdentityCert,
  type NoiseCert,
  type Offer,
  type PastTerminal,
  type PairReply,
  type PairRequest,
  type Program,
  type Reach,
  type Reason,
  type Risk,
  type Scope,
  type Settled,
  type Terminal,
  type ToAgent,
  type TokenEntry,
  type Granted,
  type WorkMode,
} from "./generated";
import { bytes, flag, integer, list, nullable, object, oneOf, parse, tagged, text, variants, type Check } from "./json";

export function decodeFromAgent(message: Bytes): FromAgent | undefined {
  return decode(message, fromAgent);
}

export function decodeOffer(message: Bytes): Offer | undefined {
  return decode(message, offer);
}

export function decodePairReply(message: Bytes): PairReply | undefined {
  return decode(message, pairReply);
}

export function decodeDevicesReply(message: Bytes): DevicesReply | undefined {
  return decode(message, devicesReply);
}

export function decodeSettled(message: Bytes): Settled | undefined {
  return decode(message, settled);
}

/** Null when the message would be larger than allowed. */
export function encodeMessage(message: ToAgent | PairRequest | DevicesRequest | ApprovalAnswer): Bytes | null {
  const out = utf8(JSON.stringify(message));
  return out.length > MESSAGE_MAX ? null : out;
}

function decode<T>(message: Bytes, check: Check<T>): T | undefined {
  return message.length > MESSAGE_MAX ? undefined : parse(message, check);
}

const U32 = 2 ** 32 - 1;
const LIST_MAX = 256;

const time = integer(0, Number.MAX_SAFE_INTEGER);
const number = integer(0, U32);
const id = bytes(16);
/** Every scope there is, in the order in which lists show them. */
export const SCOPES = Object.keys(PURPOSES) as readonly Scope[];
const scope = oneOf<Scope>(...SCOPES);
const scopes = list(scope, SCOPES.length);
const token: Check<string> = (value) =>
  typeof value === "string" && value.length <= TOKEN_MAX && /^[\w.-]+$/.test(value) ? value : undefined;
const side = integer(1, GRID_MAX);
const grid = object<Grid>({ cols: side, rows: side });
const exit = tagged<Exit>({ status: { code: number }, signal: { number } });
const reason = object<Reason>({ code: text, sentence: text, hint: text });
const terminal = object<Terminal>({
  id,
  name: text,
  title: text,
  cwd: text,
  started: time,
  grid,
  exit: nullable(exit),
  driver: nullable(object<Driver>({ name: text, yours: flag })),
});
const terminals = list(terminal, LIST_MAX);

const pastTerminal = object<PastTerminal>({
  id,
  name: text,
  cwd: text,
  started: time,
  ended: time,
  exit: nullable(exit),
  grid,
  kept: time,
  dropped: time,
});

const reach = object<Reach>({ root: nullable(text), terminal: nullable(id) });

const device = object<DeviceEntry>({
  id,
  name: text,
  scopes,
  reach,
  paired: time,
  seen: time,
  from: text,
  expires: time,
  until: nullable(time),
  keys_end: time,
  sessions: number,
  suspended: flag,
  changing_keys: flag,
  yours: flag,
});
const tokenEntry = object<TokenEntry>({
  jti: id,
  purpose: scope,
  device: id,
  conn: id,
  from: text,
  about: text,
  issued: time,
  expires: time,
  used: time,
  attached: flag,
});

const signature = bytes(64);
const identityCert = object<IdentityCert>({ from: bytes(32), to: bytes(32), signature });
const noiseCert = object<NoiseCert>({ key: bytes(32), serial: number, since: time, expires: time, signature });

const offer = object<Offer>({ machine: text, user: text, scopes, reach, stays: nullable(time), expires: time });

const pairReply = tagged<PairReply>({
  waiting: {},
  granted: {
    grant: token,
    scopes,
    reach,
    expires: time,
    until: nullable(time),
    identity: bytes(32),
    serial: number,
  },
  refused: { reason },
});

/** The machine bounds the whole; these bound nothing that it could say. */
const PARTS_MAX = 4096;

const verdict = oneOf<ApprovalVerdict>("approved", "denied");
const fences = variants<"fences", Fences>("fences", { workspace: { network: flag, repository: flag }, outside: {} });
const approvalRequest = object<ApprovalRequest>({
  id,
  asker: variants<"by", Asker>("by", {
    script: { pid: number, name: text },
    agent: { pid: number, name: text, session: text },
  }),
  line: text,
  programs: list(object<Program>({ name: text, path: text }), PARTS_MAX),
  folder: text,
  workspace: text,
  fences,
  reason: text,
  rules: list(text, PARTS_MAX),
  saved_in: text,
  asked: time,
  until: time,
});
const card = object<Card>({
  request: approvalRequest,
  consequence: text,
  risk: oneOf<Risk>("low", "medium", "high"),
  shown: text,
  careful: list(text, PARTS_MAX),
  parts: list(object<ApprovalPart>({ shown: text, allowed: flag, reason: text }), PARTS_MAX),
});
const settled = object<Settled>({
  id,
  hash: bytes(32),
  end: variants<"end", ApprovalEnd>("end", {
    answered: {
      verdict,
      holds: variants<"for", ApprovalHolds>("for", { once: {}, time: { minutes: number }, always: {} }),
      by: variants<"at", ApprovalBy>("at", { machine: {}, device: { name: text, key: bytes(32), signature } }),
    },
    expired: {},
    withdrawn: {},
    overtaken: {},
  }),
  at: time,
});

const granted = object<Granted>({ id, rules: list(text, PARTS_MAX), workspace: text, fences, until: time, by: text });

const auditHead = object<AuditHead>({ count: time, hash: bytes(32) });

const fromAgent = tagged<FromAgent>({
  welcome: {
    machine: text,
    user: text,
    time,
    scopes,
    reach,
    expires: time,
    until: nullable(time),
    generation: number,
    suspended: flag,
    terminals,
  },
  pong: { n: number, time },
  minted: { req: number, jti: id, token, secret: bytes(32), issued: time, expires: time },
  created: { req: number, terminal },
  done: { req: number },
  refused: { req: number, reason },
  access: { req: number, time, device, tokens: list(tokenEntry, LEASES_PER_SESSION) },
  scopes: { scopes, reach },
  keys: { chain: list(identityCert, IDENTITY_CHAIN_MAX), noise: noiseCert },
  rekey: {},
  rekeyed: { req: number, grant: token, expires: time },
  terminals: { terminals },
  approvals: { waiting: list(id, LIST_MAX) },
  approval: { card },
  settled: { settled },
  permissions: { mode: nullable(oneOf<WorkMode>("plan", "ask", "accept-edits")), granted: list(granted, LIST_MAX) },
  audit: { head: auditHead, agrees: nullable(flag) },
  lease: { jti: id, expires: time },
  ended: { jti: id, reason },
  grant: { grant: token, expires: time },
  history: { req: number, past: list(pastTerminal, LIST_MAX), more: flag },
});

const devicesReply = tagged<DevicesReply>({
  listed: {
    req: number,
    time,
    devices: list(device, LIST_MAX),
    tokens: list(tokenEntry, LIST_MAX),
    more: flag,
  },
  done: { req: number, ended: number },
  audited: { req: number, first: time, text, more: flag, earlier: flag, head: auditHead },
  refused: { req: number, reason },
});
