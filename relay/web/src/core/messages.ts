/** What viewer and agent say to each other inside a Noise session: one JSON object a message. */
import { utf8, type Bytes } from "./bytes";
import {
  GRID_MAX,
  MESSAGE_MAX,
  TOKEN_MAX,
  type Driver,
  type Exit,
  type FromAgent,
  type Grid,
  type Offer,
  type PairReply,
  type PairRequest,
  type Reason,
  type Scope,
  type Terminal,
  type ToAgent,
} from "./generated";
import { bytes, flag, integer, list, nullable, object, oneOf, parse, tagged, text, type Check } from "./json";

export function decodeFromAgent(message: Bytes): FromAgent | undefined {
  return decode(message, fromAgent);
}

export function decodeOffer(message: Bytes): Offer | undefined {
  return decode(message, offer);
}

export function decodePairReply(message: Bytes): PairReply | undefined {
  return decode(message, pairReply);
}

/** Null when the message would be larger than allowed. */
export function encodeMessage(message: ToAgent | PairRequest): Bytes | null {
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
const scope = oneOf<Scope>("view", "terminal");
const scopes = list(scope, 2);
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

const offer = object<Offer>({ machine: text, user: text, scopes, expires: time });

const pairReply = tagged<PairReply>({
  waiting: {},
  granted: { grant: token, scopes, expires: time },
  refused: { reason },
});

const fromAgent = tagged<FromAgent>({
  welcome: { machine: text, user: text, time, scopes, expires: time, terminals },
  pong: { n: number, time },
  minted: { req: number, jti: id, token, secret: bytes(32), expires: time, life: time },
  created: { req: number, terminal },
  done: { req: number },
  refused: { req: number, reason },
  terminals: { terminals },
  lease: { jti: id, expires: time },
  ended: { jti: id, reason },
  grant: { grant: token, expires: time },
});
