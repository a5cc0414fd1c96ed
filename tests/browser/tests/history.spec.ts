/** What terminals have printed, after they ended: listed, played, saved, forgotten; and recordings from files. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator, Page, TestInfo } from "@playwright/test";
import type { Visitor } from "../support/page";
import { SCREENS } from "../support/paths";
import { expect, test } from "../support/test";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** For people to look at. */
async function picture(page: Page, name: string, info: TestInfo): Promise<void> {
  await page.screenshot({ path: join(SCREENS, `history-${name}-${info.project.name}.png`) });
}

async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).exclude(".xterm-rows").analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** A terminal in which these lines were entered, ended with status 3 and put away. */
async function pastTerminal(visitor: Visitor, ...lines: string[]): Promise<void> {
  const { page, screen } = visitor;
  await visitor.newTerminal();
  for (const line of lines) {
    await screen.enter(line);
    await screen.prompt();
  }
  await screen.enter("exit 3");
  await page.getByRole("button", { name: "Put away" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Put away" }).click();
  await expect(visitor.tabs).toHaveCount(0);
}

async function toHistory(visitor: Visitor): Promise<void> {
  await visitor.page.evaluate(() => (location.hash = "#/history"));
  await expect(visitor.heading.filter({ visible: true })).toHaveText("History of tower");
}

/** What the recording shows where it stands. */
function shown(page: Page): Locator {
  return page.getByTestId("recording").locator(".xterm-rows");
}

function player(page: Page): { bar: Locator; button: (name: string) => Locator } {
  const region = page.getByRole("region", { name: /^Recording/ });
  return {
    bar: region.getByRole("slider", { name: "Position" }),
    button: (name) => region.getByRole("button", { name }),
  };
}

test("a terminal that has ended is in the history, shows what it showed last, and is played from the beginning", async ({
  visitor,
}, info) => {
  const { page } = visitor;
  await visitor.pair();
  await pastTerminal(visitor, "printf '\\033[1;32mgr%s\\033[m\\n' öße", "stty size");
  await toHistory(visitor);
  const row = page.getByRole("listitem").filter({ hasText: "ended with status 3" });
  await expect(row).toHaveCount(1);
  await expect(row).toContainText(/just now, after \d+ s · \d+ bytes/);
  await picture(page, "list", info);
  expect(await findings(page)).toEqual([]);
  await row.getByRole("link").click();
  await expect(shown(page)).toContainText("größe");
  await expect(shown(page)).toContainText("exit 3");
  const { bar, button } = player(page);
  await expect(button("Play from the beginning")).toBeFocused();
  await expect(page.getByRole("region", { name: /^Recording/ })).toContainText("ended with status 3");
  await picture(page, "player", info);
  expect(await findings(page)).toEqual([]);

  await page.keyboard.press("0");
  await expect(shown(page)).not.toContainText("größe");
  await expect(bar).toHaveValue("0");
  await page.getByRole("combobox", { name: "Speed" }).selectOption("8×");
  await button("Play").click();
  await expect(shown(page)).toContainText("exit 3");
  await expect(button("Play from the beginning")).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "The end. ended with status 3" })).toHaveCount(1);
});

