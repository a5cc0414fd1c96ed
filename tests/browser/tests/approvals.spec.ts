import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Locator } from "@playwright/test";
import type { Visitor } from "../support/page";
import { expect, test } from "../support/test";

/** The approvals screen of a browser that may answer. */
async function answering(visitor: Visitor): Promise<void> {
  await visitor.pair(["view", "approve"]);
  await visitor.page.evaluate(() => (location.hash = "#/approvals"));
  await expect(visitor.page.getByText("Nothing waits for you")).toBeVisible();
}

function card(visitor: Visitor, line: string): Locator {
  return visitor.page.getByRole("article").filter({ has: visitor.page.getByText(line, { exact: true }) });
}

test("a script asks, a tap lets it run, and only the machine's word shows it as done", async ({ rig, visitor }) => {
  await answering(visitor);
  const { page } = visitor;
  const asked = rig.agent.asks("echo made > new; exit 7");
  const one = card(visitor, "echo made > new; exit 7");
  await expect(one).toContainText("RUNS A COMMAND, in the sandbox");
  await expect(one).toContainText("release, process");
  await expect(one).toContainText(asked.folder);
  await expect(one.getByText(/^denies itself in 29:\d\d$/)).toBeVisible();
  await expect(page).toHaveTitle("(1) Approvals – Lanyard");
  await one.getByRole("button", { name: "Allow once" }).click();
  await expect(one).toContainText("Allowed once by you, here.");
  expect(await asked.ended).toBe(7);
  expect(await readFile(join(asked.folder, "new"), "utf8")).toBe("made\n");
  await expect(page).toHaveTitle("Approvals – Lanyard");
  expect(await rig.agent.run("audit", "verify")).toContain("each follows");
  await one.getByRole("button", { name: "Put away" }).click();
  await expect(page.getByText("Nothing waits for you")).toBeVisible();
});

test("what one denies the other sees denied, and what the asker takes back is withdrawn", async ({
  rig,
  visitor,
  another,
}) => {
  await answering(visitor);
  const other = await another();
  await answering(other);
  const asked = rig.agent.asks("make one");
  await card(visitor, "make one").getByRole("button", { name: "Deny" }).click();
  await expect(card(visitor, "make one")).toContainText("Denied by you, here.");
  await expect(card(other, "make one")).toContainText(/Denied on “.+”\./);
  expect(await asked.ended).toBe(125);
  const again = rig.agent.asks("make two");
  await expect(card(visitor, "make two")).toBeVisible();
  again.leave();
  for (const one of [visitor, other]) await expect(card(one, "make two")).toContainText("Withdrawn");
});

test("what can do whatever the user can is held, by a finger or a key, and not tapped", async ({ rig, visitor }) => {
  await answering(visitor);
  const asked = rig.agent.asks("exit 0", "--outside");
  const one = card(visitor, "exit 0");
  await expect(one).toContainText("OUTSIDE THE SANDBOX");
  const hold = one.getByRole("button", { name: "Hold: allow once" });
  await hold.click();
  await one.focus();
  await visitor.page.keyboard.press("Shift+A");
  await expect(one.getByRole("button", { name: "Deny" })).toBeVisible();
  await expect(one).not.toContainText("Allowed");
  await hold.focus();
  await visitor.page.keyboard.down(" ");
  await expect(one).toContainText("Allowed once by you, here.");
  await visitor.page.keyboard.up(" ");
  expect(await asked.ended).toBe(0);
});

test("a tap on what has just come counts for nothing, and a long command is read before it is allowed", async ({
  rig,
  visitor,
}) => {
  await answering(visitor);
  const line = Array.from({ length: 9 }, (_, at) => `echo ${at}`).join("\n");
  const asked = rig.agent.asks(line);
  const one = visitor.page.getByRole("article");
  const allow = one.getByRole("button", { name: "Allow once" });
  await expect(allow).toHaveAttribute("aria-disabled", "true");
  await expect(one.getByRole("button", { name: "Deny" })).not.toHaveAttribute("aria-disabled", "true");
  await expect(one).toContainText("Read all of it first");
  await expect(allow).toHaveAttribute("aria-disabled", "true");
  await one.getByRole("button", { name: "Show all of it" }).click();
  await allow.click({ force: true });
  await expect(one).not.toContainText("Allowed");
  await expect(allow).toHaveAttribute("aria-disabled", "false");
  await one.focus();
  await visitor.page.keyboard.press("Shift+A");
  await expect(one).toContainText("Allowed once by you, here.");
  expect(await asked.ended).toBe(0);
});

