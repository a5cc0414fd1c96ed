/** A machine as the screens see it. What was last known stays while the machine is away. */
import { LIFE_DEVICE_MS } from "../core/generated";
import type { Session } from "../core/session";
import type { Credential, LinkState, Machine } from "./api";
import type { Clock } from "./env";
import type { PairedMachine } from "./store";

export interface Described {
  paired: PairedMachine;
  link: LinkState;
  /** Null while none stands. */
  session: Session | null;
  /** What was shown last. */
  before: Machine | null;
  clock: Clock;
}

export function describe({ paired, link, session, before, clock }: Described): Machine {
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
    terminals: session?.facts?.terminals ?? before?.terminals ?? [],
    credentials: credentials(paired, session, now + clockOffset),
    clockOffset,
  };
}

function credentials(paired: PairedMachine, session: Session | null, machineNow: number): Credential[] {
  const grant: Credential = {
    jti: paired.deviceId,
    purpose: "device",
    terminal: null,
    expires: session?.facts?.expires ?? paired.grantExpires,
    life: LIFE_DEVICE_MS,
  };
  return [grant, ...(session?.leases ?? []).filter(({ expires }) => expires > machineNow)];
}
