/** Credentials that lapse, are ended and come back, as a person at the page sees it. */
import { writeFile } from "node:fs/promises";
import { Played } from "../support/played";
import { expect, test } from "../support/test";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("typing lapses while watching streams on, and the next key brings it back", async ({ rig, visitor }) => {
  const { page, screen, status } = visitor;
  const played = await Played.start(page, rig.relay.web);
  const { machine } = played;
  await visitor.open(`${rig.relay.web}/#pair=${machine.fragment}`);
  await visitor.ask();
  await page.getByRole("button", { name: "Show my machine" }).click();
  await page.getByRole("main").getByRole("link", { name: "running" }).click();
  machine.print("$ ");
  await screen.prompt();
  await visitor.focus();
  await screen.type("a");
  await expect(screen.inputLine).toHaveText("You are typing here.");
  const chip = status.getByRole("link", { name: /^Access/ });
  await expect(chip).toHaveCount(0);

  // Renewed once, for a person was there; then nobody is, and it is said before it ends.
  await played.pass(6 * MINUTE);
  await expect(chip).toHaveAccessibleName(/^Access: typing ends in \d minutes/);
  machine.print("one ");
  await screen.shows("one");
  await played.pass(3 * MINUTE);
  await expect(chip).toHaveAccessibleName(/typing ends in .*, (very )?soon$/);
  await played.pass(MINUTE);
  await expect(screen.inputLine).toContainText("Typing paused after 5 quiet minutes.");
  machine.print("two ");
  await screen.shows("one two");
  await played.pass(20 * MINUTE);
  machine.print("three ");
  await screen.shows("one two three");
  expect(machine.mints).toEqual(["view", "terminal"]);

  await screen.type("b");
  await expect(screen.inputLine).toHaveText("You are typing here.");
  await expect.poll(() => machine.typed).toBe("ab");
  expect(machine.mints).toEqual(["view", "terminal", "terminal"]);
  expect(machine.openings).toEqual(["view null", "terminal", "terminal"]);
});

test("ending a token at the machine closes exactly its stream", async ({ rig, visitor }) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("until [ -e go ]; do sleep 0.02; done; echo seen");
  await visitor.fitted();
  const { tokens } = await rig.agent.owner.status();
  const typing = tokens.find(({ purpose }) => purpose === "terminal");
  expect(JSON.parse(await rig.agent.run("revoke", "--json", `--token=${typing?.jti ?? ""}`))).toEqual({ ended: 1 });
  await expect(screen.inputLine).toContainText("The owner has ended typing here.", { timeout: 1000 });

  // Watching goes on, on the stream it had.
  await writeFile(rig.path("go"), "");
  await screen.shows("\nseen\n$");
  const before = tokens.filter(({ purpose }) => purpose === "view");
  const after = (await rig.agent.owner.status()).tokens;
  expect(after.map(({ jti }) => jti)).toEqual(before.map(({ jti }) => jti));

  // A key asks again, and is applied.
  await screen.enter("echo again");
  await screen.shows("\nagain\n$");
  await expect(screen.inputLine).toHaveText("You are typing here.");
});

test("a view that the owner ends waits for a tap @desktop", async ({ rig, visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo kept");
  await screen.shows("\nkept\n$");
  const { tokens } = await rig.agent.owner.status();
  const view = tokens.find(({ purpose }) => purpose === "view");
  await rig.agent.run("revoke", `--token=${view?.jti ?? ""}`);
  await expect(screen.inputLine).toContainText("The owner has ended watching here.");
  await screen.shows("\nkept\n$");
  await page.getByRole("button", { name: "Watch again" }).click();
  await screen.enter("echo more");
  await screen.shows("\nmore\n$");
});

test("a purpose that the owner takes away says so in place, and watching goes on @desktop", async ({
  rig,
  visitor,
}) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("until [ -e go ]; do sleep 0.02; done; echo seen");
  await visitor.fitted();
  await rig.agent.owner.takeAway("terminal");
  await expect(screen.inputLine).toContainText("The owner has ended typing for this browser.");
  await writeFile(rig.path("go"), "");
  await screen.shows("\nseen\n");
});