test("a request outlives the relay, and one who comes late sees it", async ({ rig, visitor, another }) => {
  await answering(visitor);
  const asked = rig.agent.asks("exit 3");
  const one = card(visitor, "exit 3");
  await expect(one).toBeVisible();
  await rig.relay.stop();
  await expect(one).toContainText("cannot be reached, so that nothing would be sent");
  await expect(one.getByRole("button", { name: "Allow once" })).toHaveAttribute("aria-disabled", "true");
  await rig.relay.restart();
  await expect(one.getByRole("button", { name: "Allow once" })).toHaveAttribute("aria-disabled", "false");
  const late = await another();
  await late.pair(["view", "approve"]);
  const waits = late.page.getByRole("status").filter({ hasText: "Something waits for your answer." });
  await waits.getByRole("link", { name: "Look" }).click();
  await card(late, "exit 3").getByRole("button", { name: "Allow once" }).click();
  expect(await asked.ended).toBe(3);
  await expect(one).toContainText(/Allowed once on “.+”\./);
});

test("whoever may answer no more sees no request", async ({ rig, visitor }) => {
  await answering(visitor);
  const asked = rig.agent.asks("exit 0");
  await expect(card(visitor, "exit 0")).toBeVisible();
  await rig.agent.owner.takeAway("approve");
  await expect(visitor.page.getByText("This browser may not answer requests")).toBeVisible();
  await expect(card(visitor, "exit 0")).toHaveCount(0);
  asked.leave();
  await asked.ended;
});

test("a rule is let stand for a time, runs what it allows unasked, and is ended with one tap", async ({
  rig,
  visitor,
}) => {
  await answering(visitor);
  const { page } = visitor;
  const first = rig.agent.asks("make -v");
  const one = card(visitor, "make -v");
  await one.getByRole("button", { name: "Allow …" }).click();
  await expect(one).toContainText("nobody is asked about Bash(make -v)");
  await expect(one).toContainText("Always is not offered");
  await one.getByRole("button", { name: "Allow for 15 minutes" }).click();
  await expect(one).toContainText("Allowed for 15 minutes by you, here.");
  await first.ended;
  // Make itself may be there or not; what counts is that nobody is asked.
  await rig.agent.asks("make -v").ended;
  const rules = page.getByRole("list", { name: "Rules that stand for a time" });
  await expect(rules).toContainText("Bash(make -v)");
  await rules.getByRole("button", { name: "End now" }).click();
  await expect(rules).toBeHidden();
  const again = rig.agent.asks("make -v");
  await expect(one.filter({ has: page.getByRole("button", { name: "Deny" }) })).toBeVisible();
  again.leave();
});

test("plan mode voids what waits, and only who may give access leaves it again", async ({ rig, visitor, another }) => {
  await answering(visitor);
  const other = await another();
  await other.pair(["view", "approve", "devices"]);
  await other.page.evaluate(() => (location.hash = "#/approvals"));
  const asked = rig.agent.asks("make one");
  await expect(card(visitor, "make one")).toBeVisible();
  const mode = visitor.page.getByLabel("Mode of tower");
  await mode.selectOption("plan");
  await expect(card(visitor, "make one")).toContainText("Void: the mode was changed meanwhile.");
  expect(await asked.ended).toBe(125);
  await expect(mode).toHaveValue("plan");
  await expect(mode.getByRole("option", { name: "accept edits" })).toBeDisabled();
  await other.page.getByLabel("Mode of tower").selectOption("as settings say");
  await expect(mode).toHaveValue("");
});

test("with a hundred requests the list stays quick, and who asks on keeps nobody from answering", async ({
  rig,
  visitor,
}) => {
  test.slow();
  await answering(visitor);
  const { page } = visitor;
  const asked = Array.from({ length: 100 }, (_, at) => rig.agent.asks(`make number-${at}`));
  await expect(page.getByRole("article")).toHaveCount(100, { timeout: 30_000 });
  await page.evaluate(() => {
    const seen = { longest: 0 };
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
    }).observe({ type: "longtask" });
    Object.assign(window, { seen });
  });
  // One that comes and goes behind it all the while, sooner than a card that has moved takes a tap.
  const restless = { on: true };
  const asking = (async () => {
    while (restless.on) {
      const one = rig.agent.asks("make again");
      await expect(page.getByText("make again", { exact: true }).first()).toBeVisible();
      one.leave();
      await one.ended;
    }
  })();
  const first = page.getByRole("article").first();
  const line = await first.locator("pre").innerText();
  await first.getByRole("button", { name: "Deny" }).click();
  await expect(card(visitor, line)).toContainText("Denied by you, here.");
  for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key);
  await expect(page.locator("article:focus")).toHaveCount(1);
  restless.on = false;
  await asking;
  const { longest } = await page.evaluate(() => (window as unknown as { seen: { longest: number } }).seen);
  expect(longest).toBeLessThan(500);
  for (const { leave } of asked) leave();
  await Promise.all(asked.map(({ ended }) => ended));
});
