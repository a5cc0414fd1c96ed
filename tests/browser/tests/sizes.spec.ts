/** Two viewers of one terminal whose windows differ. */
import type { Page } from "@playwright/test";
import { frames } from "../support/frames";
import type { Visitor } from "../support/page";
import { agree } from "../support/screen";
import { expect, test } from "../support/test";

const COLOURS = String.raw`for c in 1 2 3 4 5 6; do printf "\e[3${"${c}"}mcolour $c \e[38;2;9;${"${c}"}0;200mtrue\e[0m "; done; printf '漢字 e\u0301 \e[7mover\e[0m\n'`;

/** A window beside which the visitor's is large, or small. */
async function resized(page: Page, by: number): Promise<void> {
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
  await page.setViewportSize({ width: Math.round(width * by), height: Math.round(height * by) });
}

/** Whether everything of the machine's screen is inside the place for it. */
async function seesAll({ screen }: Visitor): Promise<boolean> {
  const [place, grid] = await Promise.all([
    screen.terminal.boundingBox(),
    screen.terminal.locator(".xterm-screen").boundingBox(),
  ]);
  if (place === null || grid === null) return false;
  const right = grid.x + grid.width <= place.x + place.width + 1;
  return right && grid.y + grid.height <= place.y + place.height + 1;
}

test("who comes late sees cell for cell what the driver sees, whole, whether its window is smaller or larger", async ({
  visitor,
  another,
}) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("seq 300; clear");
  await screen.enter(COLOURS);
  await screen.shows("over\n$");
  const grid = await visitor.fitted();
  const other = await another();
  await resized(other.page, 0.7);
  await other.pair(["view"]);
  await other.show();
  await agree(
    () => other.screen.cells(),
    () => screen.cells(),
  );
  for (const by of [0.7, 1.6]) {
    await resized(other.page, by === 0.7 ? 1 : by / 0.7);
    await expect.poll(() => seesAll(other)).toBe(true);
    expect(await other.screen.rows.count()).toBe(grid.rows);
    await agree(
      () => other.screen.cells(),
      () => screen.cells(),
    );
    // The machine's terminal is the driver's, whoever looks on.
    expect(await visitor.grid()).toEqual(grid);
  }
  // Where the machine's screen ends before the window does, a quiet line says so.
  const outline = other.screen.terminal.locator(".xterm");
  await expect(outline).toHaveCSS("outline-style", "solid");
  await screen.enter("echo later");
  await screen.shows("later\n$");
  await agree(
    () => other.screen.cells(),
    () => screen.cells(),
  );
});

test("taking over is one tap: the terminal gets the size of that window, and no frame is empty on the way", async ({
  visitor,
  another,
}) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; seq 60; echo the-mark");
  await screen.shows("the-mark\n$");
  const before = await visitor.fitted();
  const other = await another();
  await resized(other.page, 0.8);
  await other.pair();
  await other.show();
  await other.screen.shows("the-mark");
  const watched = await frames(
    other.page,
    async () => {
      await other.page.getByRole("button", { name: "Take over" }).click();
      await expect(other.screen.inputLine).toHaveText("You are typing here.");
      await expect.poll(async () => (await visitor.grid()).cols).toBeLessThan(before.cols);
      await other.fitted();
    },
    "the-mark",
  );
  expect(watched.count).toBeGreaterThan(2);
  expect(watched).toMatchObject({ blank: 0, missing: 0 });
  await expect.poll(() => seesAll(visitor)).toBe(true);
  await expect(screen.inputLine).toContainText(/Watching: .* types here\.$/);
  await other.screen.enter("stty size");
  const now = await visitor.grid();
  await screen.shows(`${now.rows} ${now.cols}\n$`);
  await agree(
    () => other.screen.cells(),
    () => screen.cells(),
  );
});

for (const program of ["a shell", "vim"] as const) {
  test(`${program} is resized without an empty frame: the old picture stays until the new one is there`, async ({
    visitor,
  }) => {
    const { page, screen } = visitor;
    await visitor.pair();
    await visitor.newTerminal();
    await screen.enter("seq 500 > numbers; clear; cat numbers; echo the-mark");
    await screen.shows("the-mark\n$");
    if (program === "vim") {
      await screen.enter("vim +500 numbers");
      await screen.shows(/^500$/m);
    }
    await visitor.fitted();
    const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
    const watched = await frames(
      page,
      async () => {
        for (const by of [0.8, 0.65, 0.9, 1]) {
          const rows = (await visitor.grid()).rows;
          await page.setViewportSize({ width: Math.round(width * by), height: Math.round(height * by) });
          await expect.poll(async () => (await visitor.grid()).rows).not.toBe(rows);
          await visitor.fitted();
        }
      },
      program === "vim" ? "" : "the-mark",
    );
    expect(watched.count).toBeGreaterThan(10);
    expect(watched).toMatchObject({ blank: 0, missing: 0 });
  });
}