test("a locked machine says so, and comes back by itself when it is unlocked @desktop", async ({ rig, visitor }) => {
  const { screen, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo before");
  await screen.shows("\nbefore\n$");
  await rig.agent.owner.lock(true);
  await expect(status).toContainText("Machine locked");
  await screen.shows("\nbefore\n$");
  await rig.agent.owner.lock(false);
  await visitor.live();
  await screen.enter("echo after");
  await screen.shows("\nafter\n$");
});

test("who has access is listed, and ended from the page @desktop", async ({ rig, visitor, another }) => {
  const { page } = visitor;
  await visitor.pair(["view", "terminal", "devices"]);
  const other = await another();
  await other.pair();
  await other.newTerminal();
  await other.screen.enter("echo other");
  await other.screen.shows("\nother\n$");

  await page.evaluate(() => (location.hash = "#/devices"));
  const list = page.getByRole("list", { name: "Devices" });
  const cards = list.getByRole("button", { expanded: false });
  await expect(cards).toHaveCount(2);
  // The other one is the one that is not marked; by key alone.
  await cards.filter({ hasNotText: "this browser" }).press("Enter");
  await list.getByRole("button", { name: /^End typing/ }).press("Enter");
  await expect(other.screen.inputLine).toContainText("The owner has ended typing here.");
  await expect(list.getByRole("button", { name: /^End typing/ })).toHaveCount(0);

  await list.getByRole("button", { name: /^Take away from .*type/ }).press("Enter");
  await page.getByRole("button", { name: "Take it away" }).press("Enter");
  await expect(other.screen.inputLine).toContainText("The owner has ended typing for this browser.");

  await list.getByRole("button", { name: /^End Chrom/ }).press("Enter");
  await expect(page.getByRole("button", { name: "Keep it" })).toBeFocused();
  await page.getByRole("button", { name: "End it now" }).press("Enter");
  await expect(other.status).toContainText("Access ended");
  await expect(list.getByRole("listitem").filter({ hasText: "Chrom" })).not.toHaveCount(0);
  await expect.poll(async () => (await rig.agent.owner.status()).devices.length).toBe(1);

  await page.getByRole("button", { name: "Lock this machine" }).press("Enter");
  await page.getByRole("button", { name: "Lock it now" }).press("Enter");
  await expect(visitor.status).toContainText("Machine locked");
});

test("what a page holds is renewed, ended and signed out from where it stands @desktop", async ({ rig, visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("true");
  await visitor.fitted();
  await page.keyboard.press("Control+Shift+K");
  await page.keyboard.press("g");
  await page.keyboard.press("k");
  await expect(visitor.heading.filter({ visible: true })).toHaveText("Access to tower");
  await expect(page.getByText(/Last used .*, from 127\.0\.0\.1.* in the relay’s words/).first()).toBeVisible();
  await page.getByRole("button", { name: /^Renew typing/ }).press("Enter");
  await expect(page.getByRole("listitem").filter({ hasText: "terminal input" }).last()).toContainText("renews itself");
  await page.getByRole("button", { name: /^End typing/ }).press("Enter");
  await expect(page.getByRole("button", { name: /^End typing/ })).toHaveCount(0);
  expect((await rig.agent.owner.status()).tokens.map(({ purpose }) => purpose)).toEqual(["view"]);
  await page.getByRole("button", { name: "Sign out this device" }).press("Enter");
  await page.getByRole("button", { name: "Sign out", exact: true }).press("Enter");
  await expect(visitor.status).toContainText("Access ended");
  expect((await rig.agent.owner.status()).devices).toEqual([]);
});

test("a list of devices whose token has lapsed stays with its age, and the next tap does what it says", async ({
  rig,
  visitor,
}) => {
  const { page } = visitor;
  const played = await Played.start(page, rig.relay.web);
  const { machine } = played;
  machine.scopes = ["view", "devices"];
  await visitor.open(`${rig.relay.web}/#pair=${machine.fragment}`);
  await visitor.ask();
  await page.getByRole("button", { name: "Show my machine" }).click();
  await visitor.live();
  await page.evaluate(() => (location.hash = "#/devices"));
  await expect(page.getByRole("list", { name: "Devices" }).getByRole("listitem").first()).toBeVisible();
  await played.pass(3 * MINUTE);
  await expect(page.getByText(/As of \d\d:\d\d:\d\d\./)).toBeVisible();
  await expect(page.getByRole("list", { name: "Devices" }).getByRole("listitem").first()).toBeVisible();
  expect(machine.mints).toEqual(["devices"]);
  await page.getByRole("button", { name: "Lock this machine" }).click();
  await page.getByRole("button", { name: "Lock it now" }).click();
  await expect.poll(() => machine.locks).toBe(1);
  expect(machine.mints).toEqual(["devices", "devices"]);
});

for (const [what, gone] of [
  ["a laptop that slept for eight hours", 8 * HOUR],
  ["a tab that was hidden for a day", 24 * HOUR],
] as const) {
  test(`${what} comes back by itself @desktop`, async ({ rig, visitor }) => {
    const { page, screen } = visitor;
    await page.clock.install();
    await visitor.open(await rig.agent.owner.pair(["view", "terminal"], true));
    await visitor.ask();
    await page.getByRole("button", { name: "Show my machine" }).click();
    await visitor.live();
    await visitor.newTerminal();
    await screen.enter("echo before");
    await screen.shows("\nbefore\n$");
    await page.clock.fastForward(gone);
    await page.clock.resume();
    await visitor.live();
    await screen.shows("\nbefore\n$");
    await screen.enter("echo after");
    await screen.shows("\nafter\n$");
  });
}
