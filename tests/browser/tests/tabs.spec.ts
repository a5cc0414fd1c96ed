/** Several terminals beside each other. */
import { writeFile } from "node:fs/promises";
import { expect, test } from "../support/test";

test("terminals stand beside each other under the names people give them, for everyone and after a restart", async ({
  rig,
  visitor,
  another,
}) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo first");
  await visitor.rename("build");
  await visitor.anotherTerminal();
  await screen.enter("echo second");
  await screen.shows("\nsecond\n$");
  await screen.showsNo("first");
  // Whatever cannot be seen is not part of a name.
  await visitor.rename("logs\u202e\u200b 漢字", "logs 漢字");
  await expect(visitor.tabs).toHaveText(["build", "logs 漢字"]);
  await visitor.tab("build").click();
  await screen.shows("\nfirst\n$");

  const other = await another();
  await other.pair(["view"]);
  const names = other.page.getByRole("main").getByRole("link", { name: "running" });
  await expect(names).toContainText([/logs 漢字/, /build/]);
  await rig.agent.crash();
  await rig.agent.restart();
  await other.live();
  await expect(names).toContainText([/logs 漢字/, /build/]);
  await visitor.live();
  await expect(visitor.tabs).toHaveText(["build", "logs 漢字"]);
  await visitor.focus();
  await screen.enter("echo still");
  await screen.shows("\nstill\n$");
  // Who may only watch names nothing.
  await names.first().click();
  await other.page.getByRole("button", { name: /^More for/ }).click();
  await expect(other.page.getByRole("button", { name: "Copy visible text" })).toBeVisible();
  await expect(other.page.getByRole("button", { name: "Rename …" })).toHaveCount(0);
});

test("a tab says what its program calls itself and how it ended, by icon and word", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter(String.raw`printf '\e]2;deep \x1b]2;work\a'; printf '\e]0;deep work\a'`);
  await expect(visitor.tabs).toHaveAttribute("title", "deep work");
  for (const [end, word] of [
    ["exit 0", "finished"],
    ["exit 7", "status 7"],
    ["kill -9 $$", "SIGKILL"],
  ] as const) {
    await visitor.anotherTerminal();
    await screen.enter(end);
    const tab = page.getByRole("tab", { selected: true });
    await expect(tab).toContainText(word);
    await expect(tab.locator("svg")).toBeVisible();
    await expect(screen.inputLine).toContainText("Its screen stays until it is put away.");
  }
  // The screen of one that is over is still there to be read, and is put away by choice.
  await visitor.tab(/status 7/).click();
  await screen.shows("exit 7");
  await page.getByRole("button", { name: "Put away" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Put away" }).click();
  await expect(visitor.tab(/status 7/)).toHaveCount(0);
  await expect(visitor.tabs).toHaveCount(3);
});

test("a tab in the background says that something was printed, until one looks", async ({ rig, visitor }) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await visitor.rename("quiet");
  await visitor.anotherTerminal();
  await visitor.rename("waiting");
  await screen.enter("clear; echo re''ady; until [ -e go ]; do sleep 0.02; done; echo there it is");
  await screen.shows(/^ready$/);
  await visitor.tab("quiet").click();
  await screen.prompt();
  await expect(visitor.tab(/new output/)).toHaveCount(0);
  await writeFile(rig.path("go"), "");
  await expect(visitor.tab(/waiting.*, new output/)).toBeVisible();
  await visitor.tab(/waiting/).click();
  await screen.shows("there it is");
  await expect(visitor.tab(/new output/)).toHaveCount(0);
});