test("it is walked through with the keyboard alone, and takes no keys itself", async ({ visitor }) => {
  const { page } = visitor;
  await visitor.pair();
  await pastTerminal(visitor, "echo one", "echo two");
  await toHistory(visitor);
  await page.getByRole("link", { name: /ended with status 3/ }).press("Enter");
  await expect(shown(page)).toContainText("two");
  const { bar, button } = player(page);
  await page.keyboard.press("Home");
  await expect(bar).toHaveAttribute("aria-valuetext", /^0 seconds of \d+ seconds?$/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowLeft");
  await expect(bar).toHaveValue("0");
  await page.keyboard.press("End");
  await expect(shown(page)).toContainText("two");
  await page.getByTestId("recording").click();
  await page.keyboard.type("typed");
  // Where the focus is makes no difference, and Tab leads on.
  await page.keyboard.press("0");
  await expect(bar).toHaveValue("0");
  await page.keyboard.press("End");
  await expect(shown(page)).not.toContainText("typed");
  await button("Back to the history").press("Enter");
  await expect(visitor.heading.filter({ visible: true })).toHaveText("History of tower");
});

test("it is saved as a file that can be opened again, and forgotten for everyone", async ({ rig, visitor }) => {
  const { page } = visitor;
  await visitor.pair();
  await pastTerminal(visitor, "echo saved-$((40 + 2))");
  await toHistory(visitor);
  await page.getByRole("link", { name: /ended with status 3/ }).click();
  const downloading = page.waitForEvent("download");
  await player(page).button("Save").click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^lanyard-[\w-]{8}\.cast$/);
  const path = rig.path("saved.cast");
  await download.saveAs(path);
  expect(await readFile(path, "utf8")).toContain("saved-42");

  await player(page).button("Back to the history").click();
  await page.getByRole("button", { name: /^Forget/ }).click();
  await page.getByRole("button", { name: "Forget it" }).click();
  await expect(page.getByRole("heading", { name: "Nothing has ended yet" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Nothing has ended yet" })).toBeVisible();

  await page.getByLabel("Recording to open").setInputFiles(path);
  await expect(shown(page)).toContainText("saved-42");
});

test("who may only watch plays and forgets nothing, and an address leads to a recording after a reload", async ({
  visitor,
  browser,
}) => {
  await visitor.pair();
  await pastTerminal(visitor, "echo shared");
  const guest = visitor.on(await browser.newPage());
  await guest.pair(["view"]);
  await toHistory(guest);
  await expect(guest.page.getByRole("button", { name: /^Forget/ })).toHaveCount(0);
  await guest.page.getByRole("link", { name: /ended with status 3/ }).click();
  await expect(shown(guest.page)).toContainText("shared");
  await guest.page.reload();
  await expect(shown(guest.page)).toContainText("shared");
  await guest.page.close();
});

test("a recording from a file is played, does nothing to the page, and a broken one is refused with a sentence", async ({
  rig,
  visitor,
}, info) => {
  const { page } = visitor;
  await visitor.pair();
  await toHistory(visitor);
  const file = page.getByLabel("Recording to open");
  const title = await page.title();
  const ESC = "\u001b";
  const lines: unknown[] = [
    { version: 3, term: { cols: 60, rows: 10 } },
    [0.1, "o", `${ESC}[c${ESC}[6n${ESC}]10;?${ESC}\\${ESC}]0;taken over${ESC}\\${ESC}]52;c;dGFrZW4=${ESC}\\first\r\n`],
    [1, "o", `${ESC}[8;500;500t${ESC}]8;;https://example.org${ESC}\\a link${ESC}]8;;${ESC}\\\r\n`],
    [60, "r", "70x12"],
    [0.5, "o", "last\r\n"],
    [0.1, "x", "0"],
  ];
  await writeFile(rig.path("good.cast"), lines.map((line) => JSON.stringify(line)).join("\n"));
  await file.setInputFiles(rig.path("good.cast"));
  await expect(shown(page)).toContainText("last");
  await expect(page.getByText("0:03 / 0:03")).toBeVisible();
  await page.getByLabel("Shorten waits").uncheck();
  await expect(page.getByText("1:01 / 1:01")).toBeVisible();
  await expect(page.getByTestId("recording").locator(".xterm-rows > div")).toHaveCount(12);
  // Half a minute into the wait, it plays on until it is told not to.
  await page.keyboard.press("Home");
  for (let step = 0; step < 6; step++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("k");
  await expect(player(page).button("Pause")).toBeVisible();
  await page.keyboard.press("k");
  await expect(player(page).button("Play")).toBeVisible();
  await expect(shown(page)).toContainText("first");
  await expect(shown(page)).not.toContainText("last");
  // What is drawn lies beneath what takes the click.
  await page.getByTestId("recording").getByText("a link").click({ force: true });
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await page.title()).toBe(title);
  await picture(page, "file", info);

  await player(page).button("Back to the history").click();
  await writeFile(rig.path("broken.cast"), `${JSON.stringify(lines[0])}\n["a"]\n`);
  await file.setInputFiles(rig.path("broken.cast"));
  await expect(page.getByRole("alert").filter({ hasText: "Line 2 is not an event." })).toBeVisible();
});

test("a recording that is dropped anywhere on the screen is played, and nothing is taken on another screen @desktop", async ({
  visitor,
}) => {
  const { page } = visitor;
  await visitor.pair();
  const cast = `${JSON.stringify({ version: 2, width: 60, height: 10 })}\n[0.5, "o", "dropped here\\r\\n"]\n`;
  /** What the page has done about it: a browser goes to a file that no page takes. */
  const drop = (what: { name: string; text: string } | null, kind: "dragover" | "drop") =>
    page.evaluate(
      ([file, type]) => {
        const dataTransfer = new DataTransfer();
        if (file === null) dataTransfer.setData("text/plain", "words");
        else dataTransfer.items.add(new File([file.text], file.name));
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
        return event.defaultPrevented;
      },
      [what, kind] as const,
    );
  const good = { name: "good.cast", text: cast };
  await toHistory(visitor);
  expect(await drop(null, "dragover")).toBe(false);
  expect(await drop(good, "dragover")).toBe(true);
  await expect(page.getByRole("button", { name: "Drop it here" })).toBeVisible();
  expect(await drop({ name: "bad.cast", text: "no recording" }, "drop")).toBe(true);
  await expect(page.getByRole("alert").filter({ hasText: "first line is no header" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Open a recording" })).toBeVisible();
  expect(await drop(good, "drop")).toBe(true);
  await expect(shown(page)).toContainText("dropped here");
  await expect(page.getByRole("heading", { name: "good.cast" })).toBeVisible();

  // The screen of the history stays mounted behind another one, and takes nothing there.
  await page.evaluate(() => (location.hash = "#/"));
  await visitor.live();
  expect(await drop(good, "dragover")).toBe(false);
  expect(await drop(good, "drop")).toBe(false);
});
