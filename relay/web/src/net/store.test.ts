import { IDBFactory } from "fake-indexeddb";
import { expect, test } from "vitest";
import { forgetfulStore, openStore, type PairedMachine } from "./store";
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
    auditSeen: null,
    auditMissing: null,
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

for (const [kind, open] of [
  ["a store", () => openStore(new IDBFactory())],
  ["a store that forgets", () => Promise.resolve(forgetfulStore())],
] as const) {
  test(`news is added to what another tab has kept meanwhile, in ${kind}`, async () => {
    const store = await open();
    await store.put({ ...(await machine("a", 1)), generation: 3 });
    const kept = await store.update("a", "device", { grant: "d.e.f" });
    expect(kept).toMatchObject({ grant: "d.e.f", generation: 3, name: "tower" });
    expect(await store.all()).toEqual([kept]);
  });

  test(`generation and serial only rise, and the key goes with its serial, in ${kind}`, async () => {
    const store = await open();
    const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    await store.put({ ...(await machine("a", 1)), generation: 3, serial: 5, noiseKey: one });
    await store.update("a", "device", { generation: 2 });
    await store.update("a", "device", { serial: 4, noiseKey: two, identity: two });
    const [kept] = await store.all();
    expect(kept).toMatchObject({ generation: 3, serial: 5, noiseKey: one, identity: new Uint8Array(32) });
    await store.update("a", "device", { generation: 4, serial: 6, noiseKey: two });
    expect(await store.all()).toMatchObject([{ generation: 4, serial: 6, noiseKey: two }]);
  });

  test(`news of keys that were replaced, or of a machine that was forgotten, is dropped, in ${kind}`, async () => {
    const store = await open();
    const next = { ...(await machine("a", 1)), deviceId: "next" };
    await store.put(next);
    expect(await store.update("a", "device", { grant: "d.e.f" })).toBeNull();
    expect(await store.all()).toEqual([next]);
    await store.delete("a");
    expect(await store.update("a", "next", { grant: "d.e.f" })).toBeNull();
    expect(await store.all()).toEqual([]);
  });
}
