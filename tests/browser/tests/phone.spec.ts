import { expect, test } from "../support/test";

test("the key row types what a phone's keyboard lacks, and leaves that keyboard open @phone", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  // What is typed before the screen is cleared would be wiped with it. The quotes keep the command itself from looking ready.
  await screen.enter("clear; echo re''ady; cat -v");
  await screen.shows("ready");
  const keys = page.getByRole("toolbar", { name: "Keys" });
  const input = screen.terminal.getByRole("textbox");
  for (const name of ["Escape", "Up", "Down", "Left", "Right", "Shift-Tab"]) {
    await keys.getByRole("button", { name, exact: true }).tap();
    await expect(input).toBeFocused();
  }
  await screen.shows("^[^[[A^[[B^[[D^[[C^[[Z");
  await screen.press("Enter");

  const ctrl = keys.getByRole("button", { name: "Control, for the next key" });
  await ctrl.tap();
  await expect(ctrl).toHaveAttribute("aria-pressed", "true");
  await screen.type("a");
  await expect(ctrl).toHaveAttribute("aria-pressed", "false");
  await screen.type("a");
  await screen.shows(/\^Aa$/);
  const alt = keys.getByRole("button", { name: "Alt, for the next key" });
  await alt.tap();
  await keys.getByRole("button", { name: "Up", exact: true }).tap();
  await screen.shows(/\^Aa\^\[\[1;3A$/);
  await keys.getByRole("button", { name: "Control C, interrupt" }).tap();
  await screen.shows(/\^C\n\$$/);
  await expect(input).toBeFocused();

  // Every key is large enough for a finger.
  for (const key of await keys.getByRole("button").all()) {
    const box = await key.boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
  }
});

test("a line that was composed arrives as one bracketed paste @phone", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter(String.raw`printf '\e[?2004h'; clear; echo re''ady; cat -v`);
  await screen.shows("ready");
  await page.getByRole("button", { name: "Write a line" }).tap();
  const box = page.getByRole("textbox", { name: "Write, then send it as one paste" });
  await expect(box).toBeFocused();
  await box.fill("two\nlines é");
  await page.getByRole("button", { name: "Insert" }).tap();
  await screen.shows(/^\^\[\[200~two\n(.*\n)?lines é\^\[\[201~/m);
  await expect(box).toHaveValue("");
  await expect(box).toBeFocused();
  await box.fill("sent");
  await page.getByRole("button", { name: "Send with Enter" }).tap();
  await screen.shows(/^\^\[\[200~sent\^\[\[201~\n/m);
});

test("one finger scrolls back, and in a pager it turns the pages @phone", async ({ visitor }) => {
  const { page, screen } = visitor;
  // A flick glides on; here the screen rests where the finger left it.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("seq 300");
  await screen.shows("\n300\n$");
  await visitor.swipe(240);
  await screen.showsNo(/^300$/m);
  await screen.shows(/^2\d\d$/m);
  await expect(async () => {
    await visitor.swipe(-360);
    expect(await screen.text()).toContain("\n300\n$");
  }).toPass();
  await screen.enter("seq 300 | less");
  await screen.shows(/^1\n2\n3\n/);
  await visitor.swipe(-240);
  await screen.showsNo(/^1$/m);
});

test("the page fits a phone: nothing scrolls sideways, and tabs lead home and back @phone", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo here");
  const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(await sideways()).toBe(0);
  const screens = page.getByRole("navigation", { name: "Screens" });
  await screens.getByRole("link", { name: "Machines" }).tap();
  await expect(page.getByRole("heading", { name: "Your machines" })).toBeVisible();
  expect(await sideways()).toBe(0);
  await screens.getByRole("link", { name: "More" }).tap();
  await expect(page.getByRole("heading", { name: "More", exact: true })).toBeVisible();
  expect(await sideways()).toBe(0);
  await screens.getByRole("button", { name: "Terminal" }).tap();
  await screen.shows("\nhere\n$");
});
