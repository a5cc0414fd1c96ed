import { AxeBuilder } from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../support/test";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, in as many words as one needs to find it too. */
async function findings(axe: AxeBuilder): Promise<string[]> {
  // What programs draw in which colours is theirs; the page's own words are not in there.
  const { violations } = await axe.exclude(".xterm-rows").analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ""}`),
  );
}

async function expectNothing(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  expect(await findings(new AxeBuilder({ page }).withTags(TAGS)), "dark").toEqual([]);
  // Only colours differ.
  await page.emulateMedia({ colorScheme: "light" });
  expect(await findings(new AxeBuilder({ page }).withRules(["color-contrast"])), "light").toEqual([]);
}

test("axe finds nothing on the screens of access and devices, unfolded and asked once more", async ({ visitor }) => {
  test.slow();
  const { page } = visitor;
  await visitor.pair(["view", "terminal", "devices"]);
  await visitor.newTerminal();
  await visitor.screen.enter("true");
  await page.evaluate(() => (location.hash = "#/access"));
  await page.getByRole("button", { name: "Sign out this device" }).click();
  await expect(page.getByRole("button", { name: "Stay" })).toBeFocused();
  await expectNothing(page);
  await page.evaluate(() => (location.hash = "#/devices"));
  await page.getByRole("button", { name: /this browser/ }).click();
  await page.getByRole("button", { name: "Sign out this browser" }).click();
  await expectNothing(page);
  await page.evaluate(() => (location.hash = "#/audit"));
  await page.getByRole("listitem").filter({ hasText: "was paired" }).click();
  await expectNothing(page);
});

test("axe finds nothing on requests for approval, open and ended", async ({ rig, visitor }) => {
  const { page } = visitor;
  await visitor.pair(["view", "approve"]);
  const asked = [rig.agent.asks("make one"), rig.agent.asks("make two", "--outside"), rig.agent.asks("make three")];
  await page.evaluate(() => (location.hash = "#/approvals"));
  await expect(page.getByRole("article")).toHaveCount(3);
  await page.getByRole("article").first().getByRole("button", { name: "Deny" }).click();
  await expect(page.getByRole("button", { name: "Put away" })).toBeVisible();
  await expectNothing(page);
  for (const { leave } of asked) leave();
});

test("axe finds nothing where devices are not to be seen", async ({ visitor }) => {
  await visitor.pair(["view"]);
  await visitor.page.evaluate(() => (location.hash = "#/devices"));
  await expect(visitor.page.getByText("This browser may not see who else has access")).toBeVisible();
  await expectNothing(visitor.page);
});

test("axe finds nothing on the way from a link to a terminal", async ({ rig, visitor }) => {
  test.slow();
  const { page, screen } = visitor;
  await page.goto(rig.relay.web);
  await expect(visitor.heading).toBeVisible();
  await expectNothing(page);

  await visitor.open(await rig.agent.link());
  await expect(visitor.heading).toHaveText("Pair with tower");
  await expectNothing(page);
  await visitor.ask();
  await expect(visitor.heading).toHaveText("Now answer at tower");
  await expectNothing(page);
  await rig.agent.owner.answer((await rig.agent.question()).question, true);
  await expect(visitor.heading).toHaveText("Paired");
  await expectNothing(page);

  await page.getByRole("button", { name: "Show my machine" }).click();
  await visitor.newTerminal();
  await screen.enter("ls --color -la /");
  await screen.shows("root root");
  await expectNothing(page);

  await page.getByRole("button", { name: "Find in the scrollback" }).click();
  await page.getByRole("button", { name: /^More for/ }).click();
  await expectNothing(page);
  await page.keyboard.press("Escape");
  await page.getByRole("search").getByRole("button", { name: "Close" }).click();

  await page.goto(`${rig.relay.web}/#/`);
  await expect(page.getByRole("link", { name: "running" })).toBeVisible();
  await expectNothing(page);
  await page.goto(`${rig.relay.web}/#/more`);
  await expect(page.getByRole("heading", { name: "Add a machine" })).toBeVisible();
  await expectNothing(page);
});

