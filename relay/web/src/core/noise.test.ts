import { expect, test } from "vitest";
import { dhKey, generateDhKey, webCrypto } from "../net/webcrypto";
import { EMPTY, utf8, type Bytes } from "./bytes";
import type { DhKey } from "./crypto";
import { Handshake, HandshakeFailed, type HandshakeOptions, type Pattern } from "./noise";
import { fixedDhKey, hex } from "./testing/keys";
import { protocolNoise, publishedNoise } from "./testing/vectors";
import { prologue } from "./transcript";

const PATTERNS: Readonly<Record<string, Pattern>> = {
  Noise_IK_25519_AESGCM_SHA256: "IK",
  Noise_IKpsk1_25519_AESGCM_SHA256: "IKpsk1",
};

test("the published vectors of both patterns are there", () => {
  const names = new Set(publishedNoise.map((vector) => vector.protocol_name));
  expect([...names].sort()).toEqual(Object.keys(PATTERNS).sort());
});

for (const [at, vector] of [...publishedNoise, ...protocolNoise].entries()) {
  test(`both sides write what is published: ${vector.protocol_name} (${at})`, async () => {
    const pattern = PATTERNS[vector.protocol_name] ?? "IK";
    const psk = (list?: string[]): Pick<HandshakeOptions, "psk"> => (list?.[0] ? { psk: hex(list[0]) } : {});
    const initiator = await Handshake.start({
      crypto: webCrypto,
      pattern,
      initiator: true,
      prologue: hex(vector.init_prologue),
      local: await fixedDhKey(hex(vector.init_static)),
      remote: hex(vector.init_remote_static),
      ephemeral: await fixedDhKey(hex(vector.init_ephemeral)),
      ...psk(vector.init_psks),
    });
    const responder = await Handshake.start({
      crypto: webCrypto,
      pattern,
      initiator: false,
      prologue: hex(vector.resp_prologue),
      local: await fixedDhKey(hex(vector.resp_static)),
      ephemeral: await fixedDhKey(hex(vector.resp_ephemeral)),
      ...psk(vector.resp_psks),
    });
    const [first, second, ...rest] = vector.messages.map(({ payload, ciphertext }) => ({
      payload: hex(payload),
      ciphertext: hex(ciphertext),
    }));
    if (!first || !second) throw new Error("a vector has two handshake messages at least");
    expect(await initiator.write(first.payload)).toEqual(first.ciphertext);
    expect(await responder.read(first.ciphertext)).toEqual(first.payload);
    expect(await responder.write(second.payload)).toEqual(second.ciphertext);
    expect(await initiator.read(second.ciphertext)).toEqual(second.payload);
    const sides = [await initiator.split(), await responder.split()] as const;
    if (vector.handshake_hash !== undefined) {
      for (const side of sides) expect(side.hash).toEqual(hex(vector.handshake_hash));
    }
    for (const [number, { payload, ciphertext }] of rest.entries()) {
      const [from, to] = number % 2 === 0 ? sides : ([sides[1], sides[0]] as const);
      expect(await from.send.seal(payload)).toEqual(ciphertext);
      expect(await to.receive.open(ciphertext)).toEqual(payload);
    }
  });
}

test("the prologue of this protocol is as the other implementation writes it", () => {
  for (const { mode, agent, conn, viewer_versions, agent_versions, init_prologue } of protocolNoise) {
    expect(prologue(mode, hex(agent), hex(conn), viewer_versions, agent_versions)).toEqual(hex(init_prologue));
  }
});

interface Pair {
  initiator: Handshake;
  responder: Handshake;
}

async function pair(over: { prologue?: Bytes; psk?: Bytes; remote?: Bytes; local?: DhKey } = {}): Promise<Pair> {
  const theirs = dhKey(await generateDhKey());
  const shared = { crypto: webCrypto, pattern: "IKpsk1" as const };
  const responder = await Handshake.start({
    ...shared,
    initiator: false,
    prologue: utf8("one"),
    local: theirs,
    psk: new Uint8Array(32),
  });
  const initiator = await Handshake.start({
    ...shared,
    initiator: true,
    prologue: over.prologue ?? utf8("one"),
    local: over.local ?? dhKey(await generateDhKey()),
    remote: over.remote ?? theirs.publicKey,
    psk: over.psk ?? new Uint8Array(32),
  });
  return { initiator, responder };
}

test("another prologue, another secret or another key ends the handshake", async () => {
  const stranger = dhKey(await generateDhKey());
  const wrongs = [{ prologue: utf8("two") }, { psk: new Uint8Array(32).fill(1) }, { remote: stranger.publicKey }];
  for (const wrong of wrongs) {
    const { initiator, responder } = await pair(wrong);
    await expect(responder.read(await initiator.write(EMPTY))).rejects.toThrow(HandshakeFailed);
  }
});

test("a key that makes the shared secret zero ends the handshake on either side", async () => {
  const { initiator } = await pair({ remote: new Uint8Array(32) });
  await expect(initiator.write(EMPTY)).rejects.toThrow(HandshakeFailed);
  const { responder } = await pair();
  await expect(responder.read(new Uint8Array(96))).rejects.toThrow(HandshakeFailed);
});

test("an all-zero secret is refused even where the library hands one out", async () => {
  const careless: DhKey = { publicKey: new Uint8Array(32).fill(5), agree: () => Promise.resolve(new Uint8Array(32)) };
  const { initiator } = await pair({ local: careless });
  await expect(initiator.write(EMPTY)).rejects.toThrow(HandshakeFailed);
});

test("a changed byte anywhere in either message ends the handshake", async () => {
  const { initiator, responder } = await pair();
  const message = await initiator.write(utf8("x"));
  for (let at = 0; at < message.length; at += 7) {
    const changed = message.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    const { responder: fresh } = await pair();
    await expect(fresh.read(changed)).rejects.toThrow(HandshakeFailed);
  }
  await responder.read(message);
  const answer = await responder.write(EMPTY);
  answer[answer.length - 1] = (answer[answer.length - 1] ?? 0) ^ 1;
  await expect(initiator.read(answer)).rejects.toThrow(HandshakeFailed);
});

test("a message cut short is a failed handshake, not a crash", async () => {
  const { initiator } = await pair();
  const message = await initiator.write(EMPTY);
  for (let length = 0; length < message.length; length += 5) {
    const { responder } = await pair();
    await expect(responder.read(message.subarray(0, length))).rejects.toThrow(HandshakeFailed);
  }
});

test("nobody may speak out of turn", async () => {
  const { initiator, responder } = await pair();
  await expect(initiator.read(EMPTY)).rejects.toThrow(HandshakeFailed);
  await expect(responder.write(EMPTY)).rejects.toThrow(HandshakeFailed);
  await expect(initiator.split()).rejects.toThrow(HandshakeFailed);
});
