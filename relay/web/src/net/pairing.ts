/** Pairing this browser with a machine: fresh device keys, one handshake under the link's secret, a yes at the machine. */
import { Backoff } from "../core/backoff";
import { decode, encode } from "../core/b64";
import { EMPTY, type Bytes } from "../core/bytes";
import type { Close } from "../core/frame";
import type { Offer, PairReply, Reason } from "../core/generated";
import { deviceId } from "../core/ids";
import { decodeOffer, decodePairReply, encodeMessage } from "../core/messages";
import { checkWords, pairPsk, parsePairingLink, rendezvous, type PairingLink } from "../core/pair";
import { reasonFor } from "../core/reasons";
import { pairing } from "../core/transcript";
import type { PairState, Pairing } from "./api";
import type { Env } from "./env";
import { Secure } from "./secure";
import type { PairedMachine } from "./store";
import { isTransport } from "./verdict";
import { Cell } from "./watch";
import { dhKey, generateDhKey, generateSignKey, signKey, type StoredKey } from "./webcrypto";
import { Wire } from "./wire";

const INCOMPLETE: Reason = {
  code: "pair-unknown",
  sentence: "this pairing link is incomplete",
  hint: "copy the whole link, or run `lanyard pair` for a new one",
};
const OTHER_VERSION: Reason = {
  code: "version",
  sentence: "this pairing link was made by another version",
  hint: "update the older side, then run `lanyard pair` again",
};
export const UNSUPPORTED: Reason = {
  code: "unsupported",
  sentence: "this browser cannot make the keys that Lanyard needs (Ed25519 and X25519)",
  hint: "update the browser, and open the page over https or on localhost",
};

/** A person stands there and waits. */
const LONGEST_WAIT_MS = 5000;

interface Keys {
  sign: StoredKey;
  dh: StoredKey;
}

interface Offered {
  offer: Offer;
  words: string[];
  hash: Bytes;
  keys: Keys;
  secure: Secure;
}

export class PairingRun implements Pairing {
  readonly state = new Cell<PairState>({ kind: "connecting" });
  private readonly link: PairingLink | null = null;
  private readonly backoff: Backoff;
  private wire: Wire | null = null;
  private offered: Offered | null = null;
  private deviceName = "";
  private stopRetry: () => void = () => undefined;
  private over = false;

  constructor(
    private readonly env: Env,
    fragment: string,
    supported: boolean,
    /** Keeps the machine. Resolves when it is kept. */
    private readonly granted: (machine: PairedMachine) => Promise<void>,
  ) {
    this.backoff = new Backoff(env.random, LONGEST_WAIT_MS);
    const link = parsePairingLink(fragment);
    if (!supported) this.fail(UNSUPPORTED);
    else if (link === "incomplete") this.fail(INCOMPLETE);
    else if (link === "version") this.fail(OTHER_VERSION);
    else {
      this.link = link;
      void this.begin(link);
    }
  }

  ask(deviceName: string): void {
    const { offered, link } = this;
    if (offered === null || link === null || this.state.value.kind !== "offered") return;
    this.deviceName = deviceName;
    const { offer, words } = offered;
    this.state.set({ kind: "waiting", offer, words });
    void this.request(offered, link, deviceName);
  }

  cancel(): void {
    this.stop();
  }

  private async begin(link: PairingLink): Promise<void> {
    const { crypto } = this.env;
    try {
      const [sign, dh] = await Promise.all([generateSignKey(), generateDhKey()]);
      const [psk, id] = await Promise.all([pairPsk(crypto, link.secret), rendezvous(crypto, link.secret)]);
      if (!this.over) this.dial(link, { sign, dh }, psk, id);
    } catch {
      this.fail(UNSUPPORTED);
    }
  }