test("axe finds nothing among several terminals, in what lies over them, and where another device types", async ({
  visitor,
  another,
}) => {
  test.slow();
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("exit 3");
  await expect(visitor.tab(/status 3/)).toBeVisible();
  await visitor.anotherTerminal();
  await screen.enter("echo here");
  await screen.shows("\nhere\n$");
  await expectNothing(page);
  await page.getByRole("button", { name: "All terminals and commands" }).click();
  await expect(page.getByRole("combobox")).toBeFocused();
  await expectNothing(page);
  await screen.type("keys");
  await screen.press("Enter");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await expectNothing(page);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("button", { name: "Rename …" }).click();
  await expect(page.getByRole("dialog", { name: "Name this terminal" })).toBeVisible();
  await expectNothing(page);
  await page.keyboard.press("Escape");

  const other = await another();
  await other.pair();
  await other.page.getByRole("main").getByRole("link", { name: "running" }).click();
  await expect(other.screen.inputLine).toContainText("types here.");
  await expectNothing(other.page);
  // What is pressed by a finger is large enough for it.
  if (await visitor.touches()) {
    for (const target of await page.getByRole("tab").or(page.getByRole("main").getByRole("button")).all()) {
      const box = await target.boundingBox();
      if (box !== null) expect(Math.min(box.width, box.height), await target.innerText()).toBeGreaterThanOrEqual(44);
    }
  }
});

test("axe finds nothing where something is wrong", async ({ rig, visitor }) => {
  test.slow();
  const { page, status } = visitor;
  await visitor.open(`${rig.relay.web}/#pair=AQ`);
  await expect(visitor.heading).toHaveText("This link is not complete, or no longer known");
  await expectNothing(page);
  await visitor.pair();
  await visitor.newTerminal();
  await rig.relay.crash();
  await expect(status).toContainText("Relay unreachable");
  await expectNothing(page);
  await rig.relay.restart();
  await visitor.live();
  const [device] = (await rig.agent.owner.status()).devices;
  await rig.agent.owner.revoke(device?.id ?? "");
  await expect(status).toContainText("Access ended");
  await expectNothing(page);
});

test("a keyboard alone goes from the link to the terminal, and out of it again @desktop", async ({ rig, visitor }) => {
  const { page, screen } = visitor;
  await visitor.open(await rig.agent.link());
  await expect(visitor.heading).toHaveText("Pair with tower");
  await tabTo(page.getByRole("button", { name: "They match, ask the machine" }));
  await page.keyboard.press("Enter");
  await rig.agent.owner.answer((await rig.agent.question()).question, true);
  const show = page.getByRole("button", { name: "Show my machine" });
  await expect(show).toBeVisible();
  await tabTo(show);
  await page.keyboard.press("Enter");
  await visitor.live();
  await tabTo(page.getByRole("main").getByRole("button", { name: /^New terminal/ }));
  await page.keyboard.press("Enter");
  await screen.prompt();
  const input = screen.terminal.getByRole("textbox");
  await expect(input).toBeFocused();
  // Tab, Escape and Shift-Tab belong to the program.
  await screen.enter("cat -v");
  await screen.press("Tab", "Escape", "Shift+Tab");
  await screen.enter("x");
  await screen.shows("^[^[[Zx");
  await expect(input).toBeFocused();

  await screen.press("Control+Shift+K");
  const tab = page.getByRole("tab", { selected: true });
  await expect(tab).toBeFocused();
  // The rail stands before the tabs.
  const access = page.getByRole("link", { name: "Access" });
  await access.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Access" })).toBeVisible();
  await page.goBack();
  await tab.focus();
  await page.keyboard.press("Enter");
  await expect(input).toBeFocused();
});

/** Walks by Tab, forwards, as far as a person would. */
async function tabTo(target: Locator): Promise<void> {
  const page = target.page();
  for (let steps = 0; steps < 40; steps++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  await expect(target).toBeFocused();
}
