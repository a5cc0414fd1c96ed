/** What one expects of a terminal: search, links, copying, pasting, the pointer, wide characters, and calm under a flood. */
import { writeFile } from "node:fs/promises";
import type { Visitor } from "../support/page";
import { Reference } from "../support/reference";
import { agree } from "../support/screen";
import { expect, test } from "../support/test";
import { work } from "../support/work";

/** The longest time between two frames that a person does not take for a hang, in milliseconds. */
const LONGEST_GAP = 150;

test("search counts its matches, walks through them in the scrollback, and says when there is none", async ({
  visitor,
}) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; seq 1000 1499");
  await screen.shows("\n1499\n$");
  await page.getByRole("button", { name: "Find in the scrollback" }).click();
  const box = page.getByRole("searchbox", { name: "Find in the scrollback" });
  const count = page.getByRole("search").getByRole("status");
  await expect(box).toBeFocused();
  // Letter by letter, and still the newest match first.
  await screen.type("123");
  await expect(count).toHaveText("11 of 11");
  await screen.shows(/^1239$/m);
  await page.getByRole("button", { name: "Older match" }).click();
  await expect(count).toHaveText("10 of 11");
  await box.press("Enter");
  await expect(count).toHaveText("9 of 11");
  await box.press("Shift+Enter");
  await expect(count).toHaveText("10 of 11");
  await page.getByRole("button", { name: "Newer match" }).click();
  await page.getByRole("button", { name: "Newer match" }).click();
  await expect(count).toHaveText("1 of 11");
  await screen.shows(/^1123$/m);
  await box.fill("nowhere at all");
  await expect(count).toHaveText("not found");
  await expect(box).toHaveAttribute("aria-invalid", "true");
  await box.press("Escape");
  await expect(page.getByRole("search")).toHaveCount(0);
  await screen.shows("\n1499\n$");
});

test("a link is shown before it is followed, and says so when its label is another @desktop", async ({
  rig,
  visitor,
}) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  const target = `${rig.relay.web}/#/more`;
  const osc = (address: string, label: string) => String.raw`\e]8;;${address}\e\\${label}\e]8;;\e\\`;
  await screen.enter(
    `clear; printf 'go ${target} now\\n${osc(target, "https://bank.example")}\\n${osc("javascript:alert(1)", "trap")} ${osc("file:///etc/passwd", "secrets")}\\n'`,
  );
  await screen.shows("trap secrets\n$");
  const dialog = page.getByRole("dialog", { name: "Open this link?" });
  const click = async (text: string) => {
    const { x, y } = await screen.point(text);
    await page.mouse.move(x, y);
    await expect(screen.terminal.locator(".xterm-cursor-pointer")).toHaveCount(1);
    await page.mouse.click(x, y);
  };
  await click("/#/more");
  await expect(dialog).toContainText(`It leads to ${new URL(target).host}`);
  await expect(dialog.getByText("On the screen it is called")).toHaveCount(0);
  await dialog.getByRole("button", { name: "Stay here" }).click();
  await expect(screen.terminal.getByRole("textbox")).toBeFocused();

  await click("bank");
  await expect(dialog).toContainText("On the screen it is called “https://bank.example”.");
  await expect(dialog.getByText(target, { exact: true })).toBeVisible();
  const opened = page.context().waitForEvent("page");
  await dialog.getByRole("button", { name: "Open it" }).click();
  const fresh = await opened;
  await expect(fresh.getByRole("heading", { name: "More", exact: true })).toBeVisible();
  expect(await fresh.evaluate(() => window.opener === null && document.referrer === "")).toBe(true);
  await fresh.close();

  // What is not of the web is text.
  for (const text of ["trap", "secrets"]) {
    const { x, y } = await screen.point(text);
    await page.mouse.click(x, y);
    await expect(dialog).toBeHidden();
  }
});

