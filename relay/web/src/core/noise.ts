/**
 * Noise IK and IKpsk1 with 25519, AESGCM and SHA256 (The Noise Protocol Framework, revision 34). The viewer initiates; the
 * responder is here too, so that the published vectors run both ways.
 */
import { concat, EMPTY, utf8, type Bytes } from "./bytes";
import { Cipher } from "./cipher";
import type { Crypto, DhKey } from "./crypto";
import { TAG } from "./generated";
import { hkdf } from "./hkdf";

export type Pattern = "IK" | "IKpsk1";
type Token = "e" | "s" | "es" | "se" | "ee" | "ss" | "psk";

const KEY = 32;
const MESSAGES: Readonly<Record<Pattern, readonly (readonly Token[])[]>> = {
  IK: [
    ["e", "es", "s", "ss"],
    ["e", "ee", "se"],
  ],
  IKpsk1: [
    ["e", "es", "s", "ss", "psk"],
    ["e", "ee", "se"],
  ],
};

/** The bytes are not the other side's: wrong key, wrong secret, wrong transcript, or a low-order point. */
export class HandshakeFailed extends Error {
  override name = "HandshakeFailed";
}

export interface HandshakeOptions {
  crypto: Crypto;
  pattern: Pattern;
  initiator: boolean;
  prologue: Bytes;
  /** Our static key. */
  local: DhKey;
  /** Theirs: the initiator knows it beforehand. */
  remote?: Bytes;
  psk?: Bytes;
  /** Fixed for the published vectors; fresh everywhere else. */
  ephemeral?: DhKey;
}

export interface Transport {
  send: Cipher;
  receive: Cipher;
  /** Of the whole handshake: what check words and signatures bind to. */
  hash: Bytes;
}

export class Handshake {
  private next = 0;
  private ephemeral: DhKey | undefined;
  private remoteEphemeral: Bytes | undefined;
  private remoteStatic: Bytes | undefined;

  private constructor(
    private readonly options: HandshakeOptions,
    private readonly state: SymmetricState,
  ) {
    this.ephemeral = options.ephemeral;
    this.remoteStatic = options.remote;
  }

  static async start(options: HandshakeOptions): Promise<Handshake> {
    const responder = options.initiator ? options.remote : options.local.publicKey;
    if (responder?.length !== KEY) throw new HandshakeFailed("the responder's key is not known");
    const state = await SymmetricState.named(options.crypto, `Noise_${options.pattern}_25519_AESGCM_SHA256`);
    await state.mixHash(options.prologue);
    await state.mixHash(responder);
    return new Handshake(options, state);
  }

  /** The other side's static key: known to the initiator beforehand, to the responder after message 1. */
  get theirStatic(): Bytes {
    return this.remoteStatic ?? EMPTY;
  }

  async write(payload: Bytes): Promise<Bytes> {
    const out: Bytes[] = [];
    for (const token of this.turn(true)) {
      if (token === "e") {
        this.ephemeral ??= await this.options.crypto.ephemeral();
        out.push(this.ephemeral.publicKey);
        await this.mixEphemeral(this.ephemeral.publicKey);
      } else if (token === "s") out.push(await this.state.seal(this.options.local.publicKey));
      else await this.mix(token);
    }
    out.push(await this.state.seal(payload));
    return concat(...out);
  }

  /** The payload. */
  async read(message: Bytes): Promise<Bytes> {
    let rest = message;
    const take = (length: number): Bytes => {
      if (rest.length < length) throw new HandshakeFailed("the message is too short");
      const taken = rest.subarray(0, length);
      rest = rest.subarray(length);
      return taken;
    };
    for (const token of this.turn(false)) {
      if (token === "e") {
        this.remoteEphemeral = take(KEY);
        await this.mixEphemeral(this.remoteEphemeral);
      } else if (token === "s") this.remoteStatic = await this.state.open(take(KEY + TAG));
      else await this.mix(token);
    }
    return this.state.open(rest);
  }

