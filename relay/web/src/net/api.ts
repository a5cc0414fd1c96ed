/**
 * What the screens see of the world. `ui/` knows this file and nothing below it; `net/` implements it on top of `core/`.
 * Times are milliseconds by the machine's clock unless a name says otherwise; the browser's clock decides nothing.
 */
import type { Approval, ApprovalState } from "../core/approvals";
import type { AuditLine, AuditPage } from "../core/audit";
import type { Credential } from "../core/credentials";
import type { DevicesPhase, Listed, Wish } from "../core/devices";
import type {
  AuditHead,
  Exit,
  Grid,
  Offer,
  PastPlace,
  PastTerminal,
  Reach,
  Reason,
  Revocation,
  Scope,
  Terminal,
  WorkMode,
} from "../core/generated";
import type { PlayingPhase } from "../core/playing";
import type { RecordedEvent, Recording } from "../core/recording";
import type { Said } from "../core/approvals";
import type { Access, Permissions } from "../core/session";
import type { Waiting, WishKind } from "./wishes";

export type { Waiting, WishKind };
export type { RecordedEvent, Recording };
export type { Approval, ApprovalState };
export type { AuditLine, AuditPage, Permissions, Reason, Said };
export type { Access, Credential, DevicesPhase, Listed, PlayingPhase, Wish };

/** A value one can watch. `subscribe` calls at once with the present value and returns how to stop (a Svelte store). */
export interface Watch<T> {
  subscribe(run: (value: T) => void): () => void;
}

/** Why there is no relay: nothing answers, it said that it restarts, or that it has no room. */
export type RelayTrouble = "unreachable" | "restarting" | "full";

/** Why a machine is, or is not, there. One of these at any time, each with its own words on the screen. */
export type LinkState =
  | { kind: "connecting" }
  /** The browser itself has no network. */
  | { kind: "offline" }
  /** The relay does not answer, or has said why not; `retryAt` is by the browser's monotonic clock, and null while it is being tried. */
  | { kind: "relay-unreachable"; why: RelayTrouble; retryAt: number | null }
  /** The relay answers, the machine is not connected to it: since when, by the browser's monotonic clock, where the relay has told. */
  | { kind: "machine-offline"; reason: Reason; since: number | null }
  /** The relay answers and holds the machine's link, but the machine says nothing. */
  | { kind: "machine-silent" }
  /** A session stands. Whether it is *live* is for `Machine.heard` to say. */
  | { kind: "session" }
  /** It will not come back by itself: revoked, unknown device. */
  | { kind: "ended"; reason: Reason };

export interface Machine {
  id: string;
  name: string;
  user: string;
  link: LinkState;
  /** When it last answered end to end, by the machine's clock; null if never in this page. */
  heard: number | null;
  /** True while the last end-to-end answer is recent enough to say *live*. */
  live: boolean;
  /** Round trip end to end, milliseconds. */
  rtt: number | null;
  scopes: Scope[];
  /** What those reach; bounds nothing until the machine has told. */
  reach: Reach;
  /** When this device ends whatever happens: a share. */
  until: number | null;
  terminals: Terminal[];
  /** The device, this page's link, the live tokens. */
  credentials: Credential[];
  /** What the machine last said about this device and its tokens, when it was asked. */
  access: Access | null;
  /** What it asks people, in the order in which it was asked; what has ended stays until it is put away. */
  approvals: readonly Approval[];
  /** What a person lets stand for now; null where this browser may not answer. */
  permissions: Permissions | null;
  /** What this browser has seen of its audit log. */
  audit: AuditSeen;
  /** What was asked of it and is not answered. */
  waiting: Waiting[];
  /** Machine's clock minus the page's monotonic clock, to show times with. */
  clockOffset: number;
}

export type PairState =
  | { kind: "connecting" }
  /** Words to compare with the machine's terminal; nothing has been asked yet. */
  | { kind: "offered"; offer: Offer; words: string[] }
  /** The person at the machine is being asked. */
  | { kind: "waiting"; offer: Offer; words: string[] }
  | { kind: "granted"; machine: string }
  /** Expired, used, denied, unknown, clock skew, machine offline …: by `reason.code`. */
  | { kind: "failed"; reason: Reason };

export interface Pairing {
  state: Watch<PairState>;
  /** Ask the person at the machine. */
  ask(deviceName: string): void;
  cancel(): void;
}

/** Whether this page sees the terminal. */
export type ViewState =
  | { kind: "connecting" }
  | { kind: "streaming" }
  /** The link or the stream is gone and comes back by itself; old pixels stay. */
  | { kind: "interrupted" }
  | { kind: "ended"; reason: Reason };

/** Whether this page may type. */
export type InputState =
  /** Not granted to this device, or taken from it by the owner. */
  | { kind: "not-granted"; taken: boolean }
  /** No token yet; the next key asks for one. */
  | { kind: "idle" }
  | { kind: "asking" }
  | { kind: "driver" }
  /** Another viewer drives; `takeOver` changes that. */
  | { kind: "watching" }
  /** The token has ended; the next key asks for a new one. The screen goes on. */
  | { kind: "lapsed"; reason: Reason }
  /** Typed more than ten seconds ago and never acknowledged: the person decides. */
  | { kind: "unsent"; text: Uint8Array };

