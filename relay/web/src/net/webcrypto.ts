/** Core's cryptography on WebCrypto. Private keys are `CryptoKey`s that no script, ours included, can read. */
import type { Bytes } from "../core/bytes";
import type { AeadKey, Crypto as CoreCrypto, DhKey, SignKey } from "../core/crypto";

/** What the store keeps: structured clone carries it into IndexedDB without showing the bytes to anyone. */
export interface StoredKey {
  privateKey: CryptoKey;
  publicKey: Bytes;
}

const SUBTLE = globalThis.crypto.subtle;

export const webCrypto: CoreCrypto = {
  random: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  sha256: async (data) => new Uint8Array(await SUBTLE.digest("SHA-256", data)),
  hmac: async (key, data) => {
    const imported = await SUBTLE.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return new Uint8Array(await SUBTLE.sign("HMAC", imported, data));
  },
  aead: async (key) => aeadKey(await SUBTLE.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"])),
  verify: async (key, message, signature) => {
    try {
      const imported = await SUBTLE.importKey("raw", key, "Ed25519", false, ["verify"]);
      return await SUBTLE.verify("Ed25519", imported, signature, message);
    } catch {
      return false;
    }
  },
  ephemeral: async () => dhKey(await generateDhKey()),
};

/** False where the browser is too old, or the page was not loaded over https or from localhost. */
export async function isUsable(): Promise<boolean> {
  try {
    await Promise.all([generateSignKey(), generateDhKey()]);
    return true;
  } catch {
    return false;
  }
}

export function generateSignKey(): Promise<StoredKey> {
  return generate("Ed25519", ["sign", "verify"]);
}

export function generateDhKey(): Promise<StoredKey> {
  return generate("X25519", ["deriveBits"]);
}

export function signKey(stored: StoredKey): SignKey {
  return {
    publicKey: stored.publicKey,
    sign: async (message) => new Uint8Array(await SUBTLE.sign("Ed25519", stored.privateKey, message)),
  };
}

export function dhKey(stored: StoredKey): DhKey {
  return {
    publicKey: stored.publicKey,
    agree: async (theirs) => {
      try {
        const publicKey = await SUBTLE.importKey("raw", theirs, "X25519", false, []);
        const bits = await SUBTLE.deriveBits({ name: "X25519", public: publicKey }, stored.privateKey, 256);
        return new Uint8Array(bits);
      } catch {
        // The specification has the library refuse an all-zero secret; where it does not, Noise checks.
        return null;
      }
    },
  };
}

async function generate(algorithm: "Ed25519" | "X25519", usages: KeyUsage[]): Promise<StoredKey> {
  const pair = await SUBTLE.generateKey(algorithm, false, usages);
  if (!("privateKey" in pair)) throw new TypeError("this browser made no key pair");
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(await SUBTLE.exportKey("raw", pair.publicKey)) };
}

function aeadKey(key: CryptoKey): AeadKey {
  return {
    seal: async (nonce, associated, plain) =>
      new Uint8Array(await SUBTLE.encrypt({ name: "AES-GCM", iv: nonce, additionalData: associated }, key, plain)),
    open: async (nonce, associated, sealed) => {
      try {
        const parameters = { name: "AES-GCM", iv: nonce, additionalData: associated };
        return new Uint8Array(await SUBTLE.decrypt(parameters, key, sealed));
      } catch {
        return null;
      }
    },
  };
}
