import { IDBFactory } from "fake-indexeddb";
import { expect, test } from "vitest";
import { openStore, type PairedMachine } from "./store";
import { dhKey, generateDhKey, generateSignKey, signKey } from "./webcrypto";

async function machine(agent: string, paired: number): Promise<PairedMachine> {
  return {
    agent,
    name: "tower",
    user: "ada",
    scopes: ["view"],
    grant: "a.b.c",
    grantExpires: 1,
    noiseKey: new Uint8Array(32),
    serial: 1,
    identity: new Uint8Array(32),
    generation: 0,
    deviceId: "device",
    deviceName: "Chrome on Linux",
    signKey: await generateSignKey(),
    dhKey: await generateDhKey(),
    paired,
  };
}

test("machines are kept in the order they were paired, with keys that still work", async () => {
  const factory = new IDBFactory();
  const store = await openStore(factory);
  await store.put(await machine("b", 1));
  await store.put(await machine("a", 2));
  const kept = await (await openStore(factory)).all();
  expect(kept.map(({ agent }) => agent)).toEqual(["b", "a"]);
  for (const { signKey: sign, dhKey: dh } of kept) {
    expect(await signKey(sign).sign(new Uint8Array(1))).toHaveLength(64);
    expect(await dhKey(dh).agree((await generateDhKey()).publicKey)).toHaveLength(32);
    expect([sign.privateKey.extractable, dh.privateKey.extractable]).toEqual([false, false]);
  }
});

test("a machine put again replaces the old one, and a deleted one is gone", async () => {
  const store = await openStore(new IDBFactory());
  await store.put(await machine("a", 1));
  await store.put({ ...(await machine("a", 1)), name: "renamed" });
  expect(await store.all()).toMatchObject([{ name: "renamed" }]);
  await store.delete("a");
  expect(await store.all()).toEqual([]);
});
