/** A terminal as the page draws it. */
import { expect, type Locator, type Page } from "@playwright/test";

export class Screen {
  /** The panel on the screen; others are open but hidden. */
  readonly panel: Locator;
  readonly terminal: Locator;
  readonly rows: Locator;
  /** What stands under it: whether one may type. */
  readonly inputLine: Locator;

  constructor(readonly page: Page) {
    this.panel = page.getByRole("tabpanel");
    this.terminal = this.panel.getByTestId("terminal");
    this.rows = this.terminal.locator(".xterm-rows > div");
    this.inputLine = this.panel.locator(".line > p").first();
  }

  /** Rows from the top, without the blanks that fill them up and without empty rows at the end. */
  async lines(): Promise<string[]> {
    return trimmed(await this.rows.allTextContents());
  }

  async text(): Promise<string> {
    return (await this.lines()).join("\n");
  }

  async shows(what: string | RegExp, options: { timeout?: number } = {}): Promise<void> {
    const text = expect.poll(() => this.text(), options);
    await (typeof what === "string" ? text.toContain(what) : text.toMatch(what));
  }

  async showsNo(what: string | RegExp): Promise<void> {
    const text = expect.poll(() => this.text());
    await (typeof what === "string" ? text.not.toContain(what) : text.not.toMatch(what));
  }

  /** Waits for a shell that waits. */
  async prompt(): Promise<void> {
    await this.shows(/\$$/);
  }

  /** Keys as a keyboard gives them, into whatever has the focus. */
  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** The grid as it is drawn. */
  async grid(): Promise<{ rows: number; width: number; height: number }> {
    const { width, height } = (await this.terminal.locator(".xterm-screen").boundingBox()) ?? { width: 0, height: 0 };
    return { rows: await this.rows.count(), width, height };
  }

  /** How one text is drawn: colours as the eye gets them. */
  async style(text: string | RegExp): Promise<{ color: string; background: string; bold: boolean }> {
    const cell = this.rows.locator("span").filter({ hasText: text }).last();
    return cell.evaluate((element) => {
      const { color, backgroundColor, fontWeight } = getComputedStyle(element);
      return { color, background: backgroundColor, bold: Number(fontWeight) >= 600 };
    });
  }
}

/** As rows are compared. */
export function trimmed(rows: readonly string[]): string[] {
  const lines = rows.map((row) => row.replaceAll("\u00a0", " ").trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
