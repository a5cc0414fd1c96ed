import { beforeEach, describe, expect, test, vi } from "vitest";
import { decode } from "../core/b64";
import { EMPTY } from "../core/bytes";
import { deviceId } from "../core/ids";
import { reasonFor } from "../core/reasons";
import { Machines } from "./lanyard";
import { linkOf, only, openPairedPage, type Page } from "./testing/page";
import { TestRelay } from "./testing/relay";
import { settle } from "./testing/time";
import { generateSignKey, signKey, webCrypto } from "./webcrypto";

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

/** Another tab of this browser, whose session stands. Returns its way to the machine. */
async function secondTab(): Promise<TestRelay> {
  const relay = new TestRelay(page.clock, page.machine);
  new Machines(relay.env(), page.store, true, await page.store.all());
  await settle();
  expect(relay.grants).toHaveLength(1);
  return relay;
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

test("keys are changed once, however often it is asked meanwhile, and the grant that is kept is theirs", async () => {
  page.machine.say({ t: "rekey" });
  page.machine.say({ t: "rekey" });
  await fetched();
  await page.clock.pass(1000);
  expect(page.machine.rekeys).toHaveLength(1);
  const { deviceId: id, grant } = await kept();
  const key = decode(page.machine.rekeys[0]?.key ?? "") ?? EMPTY;
  expect([id, grant]).toEqual([await deviceId(webCrypto, key), "grant.two.x"]);
  expect(page.machine.greeters.at(-1)).toBe(id);
});

test("a browser whose next keys were refused keeps its present ones, their later grants, and may be asked again", async () => {
  const before = await kept();
  page.machine.refuses = "busy";
  page.machine.say({ t: "rekey" });
  await fetched();
  page.machine.say({ t: "grant", grant: "grant.slid.x", expires: page.clock.unix() + 1e9 });
  await settle();
  expect(await kept()).toMatchObject({ deviceId: before.deviceId, grant: "grant.slid.x" });
  page.machine.refuses = null;
  page.machine.say({ t: "rekey" });
  await fetched();
  expect([page.machine.rekeys.length, (await kept()).grant]).toEqual([2, "grant.two.x"]);
});

test("a tab that comes back says what another tab was told meanwhile", async () => {
  const other = await secondTab();
  for (const generation of [2, 3]) {
    page.machine.generation = generation;
    page.relay.cut();
    await page.clock.pass(1000);
  }
  other.cut();
  await page.clock.pass(1000);
  expect(await lastHello()).toEqual({ generation: 3, serial: 1 });
});

test("a tab that comes back opens its session with the grant and under the keys that another tab has kept", async () => {
  const other = await secondTab();
  page.machine.say({ t: "grant", grant: "grant.slid.x", expires: page.clock.unix() + 1e9 });
  await settle();
  page.relay.cut();
  await page.clock.pass(1000);
  expect(page.relay.grants.at(-1)).toBe("grant.slid.x");
  page.machine.say({ t: "rekey" });
  await fetched();
  await page.clock.pass(1000);
  other.cut();
  await page.clock.pass(1000);
  expect([other.grants.at(-1), page.machine.greeters.at(-1)]).toEqual(["grant.two.x", (await kept()).deviceId]);
});

test("a tab brings no next keys where another tab has changed them already", async () => {
  const other = await secondTab();
  const sign = await generateSignKey();
  const id = await deviceId(webCrypto, sign.publicKey);
  await page.store.put({ ...(await kept()), deviceId: id, signKey: sign });
  page.machine.say({ t: "rekey" });
  await fetched();
  await page.clock.pass(1000);
  expect([page.machine.rekeys, page.machine.greeters.at(-1), other.dials]).toEqual([[], id, 2]);
});

test("a tab that was left behind takes nothing back of what is kept", async () => {
  const before = await kept();
  const changed = { ...before, deviceId: "another", grant: "grant.three.x" };
  await page.store.put(changed);
  page.machine.say({ t: "grant", grant: "grant.old.x", expires: page.clock.unix() });
  await settle();
  expect(await page.store.all()).toEqual([changed]);
  await page.store.put({ ...before, generation: 9 });
  page.relay.cut();
  await page.clock.pass(1000);
  expect((await kept()).generation).toBe(9);
  await page.store.delete(page.machine.agent);
  page.machine.say({ t: "grant", grant: "grant.late.x", expires: page.clock.unix() });
  await settle();
  expect(await page.store.all()).toEqual([]);
});

describe("when the browser's store fails", () => {
  beforeEach(() => {
    vi.spyOn(page.store, "update").mockRejectedValue(new Error("full"));
  });

  test("a next Noise key is not acknowledged, and not said to be known", async () => {
    const { noise } = page.machine;
    await page.machine.nextNoise();
    page.machine.noise = noise;
    await fetched();
    page.relay.cut();
    await page.clock.pass(1000);
    expect([page.machine.taken, linkOf(page), (await lastHello()).serial]).toEqual([[], "session", 1]);
  });

  test("next keys that were admitted are not used", async () => {
    const { deviceId: id } = await kept();
    const { hellos } = page.machine;
    const before = hellos.length;
    page.machine.say({ t: "rekey" });
    await fetched();
    await page.clock.pass(1000);
    expect([page.machine.rekeys.length, hellos.length]).toEqual([1, before]);
    page.relay.cut();
    await page.clock.pass(1000);
    expect([linkOf(page), hellos.length, page.machine.greeters.at(-1)]).toEqual(["session", before + 1, id]);
  });
});

describe("a grant that is no longer good", () => {
  beforeEach(async () => {
    page.machine.say({ t: "grant", grant: "grant.slid.x", expires: page.clock.unix() + 1e9 });
    await settle();
  });

  for (const code of ["lapsed", "token-refused"] as const) {
    test(`is not the end while a younger one was given in its session: ${code}`, async () => {
      expect((await kept()).grant).toBe("grant.slid.x");
      page.relay.say({ kind: "close", stream: 1, code, sentence: "" });
      await page.clock.pass(1000);
      expect([linkOf(page), page.relay.grants]).toEqual(["session", ["grant.one.x", "grant.slid.x"]]);
    });
  }

  test("is the end when it is the one that is kept", async () => {
    page.relay.refusesSession = "token-refused";
    page.relay.say({ kind: "close", stream: 1, code: "lapsed", sentence: "" });
    await page.clock.pass(10_000);
    expect(linkOf(page)).toBe("ended");
    expect(page.relay.grants).toEqual(["grant.one.x", "grant.slid.x"]);
  });
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
