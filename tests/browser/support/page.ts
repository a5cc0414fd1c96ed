/** The page as a person goes about it. */
import type { Locator, Page } from "@playwright/test";
import { expect } from "@playwright/test";
import type { Rig } from "./rig";
import type { Grid, Scope } from "./owner";
import { Screen } from "./screen";

export class Visitor {
  readonly screen: Screen;
  readonly heading: Locator;
  /** Changes with the link: what is wrong, or `live`. */
  readonly status: Locator;
  readonly words: Locator;

  constructor(
    readonly page: Page,
    private readonly rig: Rig,
  ) {
    this.screen = new Screen(page);
    this.heading = page.getByRole("heading", { level: 1 });
    this.status = page.getByRole("region", { name: "Status" });
    this.words = page.getByRole("list", { name: "Check words" }).locator(".word");
  }

  async open(link: string): Promise<void> {
    // The page takes the link out of its address; a second link to the same page must still load it anew.
    await this.page.goto("about:blank");
    await this.page.goto(link);
  }

  /** Compares the words, so to speak, and asks. */
  async ask(): Promise<void> {
    await this.page.getByRole("button", { name: "They match, ask the machine" }).click();
  }

  /** A link with the yes given beforehand. */
  pairingLink(scopes: Scope[] = ["view", "terminal"]): Promise<string> {
    return this.rig.agent.owner.pair(scopes, true);
  }

  /** Pairs and goes home. */
  async pair(scopes?: Scope[]): Promise<void> {
    await this.open(await this.pairingLink(scopes));
    await this.ask();
    await this.page.getByRole("button", { name: "Show my machine" }).click();
    await this.live();
  }

  /** Opens a new terminal and waits for its prompt. */
  async newTerminal(): Promise<void> {
    await this.page
      .getByRole("main")
      .getByRole("button", { name: /^New terminal/ })
      .click();
    await this.screen.prompt();
    await this.focus();
  }

  /** Opens one more beside those that are open. */
  async anotherTerminal(): Promise<void> {
    const before = await this.tabs.count();
    await this.page
      .getByRole("main")
      .getByRole("button", { name: /^New terminal/ })
      .click();
    await expect(this.tabs).toHaveCount(before + 1);
    await this.screen.prompt();
    await this.focus();
  }

  /** The tabs of terminals open in this page. */
  get tabs(): Locator {
    return this.page.getByRole("tab");
  }

  tab(name: string | RegExp): Locator {
    return this.page.getByRole("tab", { name });
  }

  /** Gives the terminal on the screen another name, by its menu. */
  async rename(name: string, given = name): Promise<void> {
    await this.page.getByRole("button", { name: /^More for/ }).click();
    await this.page.getByRole("button", { name: "Rename …" }).click();
    await this.page.getByRole("dialog").getByRole("textbox").fill(name);
    await this.page.getByRole("button", { name: "Save name" }).click();
    await expect(this.tab(given)).toBeVisible();
    await this.focus();
  }

  /** Opens a terminal that is there already. */
  async show(): Promise<void> {
    await this.page.getByRole("main").getByRole("link", { name: "running" }).click();
    await this.screen.prompt();
    await this.focus();
  }

  /** On a desk a terminal that is shown has the focus; a finger has to tap it. */
  async focus(): Promise<void> {
    if (await this.touches()) await this.screen.terminal.tap();
    await expect(this.screen.terminal.getByRole("textbox")).toBeFocused();
  }

  async live(): Promise<void> {
    await expect(this.status.getByText("live", { exact: true })).toBeVisible();
  }

  /** One finger on the terminal, moved down by so many pixels. */
  async swipe(down: number): Promise<void> {
    const box = await this.screen.terminal.boundingBox();
    if (box === null) throw new Error("there is no terminal to swipe");
    const x = box.x + box.width / 2;
    const middle = box.y + box.height / 2;
    const finger = await this.page.context().newCDPSession(this.page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", y?: number) =>
      finger.send("Input.dispatchTouchEvent", { type, touchPoints: y === undefined ? [] : [{ x, y }] });
    await touch("touchStart", middle - down / 2);
    for (let step = 1; step <= 10; step++) await touch("touchMove", middle - down / 2 + (down * step) / 10);
    await touch("touchEnd");
    await finger.detach();
  }

  /** The size of the machine's terminal, as the machine has it. */
  async grid(): Promise<Grid> {
    const [terminal] = (await this.rig.agent.owner.status()).terminals;
    return terminal?.grid ?? { cols: 0, rows: 0 };
  }

  /** That size, once page and machine agree on it. */
  async fitted(): Promise<Grid> {
    await expect(this.screen.inputLine).toHaveText("You are typing here.");
    await expect.poll(async () => (await this.grid()).rows).toBe((await this.screen.grid()).rows);
    return this.grid();
  }

  /** The same person at another page. */
  on(page: Page): Visitor {
    return new Visitor(page, this.rig);
  }

  touches(): Promise<boolean> {
    return this.page.evaluate(() => matchMedia("(any-pointer: coarse)").matches);
  }
}
