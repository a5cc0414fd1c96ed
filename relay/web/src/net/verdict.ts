/** What the end of a link or session means for the page: try again, say why not, or stop. */
import type { Close } from "../core/frame";
import type { CloseName, Reason } from "../core/generated";
import { reasonFor } from "../core/reasons";
import type { RelayTrouble } from "./api";

/** After these nothing comes back without a person: the relay or the machine has let this device go. */
const FINAL: ReadonlySet<CloseName | null> = new Set<CloseName | null>([
  "revoked",
  "unknown-device",
  "token-refused",
  "share-ended",
  "key-retired",
]);
/** The way to the relay is broken, or the relay is going: the machine has nothing to do with it. */
const TRANSPORT: ReadonlySet<CloseName | null> = new Set<CloseName | null>([
  null,
  "done",
  "cut",
  "silent",
  "going-away",
  "internal",
]);

const GRANT_EXPIRED: Reason = {
  code: "token-refused",
  sentence: "this browser's access has expired or was replaced",
  hint: "pair again with `lanyard pair`",
};

export function isTransport(code: CloseName | null): boolean {
  return TRANSPORT.has(code);
}

export type LinkVerdict =
  { kind: "final"; reason: Reason } | { kind: "refused"; reason: Reason } | { kind: "transport"; why: RelayTrouble };

export function judgeLink({ code, sentence }: Close): LinkVerdict {
  if (FINAL.has(code)) return { kind: "final", reason: reasonFor(code) };
  if (code === "busy") return { kind: "transport", why: "full" };
  if (isTransport(code)) return { kind: "transport", why: code === "going-away" ? "restarting" : "unreachable" };
  return { kind: "refused", reason: reasonFor(code, sentence) };
}

/** Ends of a session, or refusals of one, after which the relay says when the machine is back. */
const AWAY: ReadonlySet<CloseName | null> = new Set<CloseName | null>([
  "agent-offline",
  "agent-stopped",
  "agent-lost",
  "agent-silent",
]);
/** This side has waited for the machine, and nothing came. */
const UNANSWERED: ReadonlySet<CloseName | null> = new Set<CloseName | null>(["handshake-timeout", "silent"]);

/** `away`: the relay will say when the machine is back. `unanswered`: the machine has said nothing at all. */
export type SessionVerdict =
  { kind: "final"; reason: Reason } | { kind: "again"; away: boolean; unanswered: boolean; reason: Reason };

export function judgeSession({ code, sentence }: Close): SessionVerdict {
  if (code === "token-refused") return { kind: "final", reason: GRANT_EXPIRED };
  if (FINAL.has(code)) return { kind: "final", reason: reasonFor(code) };
  const reason = reasonFor(code, sentence);
  return { kind: "again", away: AWAY.has(code), unanswered: UNANSWERED.has(code), reason };
}
