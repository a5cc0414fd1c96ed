/** What core needs of a cryptographic library, handed to it by whoever has one. Private keys stay behind these objects. */
import type { Bytes } from "./bytes";

export interface Crypto {
  random(length: number): Bytes;
  sha256(data: Bytes): Promise<Bytes>;
  /** HMAC-SHA256. The key is never empty. */
  hmac(key: Bytes, data: Bytes): Promise<Bytes>;
  /** AES-256-GCM under a 32-byte key. */
  aead(key: Bytes): Promise<AeadKey>;
  /** Whether an Ed25519 signature holds; false for anything that is no key or no signature. */
  verify(key: Bytes, message: Bytes, signature: Bytes): Promise<boolean>;
  /** A fresh X25519 key pair. */
  ephemeral(): Promise<DhKey>;
}

export interface AeadKey {
  seal(nonce: Bytes, associated: Bytes, plain: Bytes): Promise<Bytes>;
  /** Null when the tag does not verify. */
  open(nonce: Bytes, associated: Bytes, sealed: Bytes): Promise<Bytes | null>;
}

/** An X25519 key pair. */
export interface DhKey {
  readonly publicKey: Bytes;
  /** The shared secret; null when the library refuses their key. May be all zero: the caller checks. */
  agree(theirs: Bytes): Promise<Bytes | null>;
}

/** An Ed25519 key pair. */
export interface SignKey {
  readonly publicKey: Bytes;
  sign(message: Bytes): Promise<Bytes>;
}