  /** After the last message. */
  async split(): Promise<Transport> {
    if (this.next !== MESSAGES[this.options.pattern].length) throw new HandshakeFailed("the handshake is not over");
    const [first, second] = await this.state.split();
    const hash = this.state.hash;
    return this.options.initiator ? { send: first, receive: second, hash } : { send: second, receive: first, hash };
  }

  private turn(writes: boolean): readonly Token[] {
    const tokens = MESSAGES[this.options.pattern][this.next];
    const ours = (this.next % 2 === 0) === this.options.initiator;
    if (tokens === undefined || writes !== ours) {
      throw new HandshakeFailed("it is not this side's turn");
    }
    this.next++;
    return tokens;
  }

  private async mixEphemeral(key: Bytes): Promise<void> {
    await this.state.mixHash(key);
    // With a pre-shared key the ephemeral also randomises the key, so that no two messages share one.
    if (this.options.pattern === "IKpsk1") await this.state.mixKey(key);
  }

  private async mix(token: Exclude<Token, "e" | "s">): Promise<void> {
    const { initiator, local, psk } = this.options;
    switch (token) {
      case "psk":
        if (psk?.length !== KEY) throw new HandshakeFailed("there is no pre-shared key");
        return this.state.mixKeyAndHash(psk);
      case "ee":
        return this.agree(this.ephemeral, this.remoteEphemeral);
      case "ss":
        return this.agree(local, this.remoteStatic);
      case "es":
        return initiator ? this.agree(this.ephemeral, this.remoteStatic) : this.agree(local, this.remoteEphemeral);
      case "se":
        return initiator ? this.agree(local, this.remoteEphemeral) : this.agree(this.ephemeral, this.remoteStatic);
    }
  }

  private async agree(ours: DhKey | undefined, theirs: Bytes | undefined): Promise<void> {
    const secret = ours && theirs && (await ours.agree(theirs));
    // A low-order key of theirs would make the secret known to everyone.
    if (!secret || secret.every((byte) => byte === 0)) throw new HandshakeFailed("a key of theirs is not a usable key");
    await this.state.mixKey(secret);
  }
}

class SymmetricState {
  private cipher: Cipher | null = null;

  private constructor(
    private readonly crypto: Crypto,
    private chaining: Bytes,
    public hash: Bytes,
  ) {}

  static async named(crypto: Crypto, name: string): Promise<SymmetricState> {
    const label = utf8(name);
    const hash = label.length <= 32 ? concat(label, new Uint8Array(32 - label.length)) : await crypto.sha256(label);
    return new SymmetricState(crypto, hash, hash);
  }

  async mixHash(data: Bytes): Promise<void> {
    this.hash = await this.crypto.sha256(concat(this.hash, data));
  }

  async mixKey(secret: Bytes): Promise<void> {
    const [chaining, key] = await this.derive(secret, 2);
    this.chaining = chaining;
    this.cipher = new Cipher(await this.crypto.aead(key));
  }

  async mixKeyAndHash(secret: Bytes): Promise<void> {
    const [chaining, hash, key] = await this.derive(secret, 3);
    this.chaining = chaining;
    await this.mixHash(hash);
    this.cipher = new Cipher(await this.crypto.aead(key));
  }

  async seal(plain: Bytes): Promise<Bytes> {
    const sealed = this.cipher === null ? plain : await this.cipher.seal(plain, this.hash);
    await this.mixHash(sealed);
    return sealed;
  }

  async open(sealed: Bytes): Promise<Bytes> {
    const plain = this.cipher === null ? sealed : await this.cipher.open(sealed, this.hash);
    if (plain === null) throw new HandshakeFailed("the message does not verify");
    await this.mixHash(sealed);
    return plain;
  }

  async split(): Promise<[Cipher, Cipher]> {
    const [first, second] = await this.derive(EMPTY, 2);
    return [new Cipher(await this.crypto.aead(first)), new Cipher(await this.crypto.aead(second))];
  }

  private async derive(secret: Bytes, count: 2 | 3): Promise<[Bytes, Bytes, Bytes]> {
    const out = await hkdf(this.crypto, this.chaining, secret, EMPTY, count * KEY);
    return [out.slice(0, KEY), out.slice(KEY, 2 * KEY), out.slice(2 * KEY)];
  }
}
