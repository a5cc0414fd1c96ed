/** Which credential will block this person first, and what each of them is for, in words. */
import type { Credential } from "../../net/api";

export type Level = "ok" | "warn" | "critical";

export interface Meaning {
  icon: "keyboard" | "eye" | "device";
  /** What it lets one do. */
  word: string;
  /** What stops with it. */
  stops: string;
  /** What happens then, so that nobody has to fear the end. */
  then: string;
}

/** Warns at a quarter of its life, is critical at a tenth. */
export function level(credential: Credential, now: number): Level {
  const share = shareLeft(credential, now);
  if (share <= 0.1) return "critical";
  return share <= 0.25 ? "warn" : "ok";
}

/** From 1 when fresh to 0 when over. */
export function shareLeft({ expires, life }: Credential, now: number): number {
  return life <= 0 ? 0 : Math.min(1, Math.max(0, (expires - now) / life));
}

/** The one that ends first of those that matter here: a terminal that is not on the screen blocks nobody. */
export function blocksFirst(credentials: Credential[], now: number, terminal: string | null): Credential | null {
  return credentials
    .filter((one) => one.expires > now)
    .filter((one) => terminal === null || one.terminal === null || one.terminal === terminal)
    .reduce<Credential | null>((first, one) => (first === null || before(one, first) ? one : first), null);
}

/** Soonest end first, as the list shows them. */
export function byEnd(credentials: Credential[], now: number): Credential[] {
  return credentials.filter((one) => one.expires > now).sort((a, b) => (before(a, b) ? -1 : 1));
}

export function meaning(purpose: Credential["purpose"]): Meaning {
  switch (purpose) {
    case "terminal":
      return {
        icon: "keyboard",
        word: "typing",
        stops: "typing",
        then: "The next key asks for a new one. The screen goes on.",
      };
    case "view":
      return { icon: "eye", word: "watching", stops: "watching", then: "Renewed by itself while you look." };
    case "device":
      return {
        icon: "device",
        word: "this browser",
        stops: "this browser",
        then: "Renewed by itself while you use it. After its end, pair again with lanyard pair.",
      };
  }
}

const WEIGHT: Record<Credential["purpose"], number> = { terminal: 0, view: 1, device: 2 };

function before(a: Credential, b: Credential): boolean {
  return a.expires === b.expires ? WEIGHT[a.purpose] < WEIGHT[b.purpose] : a.expires < b.expires;
}
