/** The machine's audit log as this page reads it: whether lines follow from each other is computed here, and believed of nobody. */
import { decode, encode } from "./b64";
import { EMPTY, utf8, type Bytes } from "./bytes";
import type { Crypto } from "./crypto";
import type { AuditHead } from "./generated";
import { transcript } from "./transcript";

/** One line, as far as every line is alike. */
export interface AuditLine {
  n: number;
  /** When it was written, by the machine's clock. */
  at: number;
  event: string;
  /** All that it says, by name. */
  fields: Readonly<Record<string, unknown>>;
  /** As it stands. */
  text: string;
  /** The hash of it and of all before it. */
  hash: string;
}

/** Lines that follow from each other. */
export interface AuditPage {
  lines: AuditLine[];
  /** The head before the first of them. */
  start: AuditHead;
  /** The head behind the last of them. */
  end: AuditHead;
  /** The first line that is none, or that does not follow; what stands before it is in `lines`. */
  broken: number | null;
  /** There are lines before these. */
  earlier: boolean;
  /** How far the machine says that the log goes. */
  head: AuditHead;
}

const NOTHING: AuditHead = { count: 0, hash: encode(new Uint8Array(32)) };

/** Reads lines of which the first has this number. */
export async function readPage(
  crypto: Crypto,
  first: number,
  text: string,
  earlier: boolean,
  head: AuditHead,
): Promise<AuditPage> {
  const texts = text.split("\n").filter((line) => line !== "");
  const lines: AuditLine[] = [];
  const before = texts[0] === undefined ? null : parsed(texts[0]);
  const start = before === null ? NOTHING : { count: first - 1, hash: before.before };
  let at: AuditHead = start;
  for (const text of texts) {
    const line = parsed(text);
    if (line?.n !== at.count + 1 || line.before !== at.hash)
      return { lines, start, end: at, broken: at.count + 1, earlier, head };
    const hash = await crypto.sha256(transcript("lanyard/audit/v1", hashBytes(at.hash), utf8(text)));
    at = { count: line.n, hash: encode(hash) };
    const { n, at: time, event, fields } = line;
    lines.push({ n, at: time, event, fields, text, hash: at.hash });
  }
  return { lines, start, end: at, broken: null, earlier, head };
}

interface Parsed {
  n: number;
  at: number;
  before: string;
  event: string;
  fields: Record<string, unknown>;
}

function parsed(text: string): Parsed | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { n, at, before, event, ...fields } = value as Record<string, unknown>;
  if (typeof n !== "number" || typeof at !== "number" || typeof before !== "string" || typeof event !== "string")
    return null;
  return { n, at, before, event, fields };
}

function hashBytes(hash: string): Bytes {
  return decode(hash) ?? EMPTY;
}