  private dial(link: PairingLink, keys: Keys, psk: Bytes, id: string): void {
    const wire = new Wire(
      this.env,
      { agent: link.agent, key: signKey(keys.sign) },
      {
        proven: (conn) => this.knock(wire, conn, link, keys, psk, id),
        wake: () => undefined,
        ended: (close, proven) => {
          // Before a proof the pairing secret has not been touched: dial again.
          if (proven || !isTransport(close.code)) this.closed(close);
          else if (!this.over) {
            this.stopRetry = this.env.clock.after(this.backoff.next(), () => this.dial(link, keys, psk, id));
          }
        },
      },
    );
    this.wire = wire;
  }

  private knock(wire: Wire, conn: string, link: PairingLink, keys: Keys, psk: Bytes, id: string): void {
    const secure: Secure = new Secure(
      this.env,
      wire,
      {
        mode: "pair",
        target: { kind: "pair", id },
        agent: link.agent,
        conn,
        local: dhKey(keys.dh),
        remote: link.noiseKey,
        psk,
      },
      {
        established: (hash, payload) => {
          // The list of words is a file of its own, and fetching it may fail.
          this.met(secure, keys, hash, payload).catch(() => this.closed({ code: "cut", sentence: "" }));
        },
        message: (plain) => this.reply(decodePairReply(plain)),
        closed: (close) => this.closed(close),
      },
    );
  }

  private async met(secure: Secure, keys: Keys, hash: Bytes, payload: Bytes): Promise<void> {
    const offer = decodeOffer(payload);
    if (offer === undefined) {
      this.fail(reasonFor("bad-message"));
      return;
    }
    const words = await checkWords(this.env.crypto, hash);
    if (this.over) return;
    this.offered = { offer, words, hash, keys, secure };
    this.state.set({ kind: "offered", offer, words });
  }

  private async request({ keys, hash, secure }: Offered, link: PairingLink, name: string): Promise<void> {
    const signed = pairing(hash, decode(link.agent) ?? EMPTY, keys.sign.publicKey, keys.dh.publicKey);
    const signature = await signKey(keys.sign).sign(signed);
    const message = encodeMessage({ name, key: encode(keys.sign.publicKey), signature: encode(signature) });
    if (message !== null) secure.send(message);
  }

  private reply(reply: PairReply | undefined): void {
    if (reply === undefined || this.state.value.kind !== "waiting") {
      this.fail(reasonFor("bad-message"));
      return;
    }
    switch (reply.t) {
      case "waiting":
        return;
      case "granted":
        return void this.keep(reply);
      case "refused":
        return this.fail(reply.reason);
    }
  }

  private async keep({
    grant,
    scopes,
    expires,
    identity,
    serial,
  }: Extract<PairReply, { t: "granted" }>): Promise<void> {
    const { offered, link } = this;
    if (offered === null || link === null) return;
    const { keys, offer } = offered;
    this.stop();
    await this.granted({
      agent: link.agent,
      name: offer.machine,
      user: offer.user,
      scopes,
      grant,
      grantExpires: expires,
      noiseKey: link.noiseKey.slice(),
      serial,
      identity: decode(identity) ?? EMPTY,
      generation: 0,
      auditSeen: null,
      auditMissing: null,
      deviceId: await deviceId(this.env.crypto, keys.sign.publicKey),
      deviceName: this.deviceName,
      signKey: keys.sign,
      dhKey: keys.dh,
      paired: this.env.clock.unix(),
    });
    this.state.set({ kind: "granted", machine: link.agent });
  }

  private closed({ code, sentence }: Close): void {
    // The secret is spent by now, or may be: only a new link helps.
    if (isTransport(code)) {
      this.fail({
        ...reasonFor("cut"),
        hint: "open the link again; if it is used up, run `lanyard pair` for a new one",
      });
    } else this.fail(reasonFor(code, sentence));
  }

  private fail(reason: Reason): void {
    if (this.over) return;
    this.stop();
    this.state.set({ kind: "failed", reason });
  }

  private stop(): void {
    this.over = true;
    this.stopRetry();
    this.offered?.secure.close("done");
    this.wire?.end("done");
  }
}
