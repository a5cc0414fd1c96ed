import { beforeEach, expect, test, vi } from "vitest";
import { reasonFor } from "../core/reasons";
import { linkOf, only, openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";
import { generateSignKey, signKey } from "./webcrypto";

let page: Page;

beforeEach(async () => {
  page = await openPairedPage();
});

async function kept(): ReturnType<typeof page.store.all> extends Promise<(infer T)[]> ? Promise<T> : never {
  const [machine] = await page.store.all();
  if (machine === undefined) throw new Error("nothing is kept");
  return machine;
}

/** Until what is fetched only when it is needed has come, and has been used. */
async function fetched(): Promise<void> {
  await settle();
  await vi.dynamicImportSettled();
  await settle();
}

async function lastHello(): Promise<{ generation: number; serial: number }> {
  await settle();
  const { generation = -1, serial = -1 } = page.machine.hellos.at(-1) ?? {};
  return { generation, serial };
}

test("what was given to tell this browser from a copy is kept, and said the next time", async () => {
  expect(await lastHello()).toEqual({ generation: 0, serial: 1 });
  expect((await kept()).generation).toBe(1);
  page.relay.cut();
  await page.clock.pass(1000);
  expect(await lastHello()).toEqual({ generation: 1, serial: 1 });
});

test("a next Noise key is kept, acknowledged, and used from then on", async () => {
  const next = await page.machine.nextNoise();
  await fetched();
  expect(page.machine.taken).toEqual([2]);
  expect([(await kept()).noiseKey, (await kept()).serial]).toEqual([next, 2]);
  page.relay.cut();
  await page.clock.pass(1000);
  expect([linkOf(page), await lastHello()]).toEqual(["session", { generation: 1, serial: 2 }]);
});

test("a Noise key that another identity certified is not believed, and nothing of it is kept", async () => {
  const before = (await kept()).noiseKey;
  await page.machine.nextNoise(signKey(await generateSignKey()));
  await fetched();
  expect([(await kept()).noiseKey, page.machine.taken]).toEqual([before, []]);
  expect(only(page).link).toEqual({ kind: "ended", reason: reasonFor("proof-refused") });
});

test("a browser changes its keys when it is asked to, keeps them, and goes on under them", async () => {
  const before = await kept();
  page.machine.say({ t: "rekey" });
  await fetched();
  await page.clock.pass(1000);
  const after = await kept();
  expect(page.machine.rekeys).toHaveLength(1);
  expect([after.grant, after.deviceId === before.deviceId]).toEqual(["grant.two.x", false]);
  expect(linkOf(page)).toBe("session");
});

test("a tab whose keys another tab has changed goes on under those", async () => {
  const before = await kept();
  await page.store.put({ ...before, grant: "grant.three.x", deviceId: "another" });
  const hellos = page.machine.hellos.length;
  page.relay.say({ kind: "close", stream: 1, code: "keys-changed", sentence: "" });
  await settle();
  await page.clock.pass(1000);
  expect([linkOf(page), page.machine.hellos.length > hellos]).toEqual(["session", true]);
});

test("a tab whose keys nobody has changed says that it was let go", async () => {
  page.relay.say({ kind: "close", stream: 1, code: "unknown-device", sentence: "" });
  await settle();
  expect(only(page).link).toMatchObject({ kind: "ended" });
});