/** One terminal on the screen. */
export interface TerminalSession {
  view: Watch<ViewState>;
  input: Watch<InputState>;
  /** Size of the machine's terminal. */
  grid: Watch<Grid>;
  exit: Watch<Exit | null>;
  /**
   * Output, in order. `reset` is true when the emulator must be reset first (a snapshot). `done` must be called when the
   * bytes have been parsed; until then they count against the stream's credit.
   */
  onOutput(run: (bytes: Uint8Array, reset: Grid | null, done: () => void) => void): void;
  /** Keys and pastes. Asks for a `terminal` token when none is live; nothing is lost and nothing typed twice. */
  type(bytes: Uint8Array): void;
  /** What the emulator answers by itself: no person is behind it. */
  report(bytes: Uint8Array): void;
  /** After the owner has ended watching: asks for it again. */
  watchAgain(): void;
  /** What fits on this screen; sent while this page drives. */
  resize(grid: Grid): void;
  takeOver(): void;
  /** Send or drop the input of state `unsent`. */
  resolveUnsent(send: boolean): void;
  /** Leave; the terminal runs on. */
  close(): void;
}

/** What this browser keeps of a machine's audit log, as a witness. */
export interface AuditSeen {
  /** How far it went when this was last told. */
  seen: AuditHead | null;
  /** What had been seen and is not there any more, until a person has looked. */
  missing: AuditHead | null;
}

/** Who has access to a machine, as far as `devices` lets one see it. */
export interface DevicesState {
  phase: DevicesPhase;
  /** What was read last, whatever the phase. */
  list: Listed | null;
}

export interface DevicesSession {
  state: Watch<DevicesState>;
  /** Asks for a token when none is live. Rejects with a `Reason`. */
  wish(wish: Wish): Promise<void>;
  /** The lines of the audit log before this one, or the last ones. Rejects with a `Reason`. */
  audit(before: number | null): Promise<AuditPage>;
  /** Leave; the token ends with it. */
  close(): void;
}

/** A page of the terminals that have ended, the latest first. */
export interface PastPage {
  past: PastTerminal[];
  /** There are more behind the last of these. */
  more: boolean;
}

/** What is kept of a terminal that has ended, on its way to this page. */
export interface PastSession {
  state: Watch<PlayingPhase>;
  /** After the owner has ended watching: asks for it again. */
  again(): void;
  /** Leave; what is here is thrown away. */
  close(): void;
}

export interface Lanyard {
  machines: Watch<Machine[]>;
  /** The relay's host as the page was loaded from. */
  relayHost: string;
  /** Starts pairing with what stands behind `#pair=`; a malformed link fails at once with a reason. */
  pair(fragment: string): Pairing;
  openTerminal(machine: string, terminal: string, grid: Grid): TerminalSession;
  /** Resolves with the new terminal. Rejects with a `Reason`. */
  createTerminal(machine: string, name: string, grid: Grid): Promise<Terminal>;
  /** Calls it something else; an empty name lets the machine choose. Rejects with a `Reason`. */
  renameTerminal(machine: string, terminal: string, name: string): Promise<void>;
  /** Ends its program and forgets it. Rejects with a `Reason`. */
  endTerminal(machine: string, terminal: string): Promise<void>;
  /** One page of the terminals of this machine that have ended: those behind a place, or the first. Rejects with a `Reason`. */
  history(machine: string, after: PastPlace | null): Promise<PastPage>;
  openPast(machine: string, past: PastTerminal): PastSession;
  /** Removes what the machine keeps of one. Rejects with a `Reason`. */
  forgetPast(machine: string, terminal: string): Promise<void>;
  openDevices(machine: string): DevicesSession;
  /** A person has looked at a log that does not go on from what was seen: from now on the present one counts. */
  acceptAudit(machine: string): void;
  /** Signs and sends an answer to a request; `Machine.approvals` shows what comes of it. */
  answerApproval(machine: string, id: string, said: Said): void;
  /** Chooses how the machine works for now; null for what settings say. Rejects with a `Reason`. */
  setMode(machine: string, mode: WorkMode | null): Promise<void>;
  /** Ends rules that stand for a time. Rejects with a `Reason`. */
  endGranted(machine: string, id: string): Promise<void>;
  /** Puts away a request that has ended. */
  dismissApproval(machine: string, id: string): void;
  /** Asks the machine what this device has; it comes as `Machine.access`. Rejects with a `Reason`. */
  readAccess(machine: string): Promise<void>;
  /** Lets a token of this page live longer. Rejects with a `Reason`. */
  renew(machine: string, jti: string): Promise<void>;
  /** Ends what is this device's own. Rejects with a `Reason`. */
  endOwn(machine: string, revocation: Revocation): Promise<void>;
  /** Forgets the machine in this browser. */
  forget(machine: string): Promise<void>;
  /** Tries again now instead of at `retryAt`. */
  retryNow(): void;
}
