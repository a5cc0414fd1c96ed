/** What lives on a machine's sessions and outlives each of them: terminals on the screen, the list of devices. */
import type { Reason, Scope, Wanted } from "../core/generated";
import type { ViewerRecord } from "../core/records";
import type { Minted } from "../core/session";
import type { Purpose, PurposeHandler } from "./purpose";

export interface Tenant {
  /** A session stands. */
  sessionUp(scopes: readonly Scope[]): void;
  /** It is gone, and every stream with it. */
  sessionDown(): void;
  /** The owner has changed what this device may do. */
  scopesChanged(scopes: readonly Scope[]): void;
  tokenEnded(jti: string, reason: Reason): void;
  /** It will not come back by itself: this browser has lost the machine. */
  abandon(reason: Reason): void;
}

/** What a tenant needs of its machine. */
export interface StreamHost {
  /** Calls back at most once; never after the session is lost. */
  mint(wanted: Wanted, minted: (minted: Minted) => void, refused: (reason: Reason) => void): void;
  /** Null when no link stands. */
  openPurpose(minted: Minted, opening: ViewerRecord, handler: PurposeHandler): Purpose | null;
  /** The token's stream is over. */
  spent(jti: string): void;
  /** A person has pressed a key or tapped. */
  touched(): void;
  left(tenant: Tenant): void;
}