test("leaving a tab lets its terminal run on, ending it does not", async ({ rig, visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo kept");
  await visitor.rename("kept");
  await visitor.anotherTerminal();
  await visitor.rename("ended");
  await page.getByRole("button", { name: "More for ended" }).click();
  await page.getByRole("button", { name: "End terminal …" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End terminal" }).click();
  await expect(visitor.tabs).toHaveText(["kept"]);
  await page.getByRole("button", { name: "More for kept" }).click();
  await page.getByRole("button", { name: "Leave; it runs on" }).click();
  await expect(visitor.heading.filter({ visible: true })).toHaveText("Your machines");
  expect((await rig.agent.owner.status()).terminals.map(({ name }) => name)).toEqual(["kept"]);
  await visitor.show();
  await screen.shows("\nkept\n$");
});

test("keys alone walk along the tabs, name them and take them off the page @desktop", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  for (const name of ["one", "two", "three"]) {
    if (name !== "one") await visitor.anotherTerminal();
    await screen.press("Control+Shift+K", "F2");
    await expect(page.getByRole("dialog").getByRole("textbox")).toBeFocused();
    await screen.type(name);
    await screen.press("Enter");
    await expect(visitor.tab(name)).toBeFocused();
  }
  await screen.press("ArrowRight");
  await expect(visitor.tab("one")).toBeFocused();
  await expect(visitor.tab("one")).toHaveAttribute("aria-selected", "true");
  await screen.press("ArrowLeft", "ArrowLeft");
  await expect(visitor.tab("two")).toBeFocused();
  await screen.press("End");
  await expect(visitor.tab("three")).toBeFocused();
  await screen.press("Home", "Delete");
  await expect(visitor.tabs).toHaveText(["two", "three"]);
  await expect(visitor.tab("two")).toBeFocused();
  await screen.press("Enter");
  await expect(screen.terminal.getByRole("textbox")).toBeFocused();
  await screen.enter("echo in two");
  await screen.shows("\nin two\n$");
});

test("more tabs than fit can be scrolled, and every terminal is found by a few letters", async ({ visitor }) => {
  test.slow();
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await visitor.rename("the very first of all");
  await screen.enter("echo here is the first");
  for (let n = 2; n <= 8; n++) await visitor.anotherTerminal();
  const list = page.getByRole("tablist");
  const selected = page.getByRole("tab", { selected: true });
  const inside = async () => {
    const [tab, bar] = await Promise.all([selected.boundingBox(), list.boundingBox()]);
    return tab !== null && bar !== null && tab.x >= bar.x - 1 && tab.x + tab.width <= bar.x + bar.width + 1;
  };
  await expect.poll(inside).toBe(true);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  // What is done with a terminal stays beside the tabs, not above them.
  const tools = await page.getByRole("button", { name: "Find in the scrollback" }).boundingBox();
  const bar = await list.boundingBox();
  expect((bar?.x ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(tools?.x ?? 0);

  await page.getByRole("button", { name: "All terminals and commands" }).click();
  const box = page.getByRole("combobox", { name: "Terminal or command" });
  await expect(box).toBeFocused();
  await screen.type("very first");
  await expect(page.getByRole("option")).toHaveCount(1);
  await screen.press("Enter");
  await expect(page.getByRole("dialog")).toBeHidden();
  await screen.shows("\nhere is the first\n$");
  await expect.poll(inside).toBe(true);
});

test("the palette and the keys of the page work everywhere but in a terminal @desktop", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await screen.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toContainText("leaves it, to its tab");
  await screen.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await screen.press("Control+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  await screen.type("new term");
  await screen.press("Enter");
  await screen.prompt();
  const input = screen.terminal.getByRole("textbox");
  await expect(input).toBeFocused();
  // In the terminal they are the program's.
  await screen.enter("cat -v");
  await screen.press("Control+k");
  await screen.enter("?gm");
  await screen.shows("^K?gm");
  await expect(page.getByRole("dialog")).toBeHidden();
  await screen.press("Control+c", "Control+Shift+K");
  await expect(page.getByRole("tab", { selected: true })).toBeFocused();
  await screen.type("gm");
  await expect(page.getByRole("heading", { name: "More", exact: true })).toBeVisible();
  await screen.type("gt");
  await expect(screen.terminal).toBeVisible();
  await expect(input).toBeFocused();
  // The key that leaves, pressed again, leads on.
  await screen.press("Control+Shift+K", "Control+Shift+K");
  const box = page.getByRole("combobox");
  await expect(box).toBeFocused();
  await screen.press("ArrowDown", "ArrowUp", "ArrowUp");
  await expect(page.getByRole("option", { selected: true })).toContainText("Keys");
  await screen.type("nothing is called so");
  await expect(page.getByText("Nothing is called that here.")).toBeVisible();
  await screen.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});
