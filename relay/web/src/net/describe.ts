/** A machine as the screens see it. What was last known stays while the machine is away. */
import type { Approval } from "../core/approvals";
import { ladder } from "../core/credentials";
import type { Session } from "../core/session";
import type { Access, Credential, LinkState, Machine } from "./api";
import type { Clock } from "./env";
import type { PairedMachine } from "./store";
import type { Waiting } from "./wishes";

export interface Described {
  paired: PairedMachine;
  link: LinkState;
  /** Null while none stands. */
  session: Session | null;
  /** What was shown last. */
  before: Machine | null;
  /** What the machine said when it was asked. */
  access: Access | null;
  approvals: readonly Approval[];
  /** What was asked and not answered. */
  waiting: Waiting[];
  /** By the monotonic clock. */
  proof: { conn: string; held: number; until: number } | null;
  clock: Clock;
}

export function describe(described: Described): Machine {
  const { paired, link, session, before, access, approvals, waiting, clock } = described;
  const now = clock.now();
  // A first guess, so that times can be shown before the machine has spoken.
  const clockOffset = session?.clockOffset ?? before?.clockOffset ?? clock.unix() - now;
  return {
    id: paired.agent,
    name: paired.name,
    user: paired.user,
    link,
    heard: session?.heard ?? before?.heard ?? null,
    live: session?.live(now) ?? false,
    rtt: session?.rtt ?? null,
    scopes: session?.facts?.scopes ?? paired.scopes,
    reach: session?.facts?.reach ?? before?.reach ?? { root: null, terminal: null },
    until: session?.facts ? session.facts.until : (before?.until ?? null),
    terminals: session?.facts?.terminals ?? before?.terminals ?? [],
    credentials: credentials(described, clockOffset),
    access,
    approvals,
    permissions: session?.facts?.permissions ?? before?.permissions ?? null,
    audit: { seen: paired.auditSeen, missing: paired.auditMissing },
    waiting,
    clockOffset,
  };
}

function credentials({ paired, session, before, access, proof, clock }: Described, offset: number): Credential[] {
  const facts = session?.facts ?? null;
  return ladder(
    {
      device: paired.deviceId,
      expires: facts?.expires ?? paired.grantExpires,
      until: facts ? facts.until : (before?.until ?? null),
      began: access?.device.paired ?? null,
      session: session &&
        proof && {
          conn: proof.conn,
          heldUntil: proof.until + offset,
          held: proof.held,
          leases: session.leases,
          present: session.present,
        },
    },
    clock.now() + offset,
  );
}