test("what is selected is copied, and Ctrl-C interrupts again when nothing is @desktop", async ({ visitor }) => {
  const { page, screen } = visitor;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; echo take 漢字-é-this only; cat");
  await screen.shows("this only");
  const { x, y } = await screen.point("漢字");
  await page.mouse.dblclick(x, y);
  await screen.press("Control+c");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("漢字-é-this");
  await screen.showsNo("^C");
  await screen.press("Control+c");
  await screen.shows(/\^C\n\$$/);
});

test("the whole of what is visible can be copied by a finger", async ({ visitor }) => {
  const { page, screen } = visitor;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; printf 'one  two\\n\\nthree'; cat");
  await screen.shows("three");
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("button", { name: "Copy visible text" }).click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("one  two\n\nthree");
});

/** Pastes as a person does by keys, the clipboard's content included. */
async function paste({ page, screen }: Visitor, text: string): Promise<void> {
  await page.evaluate((content) => navigator.clipboard.writeText(content), text);
  await screen.press("Control+Shift+V");
}

test("a paste of several lines waits for Enter, and cannot break out of its brackets @desktop", async ({
  rig,
  visitor,
}) => {
  const { page, screen } = visitor;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await visitor.pair();
  await visitor.newTerminal();
  await paste(visitor, "echo a1\necho b2\n");
  await screen.shows(/^\$ echo a1\necho b2$/m);
  await screen.press("Enter");
  await screen.shows(/^a1\nb2\n\$$/m);

  // The end mark in the middle, a carriage return and other controls: nothing of it is typed.
  await paste(visitor, "echo safe\u001b[201~\rtouch hacked\r\u0003\u0004\u009b201~\rtouch hacked\r");
  await screen.shows("touch hacked\n201~");
  // Seldom, and under a plain terminal too, bash says ^C and keeps the line all the same: then once more, as a person does.
  await expect(async () => {
    await screen.press("Control+c");
    await screen.shows(/\$$/, { timeout: 1000 });
  }).toPass({ timeout: 10_000 });
  await screen.enter("clear; ls; echo re''ady");
  await screen.shows("ready\n$");
  expect(await screen.text()).not.toContain("hacked");

  await screen.enter("vim pasted.txt");
  await screen.shows(/^~$/m);
  await screen.type("i");
  await screen.shows("-- INSERT --");
  await paste(visitor, "if x:\n\tfor y in z:\n\t    漢字 é 👍\n  end\n");
  await screen.shows("  end");
  await screen.press("Escape");
  await screen.enter(":wq");
  await screen.shows(/\$ vim pasted\.txt\n\$$/);
  expect(await rig.read("pasted.txt")).toBe("if x:\n\tfor y in z:\n\t    漢字 é 👍\n  end\n\n");
});

/** Text and how many columns it takes for the programs of this machine. */
const WIDTHS: readonly [string, number][] = [
  ["abc", 3],
  ["漢字かな", 8],
  ["한국어", 6],
  ["e\u0301a\u0308o\u0302", 3],
  ["👍🎉", 4],
  ["👩\u200d👩\u200d👧", 6],
  ["┌──┬──┐", 7],
  ["│░▒▓█│", 6],
  ["ﾊﾝｶｸ", 4],
  ["→≠∑", 3],
];

test("wide, combining, joined and box characters take the columns that programs count on", async ({
  rig,
  visitor,
  another,
}) => {
  const { screen } = visitor;
  await writeFile(rig.path("wide.txt"), WIDTHS.map(([text]) => `${text}|\n`).join(""));
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; cat wide.txt");
  await screen.shows("→≠∑|\n$");
  const { cols } = await visitor.fitted();
  const columns = async (of: Visitor) => {
    const ends: number[] = [];
    for (const at of WIDTHS.keys()) ends.push(...(await of.screen.columnsOf(of.screen.rows.nth(at), ["|"], cols)));
    return ends;
  };
  const wanted = WIDTHS.map(([, width]) => width);
  await screen.shows(/^abc\|/);
  expect(await columns(visitor)).toEqual(wanted);
  // A second viewer gets them from the holder's picture, not from the bytes.
  const other = await another();
  await other.pair(["view"]);
  await other.show();
  await agree(
    () => other.screen.cells(),
    () => screen.cells(),
  );
  expect(await columns(other)).toEqual(wanted);
});

