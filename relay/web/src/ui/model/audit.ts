/** Lines of the audit log as words. What a line says comes from the machine's disk: nothing of it is believed to be of a type. */
import type { AuditLine, AuditPage, AuditSeen } from "../../net/api";
import type { IconName } from "../parts/icons";
import { visible } from "./approval";

/** What a reader looks for. */
export type AuditKind = "approvals" | "access" | "terminals" | "log";

export const AUDIT_KINDS: readonly (readonly [AuditKind, string])[] = [
  ["approvals", "Approvals"],
  ["access", "Access"],
  ["terminals", "Terminals"],
  ["log", "The log itself"],
];

export interface AuditWords {
  kind: AuditKind;
  icon: IconName;
  /** It ended, refused or warns. */
  tone: "plain" | "bad";
  text: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Say = (fields: Fields) => string;

const SHORT = 8;

function inside(value: unknown, ...names: string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function word(value: unknown, ...names: string[]): string {
  const found = inside(value, ...names);
  if (typeof found === "string") return visible(found);
  return typeof found === "number" ? String(found) : "";
}

function short(value: unknown, ...names: string[]): string {
  return word(value, ...names).slice(0, SHORT);
}

function device(fields: Fields, id = "device"): string {
  const name = word(fields, "name");
  return name === "" ? `device ${short(fields, id)}` : `“${name}”`;
}

function by(fields: Fields): string {
  const who = inside(fields, "by");
  if (who === null || who === undefined) return "";
  return inside(who, "who") === "device" ? ` by “${word(who, "name")}”` : " at the machine";
}

function asker(value: unknown): string {
  const name = word(value, "name");
  return name === "" ? `process ${word(value, "pid")}` : name;
}

function wanted(fields: Fields): string {
  const about =
    short(fields, "wanted", "terminal") || word(fields, "wanted", "root") || short(fields, "wanted", "request");
  return `${word(fields, "wanted", "purpose")}${about === "" ? "" : ` ${about}`}`;
}

function scopes(fields: Fields): string {
  const list: unknown = inside(fields, "scopes");
  return Array.isArray(list) ? list.map((scope: unknown) => word({ scope }, "scope")).join(", ") : "";
}

function revoked(fields: Fields): string {
  switch (inside(fields, "what", "what")) {
    case "token":
      return `Token ${short(fields, "what", "jti")} was ended`;
    case "purpose":
      return `“${word(fields, "what", "purpose")}” was taken away`;
    case "device":
      return `Device ${short(fields, "what", "device")} was ended`;
    default:
      return "All access was ended";
  }
}

function settled(fields: Fields): string {
  const id = short(fields, "settled", "id");
  const end = inside(fields, "settled", "end");
  switch (inside(end, "end")) {
    case "answered": {
      const where = inside(end, "by", "at") === "device" ? `on “${word(end, "by", "name")}”` : "at the machine";
      const longer = { time: ` for ${word(end, "holds", "minutes")} minutes`, always: " always" }[
        word(end, "holds", "for")
      ];
      return `${inside(end, "verdict") === "approved" ? `Allowed${longer ?? " once"}` : "Denied"} ${where}: request ${id}`;
    }
    case "expired":
      return `Denied by itself, nobody answered: request ${id}`;
    default:
      return `Withdrawn: request ${id}`;
  }
}

const EVENTS: Readonly<Record<string, readonly [AuditKind, IconName, "plain" | "bad", Say]>> = {
  asked: [
    "approvals",
    "chat",
    "plain",
    (f) => `${asker(inside(f, "request", "asker"))} asks to run: ${word(f, "request", "line")}`,
  ],
  settled: ["approvals", "used", "plain", settled],
  decided: [
    "approvals",
    "list",
    "plain",
    (f) =>
      `${inside(f, "allowed") === true ? "Allowed" : "Denied"} by rules: ${word(f, "line")}, for ${asker(inside(f, "asker"))}`,
  ],
  mode_chosen: ["approvals", "list", "plain", (f) => `Mode ${word(f, "mode") || "as settings say"} was chosen${by(f)}`],
  grant_ended: ["approvals", "close", "plain", (f) => `The rules of request ${short(f, "id")} stand no longer${by(f)}`],
  rules_saved: [
    "approvals",
    "save",
    "plain",
    (f) =>
      `Rules of request ${short(f, "id")} ${inside(f, "failed") === null ? "were saved" : "could not be saved"}: ${word(f, "file")}`,
  ],
  folder_trusted: ["approvals", "check", "plain", (f) => `The settings of ${word(f, "folder")} count from now on`],
  paired: ["access", "add", "plain", (f) => `${device(f)} was paired, with ${scopes(f)}`],
  connected: ["access", "link", "plain", (f) => `${device(f)} connected from ${word(f, "from") || "nowhere known"}`],
  minted: ["access", "key", "plain", (f) => `Token ${short(f, "jti")} for ${wanted(f)}, to ${device(f)}`],
  ended: ["access", "close", "plain", (f) => `Token ${short(f, "jti")} ended: ${word(f, "why")}`],
  refused: ["access", "refused", "bad", (f) => `Token for ${wanted(f)} refused to ${device(f)}: ${word(f, "why")}`],
  revoked: ["access", "refused", "bad", (f) => `${revoked(f)}${by(f)}`],
  share_ended: ["access", "clock", "plain", (f) => `The time of ${device(f)} was over`],
  locked: [
    "access",
    "lock",
    "bad",
    (f) => `The machine was ${inside(f, "locked") === true ? "locked" : "unlocked"}${by(f)}`,
  ],
  suspended: ["access", "warning", "bad", (f) => `A copy of ${device(f)} was seen; it may only watch`],
  trusted: ["access", "check", "plain", (f) => `${device(f)} was trusted again`],
  rotated: ["access", "again", "plain", (f) => `The ${word(f, "key")} key is being replaced`],
  keys_changed: ["access", "again", "plain", (f) => `${device(f, "from")} goes on with new keys, as ${short(f, "to")}`],
  terminal_began: ["terminals", "terminal", "plain", (f) => `Terminal “${word(f, "name")}” was started${by(f)}`],
  terminal_ended: ["terminals", "terminal", "plain", (f) => `Terminal ${short(f, "terminal")} ended${by(f)}`],
  history_removed: [
    "terminals",
    "history",
    "plain",
    (f) => `What was kept of terminal ${short(f, "terminal")} was removed${by(f)}`,
  ],
  began: ["log", "play", "plain", (f) => `The agent began, version ${word(f, "version")}`],
  continued: ["log", "file", "plain", () => "The log goes on in another file"],
  rekeyed: ["log", "key", "plain", () => "The log is signed by the machine’s new identity"],
  checkpoint: ["log", "check", "plain", () => "The machine vouches for all before this"],
  torn: [
    "log",
    "warning",
    "bad",
    (f) => `A line had not been written whole: ${word(f, "bytes")} bytes were taken away`,
  ],
  unwritten: ["log", "warning", "bad", (f) => `${word(f, "lines")} lines before this could not be written`],
  omitted: ["log", "warning", "bad", (f) => `${word(f, "lines")} lines before this were too many and left out`],
  removed: [
    "log",
    "clock",
    "plain",
    (f) => `Lines up to ${word(f, "through", "count")} were removed, as their time was over`,
  ],
  disputed: [
    "log",
    "warning",
    "bad",
    (f) => `${device(f)} has seen ${word(f, "seen", "count")} other lines than these`,
  ],
};

export function auditWords({ event, fields }: AuditLine): AuditWords {
  const known = Object.hasOwn(EVENTS, event) ? EVENTS[event] : undefined;
  if (known === undefined) return { kind: "log", icon: "file", tone: "plain", text: visible(event) };
  const [kind, icon, tone, say] = known;
  return { kind, icon, tone, text: say(fields) };
}

/** Whether what was loaded holds together. */
export type ChainState =
  | { kind: "whole"; from: number; to: number; witnessed: "agrees" | "earlier" | "none" }
  /** From this line on. */
  | { kind: "broken"; line: number; why: string };

/** Pages, the latest first: each must end where the one before it begins, the first where the machine says that the log ends. */
export function chainState(pages: readonly AuditPage[], { seen, missing }: AuditSeen): ChainState | null {
  const [latest] = pages;
  const oldest = pages.at(-1);
  if (latest === undefined || oldest === undefined) return null;
  const broken = [...pages].reverse().find(({ broken }) => broken !== null);
  if (broken !== undefined)
    return { kind: "broken", line: broken.broken ?? 0, why: "does not follow from those before it" };
  if (latest.end.count !== latest.head.count || latest.end.hash !== latest.head.hash)
    return { kind: "broken", line: latest.end.count, why: "is not where the machine says that the log ends" };
  for (const [at, page] of pages.entries()) {
    const later = pages[at - 1];
    if (later !== undefined && page.end.hash !== later.start.hash)
      return { kind: "broken", line: later.start.count + 1, why: "does not follow from those before it" };
  }
  const known = missing ?? seen;
  const wholeFrom = oldest.start.count;
  let witnessed: "agrees" | "earlier" | "none" = "none";
  if (known !== null) {
    const hash = hashAt(pages, known.count);
    if (known.count > latest.end.count)
      return { kind: "broken", line: latest.end.count + 1, why: "was seen by this browser, and is missing" };
    if (hash !== null && hash !== known.hash)
      return { kind: "broken", line: known.count, why: "is another one than this browser has seen" };
    witnessed = hash === null ? "earlier" : "agrees";
  }
  return { kind: "whole", from: wholeFrom + 1, to: latest.end.count, witnessed };
}

function hashAt(pages: readonly AuditPage[], count: number): string | null {
  for (const { start, lines } of pages) {
    if (start.count === count) return start.hash;
    const line = lines.find(({ n }) => n === count);
    if (line !== undefined) return line.hash;
  }
  return null;
}
