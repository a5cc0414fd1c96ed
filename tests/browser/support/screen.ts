/** A terminal as the page draws it. */
import { expect, type Locator, type Page } from "@playwright/test";

type Shown = () => Promise<unknown[]>;

/** Waits until both show the same: either may be the slower. */
export async function agree(one: Shown, other: Shown): Promise<void> {
  await expect(async () => {
    expect(await one()).toEqual(await other());
  }).toPass({ timeout: 10_000 });
}

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

  /** Every cell that is drawn: its character and how it looks, whatever size it has. The cursor, which only one viewer fills, does not count. */
  async cells(): Promise<string[][]> {
    const rows = await this.rows.evaluateAll((elements) =>
      elements.map((row) =>
        [...row.children].flatMap((span) => {
          const classes = [...span.classList].filter((name) => !name.startsWith("xterm-cursor")).sort();
          const { color, backgroundColor } = (span as HTMLElement).style;
          const look = [...classes, color, backgroundColor].filter((part) => part !== "").join(" ");
          const characters = [...new Intl.Segmenter("en").segment(span.textContent.replaceAll("\u00a0", " "))];
          return characters.map(({ segment }) => (look === "" ? segment : `${segment} ${look}`));
        }),
      ),
    );
    const blank = (cell: string | undefined) => cell === " ";
    for (const row of rows) while (blank(row.at(-1))) row.pop();
    while (rows.at(-1)?.length === 0) rows.pop();
    return rows;
  }

  /** At which column of a row each text begins as it is drawn, in cells from the left. `cols` is how many there are. */
  async columnsOf(row: Locator, texts: readonly string[], cols: number): Promise<number[]> {
    const { width } = (await this.terminal.locator(".xterm-screen").boundingBox()) ?? { width: 0 };
    const pixels = await row.evaluate((element, wanted) => {
      const { left } = element.getBoundingClientRect();
      return wanted.map((text) => {
        const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
          const at = node.textContent?.indexOf(text) ?? -1;
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          return range.getBoundingClientRect().left - left;
        }
        return Number.NaN;
      });
    }, texts);
    return pixels.map((x) => Math.round((x / width) * cols * 10) / 10);
  }

  /** The middle of a text on the screen, to point at. */
  async point(text: string): Promise<{ x: number; y: number }> {
    const row = this.rows.filter({ hasText: text }).last();
    const at = await row.evaluate((element, wanted) => {
      const all = element.textContent.replaceAll("\u00a0", " ");
      const [from, to] = [all.indexOf(wanted), all.indexOf(wanted) + wanted.length - 1];
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      const range = document.createRange();
      let passed = 0;
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const length = node.textContent?.length ?? 0;
        if (from >= passed && from < passed + length) range.setStart(node, from - passed);
        if (to >= passed && to < passed + length) range.setEnd(node, to - passed + 1);
        passed += length;
      }
      const { left, top, width, height } = range.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    }, text);
    return at;
  }

  /** The middle of a cell, both counted from 1 as programs do. */
  async cellAt(column: number, row: number, cols: number): Promise<{ x: number; y: number }> {
    const box = await this.terminal.locator(".xterm-screen").boundingBox();
    const rows = await this.rows.count();
    const { x, y, width, height } = box ?? { x: 0, y: 0, width: 0, height: 0 };
    return { x: x + ((column - 0.5) * width) / cols, y: y + ((row - 0.5) * height) / rows };
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
