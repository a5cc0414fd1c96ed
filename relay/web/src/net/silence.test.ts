import { beforeEach, expect, test } from "vitest";
import { only, linkOf, openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;

beforeEach(async () => {
  page = await openPairedPage();
});

test("a machine that does not answer is told from a relay that does not, without a word of the relay about it", async () => {
  page.machine.answersPings = false;
  await page.clock.pass(13_000);
  expect([linkOf(page), only(page).live, page.relay.dials]).toEqual(["machine-silent", false, 2]);
  page.machine.answersPings = true;
  await page.clock.pass(6000);
  expect([linkOf(page), only(page).live, page.relay.dials]).toEqual(["session", true, 2]);
});

test("a link that is dead without a word is found out by the heartbeat, long before by its silence", async () => {
  page.relay.down = true;
  page.relay.freeze();
  await page.clock.pass(19_000);
  expect(linkOf(page)).toBe("relay-unreachable");
});

test("a relay that dies while the machine is silent is noticed too", async () => {
  page.machine.answersPings = false;
  await page.clock.pass(30_000);
  expect(linkOf(page)).toBe("machine-silent");
  page.relay.down = true;
  page.relay.freeze();
  await page.clock.pass(20_000);
  expect(linkOf(page)).toBe("relay-unreachable");
});

test("a page that comes while the machine sleeps hears nothing of it, and says so within seconds and for as long", async () => {
  page.relay.machineSilent = true;
  page.relay.cut();
  await page.clock.pass(7000);
  for (let second = 0; second < 120; second++) {
    expect([second, linkOf(page)]).toEqual([second, "machine-silent"]);
    await page.clock.pass(1000);
  }
  page.relay.machineSilent = false;
  await page.clock.pass(15_000);
  expect(linkOf(page)).toBe("session");
});

test("what the relay says of a machine that left is shown with since when, and is over with the relay's wake", async () => {
  for (const code of ["agent-stopped", "agent-lost", "agent-silent"] as const) {
    page.relay.machineAway = true;
    page.relay.left = { code, more: "; for 90000 ms" };
    const [before] = [page.clock.now()];
    page.relay.say({ kind: "close", stream: 1, code: "agent-gone", sentence: "" });
    page.relay.cut();
    await page.clock.pass(1000);
    const { link, live } = only(page);
    if (link.kind !== "machine-offline") throw new Error(link.kind);
    expect([link.reason.code, live]).toEqual([code, false]);
    expect(link.since).toBeGreaterThanOrEqual(before - 90_000);
    expect(link.since).toBeLessThanOrEqual(page.clock.now() - 90_000);
    page.relay.wake();
    await settle();
    expect(linkOf(page)).toBe("session");
  }
});

test("a relay that restarts or is full is shown as that, and comes no sooner than it said", async () => {
  for (const [code, why] of [
    ["going-away", "restarting"],
    ["busy", "full"],
  ] as const) {
    await page.clock.pass(3000);
    const { dials } = page.relay;
    page.relay.say({ kind: "close", stream: 0, code, sentence: "x; again in 5000 ms" });
    await settle();
    expect(only(page).link).toMatchObject({ kind: "relay-unreachable", why });
    await page.clock.pass(5000);
    expect(page.relay.dials).toBe(dials);
    await page.clock.pass(1000);
    expect([page.relay.dials, linkOf(page)]).toEqual([dials + 1, "session"]);
  }
});

test("while the relay is tried again it is said to be away, and no word comes and goes with each try", async () => {
  page.relay.down = true;
  page.relay.cut();
  await page.clock.pass(500);
  const seen = new Set<string>();
  page.lanyard.machines.subscribe((machines) => {
    for (const { link } of machines) seen.add(link.kind);
  });
  await page.clock.pass(60_000);
  expect([...seen]).toEqual(["relay-unreachable"]);
  page.relay.down = false;
  await page.clock.pass(16_000);
  expect([...seen]).toEqual(["relay-unreachable", "connecting", "session"]);
});

test("a relay that said that it stops is restarting for a while, and then it is gone", async () => {
  page.relay.say({ kind: "close", stream: 0, code: "going-away", sentence: "" });
  await settle();
  page.relay.down = true;
  await page.clock.pass(10_000);
  expect(only(page).link).toMatchObject({ kind: "relay-unreachable", why: "restarting" });
  await page.clock.pass(30_000);
  expect(only(page).link).toMatchObject({ kind: "relay-unreachable", why: "unreachable" });
});

test("a browser that loses its network says so within seconds, unless the relay answers all the same", async () => {
  page.relay.online = false;
  page.lanyard.networkChanged();
  await page.clock.pass(3000);
  expect([linkOf(page), only(page).live]).toEqual(["session", true]);
  page.relay.down = true;
  page.relay.freeze();
  page.lanyard.networkChanged();
  await page.clock.pass(3000);
  expect([linkOf(page), only(page).live]).toEqual(["offline", false]);
});

test("a page that wakes on a dead link is back at once", async () => {
  page.relay.freeze();
  page.lanyard.returned(true);
  await page.clock.pass(500);
  expect([linkOf(page), only(page).live]).toEqual(["session", true]);
});

test("a dial that hangs on the network before is not waited for on this one, however young it is", async () => {
  page.relay.hangs = true;
  page.relay.cut();
  await page.clock.pass(250);
  expect(linkOf(page)).toBe("connecting");
  page.relay.hangs = false;
  page.lanyard.networkChanged();
  await settle();
  expect(linkOf(page)).toBe("session");
});
