import { beforeEach, expect, test } from "vitest";
import type { DevicesSession, DevicesState } from "./api";
import { last, only, openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;
let session: DevicesSession;
let seen: DevicesState[];

beforeEach(async () => {
  page = await openPairedPage();
  page.machine.scopes = ["view", "terminal", "devices"];
  session = page.lanyard.openDevices(page.machine.agent);
  seen = [];
  session.state.subscribe((state) => seen.push(state));
});

test("one token brings the list, which is read again while it lives", async () => {
  await session.wish({ what: "list" });
  expect(last(seen)).toMatchObject({ phase: { kind: "live" }, list: { devices: [{ yours: true }] } });
  const first = last(seen).list?.at ?? 0;
  await page.clock.pass(6000);
  expect(last(seen).list?.at).toBeGreaterThan(first);
  expect(page.machine.mints).toEqual(["devices"]);
});

test("a lapse keeps what was read, and the next wish asks once and is carried out", async () => {
  await session.wish({ what: "list" });
  page.machine.end("devices", "lapsed");
  await settle();
  expect(last(seen)).toMatchObject({ phase: { kind: "lapsed" }, list: { devices: [{ yours: true }] } });
  await session.wish({ what: "lock" });
  expect([page.machine.locks, page.machine.mints]).toEqual([1, ["devices", "devices"]]);
});

test("what is refused is said to whoever wished it", async () => {
  page.machine.refuses = "not-granted";
  await expect(session.wish({ what: "list" })).rejects.toMatchObject({ code: "not-granted" });
  expect(last(seen).phase.kind).toBe("refused");
});

test("leaving gives the token back", async () => {
  await session.wish({ what: "list" });
  expect(only(page).credentials.map(({ purpose }) => purpose)).toContain("devices");
  session.close();
  await settle();
  expect(only(page).credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection"]);
  expect(page.machine.jtis("devices")).toHaveLength(1);
});
