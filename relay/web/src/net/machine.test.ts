import { beforeEach, describe, expect, test } from "vitest";
import { encode } from "../core/b64";
import type { Challenge } from "../core/generated";
import { linkOf, only, openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;

beforeEach(async () => {
  page = await openPairedPage();
});

test("a session says who the machine is, what it runs, and that it is live", () => {
  const machine = only(page);
  expect(machine).toMatchObject({ name: "tower", user: "ada", live: true, scopes: ["view", "terminal"] });
  expect(machine.terminals.map(({ name }) => name)).toEqual(["work"]);
  expect(machine.credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection"]);
  expect(machine.clockOffset + page.clock.now()).toBe(page.clock.unix());
});

test("a machine that stops answering is not live twelve seconds later, though the link stands", async () => {
  page.machine.answersPings = false;
  await page.clock.pass(12_001);
  expect([linkOf(page), only(page).live]).toEqual(["machine-silent", false]);
  expect(only(page).heard).not.toBeNull();
  page.machine.answersPings = true;
  await page.clock.pass(5000);
  expect(only(page).live).toBe(true);
});

test("a machine that speaks other versions as well gets its handshake behind the accept", async () => {
  page.machine.versions = [1, 2];
  page.relay.cut();
  await page.clock.pass(1000);
  expect([linkOf(page), only(page).live]).toEqual(["session", true]);
});

test("an hour of nothing but heartbeats changes nothing", async () => {
  await page.clock.pass(3600_000);
  expect([linkOf(page), only(page).live, page.relay.dials]).toEqual(["session", true, 2]);
});

test("a pushed challenge is answered on the same link", async () => {
  const [link] = page.relay.links;
  const { proofs } = page.relay;
  link?.ask();
  await settle();
  expect([page.relay.proofs, page.relay.dials, linkOf(page)]).toEqual([proofs + 1, 2, "session"]);
});

test("a challenge under another link's name ends the link, and the next one is made by itself", async () => {
  const challenge: Challenge = {
    nonce: encode(new Uint8Array(32)),
    conn: encode(new Uint8Array(16)),
    time: 1,
    versions: [1],
  };
  page.relay.say({ kind: "challenge", challenge });
  await page.clock.pass(1000);
  expect([page.relay.dials, linkOf(page)]).toEqual([3, "session"]);
});

describe("when the network goes", () => {
  test("the session is back by itself within a second of its return", async () => {
    page.relay.down = true;
    page.relay.cut();
    await page.clock.pass(700);
    expect(linkOf(page)).toBe("relay-unreachable");
    page.relay.down = false;
    await page.clock.pass(1000);
    expect(linkOf(page)).toBe("session");
  });

  test("tries come further apart, and never stop", async () => {
    page.relay.down = true;
    page.relay.cut();
    await page.clock.pass(60_000);
    const before = page.relay.dials;
    await page.clock.pass(150_000);
    const tries = page.relay.dials - before;
    expect(tries).toBeGreaterThanOrEqual(10);
    expect(tries).toBeLessThanOrEqual(20);
    const { link } = only(page);
    if (link.kind !== "relay-unreachable") throw new Error(link.kind);
    expect(link.retryAt).not.toBeNull();
  });

  test("a relay that hangs up right after its welcome is dialled less and less often", async () => {
    const before = page.relay.dials;
    for (let second = 0; second < 60; second++) {
      page.relay.cut();
      await page.clock.pass(1000);
    }
    expect(page.relay.dials - before).toBeLessThanOrEqual(15);
    await page.clock.pass(20_000);
    expect(linkOf(page)).toBe("session");
  });

  test("a person, the browser's own word or a page that comes back does not wait for the next try", async () => {
    for (const again of ["retryNow", "networkChanged", "returned"] as const) {
      page.relay.down = true;
      page.relay.cut();
      await page.clock.pass(60_000);
      page.relay.down = false;
      page.lanyard[again]();
      await settle();
      expect([again, linkOf(page)]).toEqual([again, "session"]);
    }
  });

  test("a browser that knows it has no network says so, and still tries", async () => {
    page.relay.online = false;
    page.relay.down = true;
    page.relay.cut();
    await page.clock.pass(5000);
    expect(linkOf(page)).toBe("offline");
    page.relay.down = false;
    await page.clock.pass(15_000);
    expect(linkOf(page)).toBe("session");
  });

  test("a link that is dead without a word is found out after the page returns", async () => {
    page.relay.freeze();
    page.lanyard.returned();
    await page.clock.pass(3000);
    expect([page.relay.dials, linkOf(page)]).toEqual([3, "session"]);
  });

  test("a link that is dead without a word is found out by silence", async () => {
    page.relay.freeze();
    await page.clock.pass(46_000);
    expect([page.relay.dials, linkOf(page)]).toEqual([3, "session"]);
  });

  test("a relay that takes the connection and says nothing is given up", async () => {
    page.relay.cut();
    await page.clock.pass(10);
    page.relay.freeze();
    await page.clock.pass(12_000);
    expect(linkOf(page)).toBe("session");
  });
});

describe("when the machine goes", () => {
  test("it is back with the relay's wake, on the same link", async () => {
    page.relay.machineAway = true;
    page.relay.say({ kind: "close", stream: 1, code: "agent-gone", sentence: "" });
    await page.clock.pass(1000);
    expect(only(page).link).toMatchObject({ kind: "machine-offline", reason: { code: "agent-offline" } });
    expect([only(page).live, only(page).terminals.length]).toEqual([false, 1]);
    page.relay.wake();
    await settle();
    expect([linkOf(page), page.relay.dials]).toEqual(["session", 2]);
  });

  test("a wake that got lost costs half a minute at most", async () => {
    page.relay.machineAway = true;
    page.relay.say({ kind: "close", stream: 1, code: "agent-gone", sentence: "" });
    await page.clock.pass(1000);
    page.relay.machineAway = false;
    await page.clock.pass(30_000);
    expect(linkOf(page)).toBe("session");
  });
});

describe("when the device is let go", () => {
  for (const code of ["revoked", "unknown-device"] as const) {
    test(`it is over, and nothing is tried any more: ${code}`, async () => {
      page.relay.refusesSession = code;
      page.relay.say({ kind: "close", stream: 1, code, sentence: "" });
      await page.clock.pass(600_000);
      expect(only(page).link).toMatchObject({ kind: "ended", reason: { code } });
      expect([page.relay.dials, page.relay.links.size]).toEqual([2, 0]);
      await expect(page.lanyard.createTerminal(page.machine.agent, "", { cols: 1, rows: 1 })).rejects.toMatchObject({
        code,
      });
    });
  }

  test("a grant that has expired says how to get another", async () => {
    page.relay.refusesSession = "token-refused";
    page.relay.cut();
    await page.clock.pass(1000);
    expect(only(page).link).toMatchObject({ kind: "ended", reason: { hint: "pair again with `lanyard pair`" } });
  });
});

test("a relay that does not know the machine is asked again, slowly", async () => {
  page.relay.refusesLink = "unknown-agent";
  page.relay.cut();
  await page.clock.pass(60_000);
  expect(only(page).link).toMatchObject({ kind: "machine-offline", reason: { code: "unknown-agent" } });
  expect(page.relay.dials).toBeLessThan(20);
  page.relay.refusesLink = null;
  await page.clock.pass(20_000);
  expect(linkOf(page)).toBe("session");
});

test("a wish that was cut off is asked again under the same key, and answered once", async () => {
  page.machine.refuses = "busy";
  const wish = page.lanyard.createTerminal(page.machine.agent, "new", { cols: 80, rows: 24 });
  await settle();
  page.machine.refuses = null;
  page.relay.cut();
  await page.clock.pass(1000);
  expect((await wish).id).toBe(page.machine.terminal.id);
  expect(page.machine.created).toHaveLength(2);
  expect(new Set(page.machine.created).size).toBe(1);
});

test("a wish that never reached the machine is given up in half a minute, and said to be not sent", async () => {
  page.relay.down = true;
  page.relay.cut();
  await settle();
  const wish = page.lanyard.createTerminal(page.machine.agent, "new", { cols: 80, rows: 24 });
  const refused = expect(wish).rejects.toMatchObject({ code: "not-sent" });
  await settle();
  expect(only(page).waiting).toEqual([{ kind: "create", at: "page" }]);
  await page.clock.pass(30_000);
  await refused;
  expect(only(page).waiting).toEqual([]);
});

test("what became of a wish that reached the machine and was not answered is unknown, and it is not sent again later", async () => {
  page.machine.refuses = "busy";
  const wish = page.lanyard.createTerminal(page.machine.agent, "new", { cols: 80, rows: 24 });
  const refused = expect(wish).rejects.toMatchObject({ code: "unknown" });
  await settle();
  expect(only(page).waiting).toEqual([{ kind: "create", at: "machine" }]);
  page.relay.down = true;
  page.relay.cut();
  await page.clock.pass(30_000);
  await refused;
  page.relay.down = false;
  await page.clock.pass(60_000);
  expect(linkOf(page)).toBe("session");
  expect([only(page).waiting, page.machine.created.length]).toEqual([[], 1]);
});

test("a new name is done when the machine says so, and a refusal says why", async () => {
  const { agent, terminal } = page.machine;
  await page.lanyard.renameTerminal(agent, terminal.id, "build");
  expect(only(page).terminals[0]?.name).toBe("build");
  page.machine.refuses = "not-granted";
  await expect(page.lanyard.renameTerminal(agent, terminal.id, "mine")).rejects.toMatchObject({ code: "not-granted" });
  expect(only(page).terminals[0]?.name).toBe("build");
});

test("ending a terminal that is gone already is done", async () => {
  await page.lanyard.endTerminal(page.machine.agent, page.machine.terminal.id);
});

test("a forgotten machine is gone from the page and from the store, and its link with it", async () => {
  await page.lanyard.forget(page.machine.agent);
  await settle();
  expect([page.lanyard.machines.value, await page.store.all(), page.relay.links.size]).toEqual([[], [], 0]);
  await page.clock.pass(60_000);
  expect(page.relay.dials).toBe(2);
});
