import { ALLOWED_ONCE, DENIED } from "../core/approvals";
import { beforeEach, expect, test } from "vitest";
import type { ApprovalState } from "./api";
import { only, openPairedPage, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;

beforeEach(async () => {
  page = await openPairedPage();
  page.machine.scopes = ["view", "approve"];
  greet();
  await settle();
});

/** What a machine says when a session begins. */
function greet(waiting = [page.machine.card.request.id]): void {
  page.machine.say({ t: "approvals", waiting });
  if (waiting.length > 0) page.machine.say({ t: "approval", card: page.machine.card });
}

function state(): ApprovalState {
  const [approval, more] = only(page).approvals;
  if (approval === undefined || more !== undefined) throw new Error("not one approval");
  return approval.state;
}

function answer(verdict: "approved" | "denied"): void {
  page.lanyard.answerApproval(
    page.machine.agent,
    page.machine.card.request.id,
    verdict === "approved" ? ALLOWED_ONCE : DENIED,
  );
}

/** The link is cut, and the page comes back over another. */
async function cut(waiting?: string[]): Promise<void> {
  page.relay.cut();
  await page.clock.pass(3000);
  await settle();
  greet(waiting);
  await settle();
}

test("an answer is signed, sent over a token of its own, and shown as given when the machine says so", async () => {
  answer("approved");
  expect(state()).toEqual({ kind: "sending", said: ALLOWED_ONCE });
  await settle();
  expect(state()).toMatchObject({ kind: "settled", mine: true, settled: { end: { verdict: "approved" } } });
  expect(page.machine.mints).toEqual(["approve"]);
  expect(page.machine.answers).toHaveLength(1);
  // The token is spent.
  expect(only(page).credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection"]);
});

test("nothing is sent twice however often one taps, and nothing when it has ended", async () => {
  answer("approved");
  answer("denied");
  await settle();
  answer("denied");
  await settle();
  expect(page.machine.answers.map(({ verdict }) => verdict)).toEqual(["approved"]);
});

test("what another has answered is shown as that", async () => {
  page.machine.outcome = { end: "answered", verdict: "denied", holds: { for: "once" }, by: { at: "machine" } };
  answer("approved");
  await settle();
  expect(state()).toMatchObject({ kind: "settled", mine: false, settled: { end: { verdict: "denied" } } });
});

test("an answer that cannot be sent is not kept for later", async () => {
  page.relay.refusesSession = "agent-offline";
  page.relay.cut();
  answer("approved");
  await page.clock.pass(11_000);
  expect(state()).toMatchObject({ kind: "waiting", reason: { code: "cut" } });
  page.relay.refusesSession = null;
  await page.clock.pass(60_000);
  greet();
  await settle();
  expect(page.machine.answers).toEqual([]);
  expect(state().kind).toBe("waiting");
});

test("of an answer that was on its way when the link was lost, the machine says in the end what came of it", async () => {
  page.machine.settles = false;
  answer("approved");
  await settle();
  await page.clock.pass(11_000);
  expect(state()).toEqual({ kind: "unconfirmed", said: ALLOWED_ONCE });
  page.machine.settles = true;
  page.machine.outcome = { end: "expired" };
  await cut([]);
  expect(state()).toMatchObject({ kind: "settled", settled: { end: { end: "expired" } } });
});

test("an answer that never arrived is asked for again, and not sent by itself", async () => {
  page.machine.settles = false;
  answer("approved");
  await settle();
  await page.clock.pass(11_000);
  const sent = page.machine.answers.length;
  await cut();
  expect(state()).toEqual({ kind: "waiting", reason: null });
  expect(page.machine.answers).toHaveLength(sent);
});

test("what ended while the page was away is not shown as waiting", async () => {
  await cut([]);
  expect(state().kind).toBe("gone");
  page.lanyard.dismissApproval(page.machine.agent, page.machine.card.request.id);
  expect(only(page).approvals).toEqual([]);
});

test("a refusal is shown, and the request still waits", async () => {
  page.machine.refuses = "approval-unknown";
  answer("approved");
  await settle();
  expect(state()).toMatchObject({ kind: "waiting", reason: { code: "approval-unknown" } });
});

test("whoever may answer no more sees no requests", async () => {
  page.machine.takeAway("approve");
  await settle();
  expect(only(page).approvals).toEqual([]);
});
