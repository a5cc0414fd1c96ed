import { beforeEach, expect, test } from "vitest";
import { encode } from "../core/b64";
import { utf8 } from "../core/bytes";
import type { PastTerminal } from "../core/generated";
import type { PastSession, PlayingPhase } from "./api";
import { openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;

function past(byte: number, ended: number): PastTerminal {
  return {
    id: encode(new Uint8Array(16).fill(byte)),
    name: `terminal ${byte}`,
    cwd: "/src",
    started: 1,
    ended,
    exit: { t: "status", code: 0 },
    grid: { cols: 80, rows: 24 },
    kept: 9,
    dropped: 0,
  };
}

const [LATEST, SECOND] = [past(1, 30), past(2, 20)];
const PAST = [LATEST, SECOND, past(3, 10)];

beforeEach(async () => {
  page = await openPairedPage();
  page.machine.past = PAST;
  page.machine.kept = ["abc", "def", "ghi"].map(utf8);
});

function phase(session: PastSession): PlayingPhase | undefined {
  const seen: PlayingPhase[] = [];
  session.state.subscribe((state) => seen.push(state))();
  return seen[0];
}

function text(session: PastSession): string {
  const state = phase(session);
  if (state?.kind !== "whole") return state?.kind ?? "";
  const { events } = state.recording;
  return events.map((event) => (event.kind === "output" ? Buffer.from(event.bytes).toString() : "")).join("");
}

test("what has ended is listed page by page", async () => {
  const { agent } = page.machine;
  const first = await page.lanyard.history(agent, null);
  expect(first).toEqual({ past: PAST.slice(0, 2), more: true });
  const { id, ended } = SECOND;
  expect(await page.lanyard.history(agent, { id, ended })).toEqual({ past: PAST.slice(2), more: false });
});

test("what was forgotten before is forgotten, and a refusal says why", async () => {
  const { agent } = page.machine;
  await page.lanyard.forgetPast(agent, LATEST.id);
  await page.lanyard.forgetPast(agent, LATEST.id);
  expect(page.machine.past).toEqual(PAST.slice(1));
  page.machine.refuses = "not-granted";
  await expect(page.lanyard.forgetPast(agent, LATEST.id)).rejects.toMatchObject({ code: "not-granted" });
});

test("what is kept comes as a recording, with a token that is put back", async () => {
  const session = page.lanyard.openPast(page.machine.agent, LATEST);
  await settle();
  expect(text(session)).toBe("abcdefghi");
  expect(page.machine.jtis("view").length).toBe(1);
  expect(page.machine.mints).toEqual(["view"]);
  session.close();
});

test("cut off in the middle, it goes on where it was", async () => {
  page.machine.playsUpTo = 2;
  const session = page.lanyard.openPast(page.machine.agent, LATEST);
  await settle();
  expect(phase(session)).toEqual({ kind: "fetching", got: 6, of: 9 });
  page.machine.playsUpTo = Infinity;
  page.relay.cut();
  await page.clock.pass(5000);
  expect(text(session)).toBe("abcdefghi");
  expect(page.machine.openings).toEqual(["view null", "view 6"]);
});

test("who leaves has nothing fetched any more", async () => {
  page.machine.playsUpTo = 1;
  const session = page.lanyard.openPast(page.machine.agent, LATEST);
  await settle();
  session.close();
  page.relay.cut();
  await page.clock.pass(5000);
  expect(page.machine.openings).toEqual(["view null"]);
});

test("a machine that is forgotten meanwhile ends it with a reason", async () => {
  page.machine.playsUpTo = 1;
  const session = page.lanyard.openPast(page.machine.agent, LATEST);
  await settle();
  await page.lanyard.forget(page.machine.agent);
  expect(phase(session)?.kind).toBe("failed");
});
