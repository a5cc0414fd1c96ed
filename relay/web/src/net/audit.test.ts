import { beforeEach, expect, test } from "vitest";
import { readVectors } from "../core/testing/vectors";
import { only, openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";

const HASH = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";
let page: Page;

beforeEach(async () => {
  page = await openPairedPage();
});

/** As after a restart of the machine. */
async function comeBack(): Promise<void> {
  page.relay.cut();
  await page.clock.pass(5000);
  await settle();
}

test("what the machine says of its log is kept, and said to it when this browser comes back", async () => {
  const seen = page.machine.audit.head;
  expect(page.machine.witnessed).toEqual([null]);
  expect(only(page).audit).toEqual({ seen, missing: null });
  page.machine.audit = { ...page.machine.audit, head: { count: 9, hash: HASH }, agrees: true };
  await comeBack();
  expect(page.machine.witnessed).toEqual([null, seen]);
  expect(only(page).audit).toEqual({ seen: { count: 9, hash: HASH }, missing: null });
});

test("a log that does not go on from what was seen is said to be so until a person has looked", async () => {
  const seen = page.machine.audit.head;
  page.machine.audit = { ...page.machine.audit, head: { count: 9, hash: HASH }, agrees: false };
  await comeBack();
  expect(only(page).audit.missing).toEqual(seen);
  // Later lines do not make it good again.
  page.machine.audit = { ...page.machine.audit, head: { count: 12, hash: HASH }, agrees: null };
  await comeBack();
  expect(page.machine.witnessed.at(-1)).toEqual(seen);
  expect(only(page).audit.missing).toEqual(seen);
  page.lanyard.acceptAudit(page.machine.agent);
  await settle();
  expect(only(page).audit).toEqual({ seen: { count: 12, hash: HASH }, missing: null });
});

test("a log that has become shorter is noticed here, whatever the machine says", async () => {
  const seen = page.machine.audit.head;
  page.machine.audit = { ...page.machine.audit, head: { count: 3, hash: HASH }, agrees: true };
  await comeBack();
  expect(only(page).audit.missing).toEqual(seen);
});

test("lines come in pieces, and their hashes are computed here", async () => {
  const { lines, hash } = readVectors("audit/lines.json") as { lines: string[]; hash: string };
  page.machine.scopes = ["devices"];
  page.machine.audit = { ...page.machine.audit, first: 1, text: `${lines.join("\n")}\n` };
  const session = page.lanyard.openDevices(page.machine.agent);
  const read = await session.audit(null);
  expect([read.lines.length, read.end, read.broken]).toEqual([3, { count: 3, hash }, null]);
});
