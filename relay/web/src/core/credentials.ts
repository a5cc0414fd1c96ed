/**
 * What this page holds and for how long, as a ladder: the device, this page's link, the tokens. Says which of them go on by
 * themselves, and which one will block the person first. Times are the machine's.
 */
import { LIFE_DEVICE_MS, PRESENCE_MS, PURPOSES, type Scope } from "./generated";
import type { Lease } from "./session";

export interface Credential {
  /** The token's id; of a device and a link their own. */
  jti: string;
  purpose: Scope | "device" | "connection";
  /** Id of the terminal, where it is about one. */
  terminal: string | null;
  expires: number;
  /** How long its present life is from its beginning, for the bar. */
  life: number;
  /** It is renewed without anybody doing anything: its end is no news. */
  goesOn: boolean;
  /** It can live no longer than this. */
  limitedBy: "device" | "share" | null;
}

export interface Held {
  device: string;
  /** When the grant ends unless it is used. */
  expires: number;
  /** When it ends whatever happens: a share. `began` is when it was paired, where the machine has told. */
  until: number | null;
  began: number | null;
  /** Null while no session stands. */
  session: {
    conn: string;
    /** Until when the relay holds the link by its last proof, and how long one proof holds. */
    heldUntil: number;
    held: number;
    leases: readonly Lease[];
    /** When a person last pressed a key or tapped, as the machine heard it. */
    present: number | null;
  } | null;
}

export type Level = "ok" | "warn" | "critical";

/** What is on the screen: what is not there blocks nobody. */
export interface Shown {
  terminal: string | null;
  devices: boolean;
}

/** The machine renews this long before a token's end. It looks at who is there at that moment. */
const RENEWED_BEFORE_MS = 6000;
/** Lives are whole seconds. */
const SECOND = 1000;
const ORDER: readonly Credential["purpose"][] = [
  "terminal",
  "run",
  "files.write",
  "prompt",
  "approve",
  "view",
  "files.read",
  "devices",
  "connection",
  "device",
];

/** The device first, then the link, then the tokens in the order in which they were asked for. */
export function ladder(held: Held, now: number): Credential[] {
  const { session, until } = held;
  const share = until !== null && held.expires >= until - SECOND;
  const device: Credential = {
    jti: held.device,
    purpose: "device",
    terminal: null,
    expires: held.expires,
    life: share ? held.expires - (held.began ?? now) : LIFE_DEVICE_MS,
    // Each session slides it; away from its machine nobody does.
    goesOn: session !== null && !share,
    limitedBy: share ? "share" : null,
  };
  if (session === null) return [device];
  const connection: Credential = {
    jti: session.conn,
    purpose: "connection",
    terminal: null,
    expires: session.heldUntil,
    life: session.held,
    goesOn: true,
    limitedBy: null,
  };
  const tokens = session.leases
    .filter(({ expires }) => expires > now)
    .map((lease): Credential => {
      const { jti, purpose, terminal, expires, life } = lease;
      const capped = expires >= device.expires - SECOND;
      const limitedBy = !capped ? null : share ? "share" : "device";
      return {
        jti,
        purpose,
        terminal,
        expires,
        life,
        goesOn: limitedBy !== "share" && isRenewed(lease, session.present),
        limitedBy,
      };
    });
  return [device, connection, ...tokens];
}

/** Warns at a quarter of its life and is critical at a tenth; what goes on by itself never warns. */
export function level(credential: Credential, now: number): Level {
  if (credential.goesOn) return "ok";
  const share = shareLeft(credential, now);
  if (share <= 0.1) return "critical";
  return share <= 0.25 ? "warn" : "ok";
}

/** From 1 when fresh to 0 when over. */
export function shareLeft({ expires, life }: { expires: number; life: number }, now: number): number {
  return life <= 0 ? 0 : Math.min(1, Math.max(0, (expires - now) / life));
}

/**
 * The one that will stop this person first, or null when all that matters here goes on. A token that ends because its parent
 * does is not named: the parent is.
 */
export function blocksFirst(credentials: readonly Credential[], now: number, shown: Shown): Credential | null {
  return credentials
    .filter((one) => !one.goesOn && one.expires > now && one.purpose !== "connection" && isShown(one, shown))
    .filter((one) => one.purpose === "device" || one.limitedBy === null)
    .reduce<Credential | null>((first, one) => (first === null || before(one, first) ? one : first), null);
}

/** Whether the machine will renew the token when its time comes, as things stand. */
function isRenewed({ purpose, expires }: Lease, present: number | null): boolean {
  switch (PURPOSES[purpose].renewal) {
    case "while attached":
      return true;
    case "while a person is present":
      return present !== null && present + PRESENCE_MS > expires - RENEWED_BEFORE_MS;
    // Whether it will be used nobody knows.
    case "on use":
    case "never":
      return false;
  }
}

function isShown({ purpose, terminal }: Credential, shown: Shown): boolean {
  if (purpose === "devices") return shown.devices;
  return terminal === null || shown.terminal === null || terminal === shown.terminal;
}

function before(a: Credential, b: Credential): boolean {
  return a.expires === b.expires ? ORDER.indexOf(a.purpose) < ORDER.indexOf(b.purpose) : a.expires < b.expires;
}
