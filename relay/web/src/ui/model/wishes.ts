/** Where a request is that is not answered yet, in words. */
import type { Machine, Waiting, WishKind } from "../../net/api";

/** Null for what only looks. */
const NAMES: Readonly<Record<WishKind, string | null>> = {
  access: null,
  create: "New terminal",
  end: "Ending the terminal",
  forget: "Forgetting",
  history: null,
  mode: "The mode, or the end of a rule",
  rename: "The new name",
  renew: "Renewing",
  revoke: "Ending access",
};

/** Shown after this time, so that what is answered at once does not flicker. */
export const SHOWN_AFTER_MS = 1000;

/** One sentence a request, the oldest first. */
export function waitingWords(machines: readonly Machine[]): string[] {
  return machines.flatMap(({ name, waiting }) => waiting.flatMap((one) => words(one, name) ?? []));
}

function words({ kind, at }: Waiting, machine: string): string | null {
  const what = NAMES[kind];
  if (what === null) return null;
  return at === "page"
    ? `${what}: not sent yet. It waits here for ${machine}.`
    : `${what}: sent. ${machine} has not answered yet.`;
}
