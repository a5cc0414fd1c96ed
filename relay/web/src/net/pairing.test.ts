import { beforeEach, expect, test } from "vitest";
import { decode, encode } from "../core/b64";
import { Machines } from "./lanyard";
import { forgetfulStore } from "./store";
import { last, linkOf, only, openPage, states, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;

beforeEach(async () => {
  page = await openPage();
});

test("both sides show the same words before anything is asked, and a yes makes a machine", async () => {
  const { lanyard, machine, store } = page;
  const pairing = lanyard.pair(machine.fragment);
  const seen = states(pairing.state);
  await settle();
  const offered = last(seen);
  if (offered.kind !== "offered") throw new Error(offered.kind);
  expect(offered.offer).toMatchObject({ machine: "tower", user: "ada", scopes: ["view", "terminal"] });
  expect(offered.words).toHaveLength(4);
  expect(offered.words).toEqual(machine.words);
  expect(machine.paired).toBeNull();
  pairing.ask("Chrome on Linux");
  await settle();
  expect(seen.map(({ kind }) => kind)).toEqual(["connecting", "offered", "waiting", "granted"]);
  expect([machine.paired?.name, machine.pairSignatureHolds]).toEqual(["Chrome on Linux", true]);
  expect([linkOf(page), only(page).name]).toEqual(["session", "tower"]);
  expect(await store.all()).toMatchObject([{ agent: machine.agent, grant: "grant.one.x" }]);
});

test("the keys that are kept cannot be read by any script", async () => {
  const { lanyard, machine, store } = page;
  const pairing = lanyard.pair(machine.fragment);
  await settle();
  pairing.ask("x");
  await settle();
  const [paired] = await store.all();
  for (const key of [paired?.signKey.privateKey, paired?.dhKey.privateKey]) {
    expect(key?.extractable).toBe(false);
    if (key) await expect(crypto.subtle.exportKey("pkcs8", key)).rejects.toThrow();
  }
});

test("a no at the machine is said in its words, although the stream closes right behind it", async () => {
  page.machine.pairAnswer = "denied";
  const pairing = page.lanyard.pair(page.machine.fragment);
  const seen = states(pairing.state);
  await settle();
  pairing.ask("x");
  await settle();
  expect(last(seen)).toMatchObject({ kind: "failed", reason: { code: "pair-denied" } });
  expect(page.lanyard.machines.value).toEqual([]);
});

test("a malformed link fails at once, without a word to anyone", () => {
  for (const [fragment, code] of [
    ["", "pair-unknown"],
    ["AQ", "pair-unknown"],
    ["AgA", "version"],
  ] as const) {
    const pairing = page.lanyard.pair(fragment);
    expect(last(states(pairing.state))).toMatchObject({ kind: "failed", reason: { code } });
  }
  expect(page.relay.dials).toBe(0);
});

test("a link with another secret, or for another key, cannot be completed", async () => {
  const bytes = decode(page.machine.fragment);
  if (bytes === null) throw new Error("no link");
  for (const at of [20, 60]) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    const pairing = page.lanyard.pair(encode(changed));
    await settle();
    expect(last(states(pairing.state))).toMatchObject({ kind: "failed", reason: { code: "handshake-failed" } });
  }
});

test("a machine that is away is a failure with its own words", async () => {
  page.relay.machineAway = true;
  const pairing = page.lanyard.pair(page.machine.fragment);
  await settle();
  expect(last(states(pairing.state))).toMatchObject({ kind: "failed", reason: { code: "agent-offline" } });
});

test("a relay that is down is dialled again until it answers: the secret is not touched by that", async () => {
  page.relay.down = true;
  const pairing = page.lanyard.pair(page.machine.fragment);
  const seen = states(pairing.state);
  await page.clock.pass(3000);
  expect(last(seen).kind).toBe("connecting");
  page.relay.down = false;
  await page.clock.pass(5000);
  expect(last(seen).kind).toBe("offered");
});

test("a connection that breaks while the person is asked is a cut, and says what to do", async () => {
  const pairing = page.lanyard.pair(page.machine.fragment);
  const seen = states(pairing.state);
  await settle();
  page.relay.cut();
  await settle();
  expect(last(seen)).toMatchObject({ kind: "failed", reason: { code: "cut" } });
});

test("cancelled, it leaves no link and no machine behind", async () => {
  const pairing = page.lanyard.pair(page.machine.fragment);
  await settle();
  pairing.cancel();
  await settle();
  expect([page.relay.links.size, page.lanyard.machines.value.length]).toEqual([0, 0]);
});

test("pairing a machine again replaces what was kept about it", async () => {
  for (let round = 0; round < 2; round++) {
    const pairing = page.lanyard.pair(page.machine.fragment);
    await settle();
    pairing.ask("x");
    await settle();
  }
  expect([page.lanyard.machines.value.length, (await page.store.all()).length, page.relay.links.size]).toEqual([
    1, 1, 1,
  ]);
});

test("a browser without the keys says so and dials nobody", () => {
  const lanyard = new Machines(page.relay.env(), forgetfulStore(), false, []);
  const pairing = lanyard.pair(page.machine.fragment);
  expect(last(states(pairing.state))).toMatchObject({ kind: "failed", reason: { code: "unsupported" } });
  expect(page.relay.dials).toBe(0);
});