test("wide characters stand where another emulator has them @desktop", async ({ rig, visitor }) => {
  const { screen } = visitor;
  // Joined emoji are left out: emulators do not agree about them.
  const lines = WIDTHS.filter(([text]) => !text.includes("\u200d")).map(([text]) => text.padEnd(12, ".") + text);
  await writeFile(rig.path("wide.txt"), `${lines.join("\n")}\n`.repeat(12));
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("less wide.txt");
  const reference = await Reference.start(rig, await visitor.fitted(), "less wide.txt");
  await screen.shows(/^abc\.\.\./m);
  await agree(
    () => reference.lines(),
    () => screen.lines(),
  );
});

test("clicks and the wheel reach programs that ask for them, as SGR reports @desktop", async ({ rig, visitor }) => {
  const { page, screen } = visitor;
  await writeFile(rig.path("lines.txt"), Array.from({ length: 200 }, (_, at) => `line ${at + 1} of many`).join("\n"));
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter(String.raw`clear; printf '\e[?1000h\e[?1006h'; echo re''ady; cat -v`);
  await screen.shows("ready");
  const { cols } = await visitor.fitted();
  const at = async (column: number, row: number) => {
    const { x, y } = await screen.cellAt(column, row, cols);
    await page.mouse.move(x, y);
    return { x, y };
  };
  const first = await at(7, 5);
  await page.mouse.click(first.x, first.y);
  await page.mouse.wheel(0, 120);
  await screen.shows(/\^\[\[<0;7;5M\^\[\[<0;7;5m(\^\[\[<65;7;5M)+/);
  await screen.press("Control+c");
  await screen.enter(String.raw`printf '\e[?1000l\e[?1006l'; vim '+set mouse=a' lines.txt`);
  await screen.shows(/^line 1 of many$/m);
  const second = await at(6, 9);
  await page.mouse.click(second.x, second.y);
  await screen.shows("9,6");
  await page.mouse.wheel(0, 400);
  await screen.showsNo(/^line 1 of many$/m);
  await screen.type(":q!\n");
  await screen.shows(/lines\.txt\n\$$/);
  // Without mouse reports the wheel turns the pages of what has a screen of its own.
  await screen.enter("less lines.txt");
  await screen.shows(/^line 1 of many$/m);
  await page.mouse.wheel(0, 400);
  await screen.showsNo(/^line 1 of many$/m);
});

test("a flood of output never stops the page for longer than a person notices", async ({ visitor }, info) => {
  test.slow();
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter(
    String.raw`for n in $(seq 3000); do printf '\e[3%dm%d ' $((n % 7)) $n; printf '漢字 long words of a flood %.0s' 1 2 3 4 5 6; echo; done > flood.txt; clear; echo re''ady`,
  );
  await screen.shows("ready\n$", { timeout: 30_000 });
  const { frames, busiest, longest } = await work(page, async () => {
    await screen.enter("for n in $(seq 12); do cat flood.txt; done; echo ov''er");
    await screen.shows("over\n$", { timeout: 60_000 });
  });
  // Other work on this machine stretches what the clock says, so the page is held to what it did itself.
  const told = `longest frame gap under a flood: ${busiest} ms of the page's own work, ${longest} ms by the clock, in ${frames} frames`;
  info.annotations.push({ type: "figure", description: told });
  process.stdout.write(`    ${info.project.name}: ${told}\n`);
  expect(frames, "the flood was over before it was drawn").toBeGreaterThan(20);
  expect(busiest).toBeGreaterThan(0);
  expect(busiest).toBeLessThanOrEqual(LONGEST_GAP);
});
