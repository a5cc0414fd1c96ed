/**
 * An ordered, sealed lane over one stream. Encryption takes a moment; what was sent first still leaves first, what came first is
 * still read first, and nothing is read after a record that did not verify.
 */
import type { Bytes } from "./bytes";
import type { Cipher } from "./cipher";
import { TAG } from "./generated";

export interface Lane {
  /** Bytes for the stream. */
  sealed(bytes: Bytes): void;
  /** What the other side said; `cost` is what it took of the stream's credit. */
  opened(plain: Bytes, cost: number): void;
  /** Something between changed the bytes. Nothing more comes. */
  broken(): void;
}

export class Channel {
  private outgoing: Promise<unknown> = Promise.resolve();
  private incoming: Promise<unknown> = Promise.resolve();
  private over = false;

  constructor(
    private readonly sender: Cipher,
    private readonly receiver: Cipher,
    private readonly lane: Lane,
  ) {}

  send(plain: Bytes): void {
    if (this.over) return;
    const sealing = this.sender.seal(plain);
    this.outgoing = this.outgoing.then(async () => {
      const sealed = await sealing;
      if (!this.over) this.lane.sealed(sealed);
    });
  }

  receive(sealed: Bytes): void {
    if (this.over) return;
    // One that cannot even hold a tag, or holds nothing else, is as broken as one whose tag does not verify.
    const opening = sealed.length > TAG ? this.receiver.open(sealed) : Promise.resolve(null);
    this.incoming = this.incoming.then(async () => {
      const plain = await opening;
      if (this.over) return;
      if (plain !== null) this.lane.opened(plain, sealed.length);
      else {
        this.over = true;
        this.lane.broken();
      }
    });
  }

  /** Runs once all that was said before has been handed on. */
  afterSent(run: () => void): void {
    this.outgoing = this.outgoing.then(run);
  }

  /** Runs once all that was received before has been read. */
  afterReceived(run: () => void): void {
    this.incoming = this.incoming.then(run);
  }

  /** Nothing is sent or heard from here on. */
  close(): void {
    this.over = true;
  }
}
