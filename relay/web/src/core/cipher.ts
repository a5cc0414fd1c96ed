/** One direction under one key: AES-256-GCM with a counter for a nonce, as Noise transports and sealed records both use it. */
import { concat, EMPTY, u64, type Bytes } from "./bytes";
import type { AeadKey } from "./crypto";

const FOUR_ZEROS = new Uint8Array(4);

export class Cipher {
  private counter = 0;

  constructor(private readonly key: AeadKey) {}

  /** The counter is taken at once, so calls may overlap; who sends must keep their order. */
  seal(plain: Bytes, associated: Bytes = EMPTY): Promise<Bytes> {
    return this.key.seal(this.nonce(), associated, plain);
  }

  /** Null when the bytes are not what the other side sealed next. */
  open(sealed: Bytes, associated: Bytes = EMPTY): Promise<Bytes | null> {
    return this.key.open(this.nonce(), associated, sealed);
  }

  private nonce(): Bytes {
    // Far beyond what one stream can carry; a counter must never come round.
    if (this.counter >= Number.MAX_SAFE_INTEGER) throw new RangeError("the key is used up");
    return concat(FOUR_ZEROS, u64(this.counter++));
  }
}
