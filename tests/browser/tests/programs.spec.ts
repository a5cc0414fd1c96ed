import { writeFile } from "node:fs/promises";
import { Reference } from "../support/reference";
import { agree } from "../support/screen";
import { expect, test } from "../support/test";

const LONG = Array.from({ length: 300 }, (_, at) => `${at + 1}: ${"long ".repeat(at % 40)}end é 漢字 👍`).join("\n");

test("less looks as it does in another terminal, from the first page to the last @desktop", async ({
  rig,
  visitor,
}) => {
  const { screen } = visitor;
  await writeFile(rig.path("long.txt"), LONG);
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("less -S long.txt");
  const reference = await Reference.start(rig, await visitor.fitted(), "less -S long.txt");
  await screen.shows(/^1: end/);
  await agree(
    () => screen.lines(),
    () => reference.lines(),
  );
  await screen.type("G");
  await reference.keys("G");
  await screen.shows(/^300: /m);
  await agree(
    () => reference.lines(),
    () => screen.lines(),
  );
  await screen.type("q");
  await screen.shows(/^\$ less -S long\.txt\n\$$/);
});

test("vim looks as it does in another terminal @desktop", async ({ rig, visitor }) => {
  const { screen } = visitor;
  await writeFile(rig.path("long.txt"), LONG);
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("vim '+set number' +150 long.txt");
  const reference = await Reference.start(rig, await visitor.fitted(), "vim '+set number' +150 long.txt");
  await screen.shows(/^ *150 150: /m);
  await agree(
    () => reference.lines(),
    () => screen.lines(),
  );
});

test("htop draws its meters, its list and its keys", async ({ visitor }) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("htop");
  await screen.shows(/PID USER/);
  await screen.shows(/F1Help/);
  await screen.shows(/Mem\[/);
  const { rows } = await screen.grid();
  expect((await screen.rows.nth(rows - 1).textContent()) ?? "").toContain("F1");
  // The list's heading is a bar of its own colour.
  const bar = await screen.style("PID");
  expect(bar.background).not.toBe("rgba(0, 0, 0, 0)");
  await screen.type("q");
  await screen.shows(/^\$ htop\n\$$/);
});

test("tmux in the terminal shows what its panes hold @desktop", async ({ rig, visitor }) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("tmux");
  await screen.shows(/^\[0\] 0:bash\*/m);
  await screen.enter("seq 200; printf '漢字 é \\e[7mmarked\\e[0m\\n'");
  await screen.shows(/^漢字 é marked$/m);
  const inner = await Reference.ofPane(rig).lines();
  expect((await screen.lines()).slice(0, inner.length)).toEqual(inner);
  await screen.press("Control+b");
  await screen.type('"');
  await screen.shows(/^─{20,}$/m);
  await screen.enter("echo below");
  await screen.shows(/^─+\n\$ echo below\nbelow\n\$/m);
});

test("cells have the colours that programs asked for: of 256, of 16 million, bold @desktop", async ({ visitor }) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter(
    String.raw`clear; printf '\e[38;5;208mora\e[0mnge \e[38;2;1;200;90mgre\e[0men \e[48;5;17mblu\e[0me \e[1mbol\e[0md\n'`,
  );
  await screen.shows("orange green blue bold");
  expect((await screen.style(/^ora$/)).color).toBe("rgb(255, 135, 0)");
  expect((await screen.style(/^gre$/)).color).toBe("rgb(1, 200, 90)");
  expect((await screen.style(/^blu$/)).background).toBe("rgb(0, 0, 95)");
  expect((await screen.style(/^bol$/)).bold).toBe(true);
});

test.describe("on a light ground", () => {
  test.use({ colorScheme: "light" });

  test("colours that were chosen for a dark one are darkened until they can be read @desktop", async ({ visitor }) => {
    const { screen } = visitor;
    await visitor.pair();
    await visitor.newTerminal();
    await screen.enter(
      String.raw`clear; printf '\e[38;2;255;255;120mpale\e[0m \e[38;5;195mice\e[0m \e[97mwhite\e[0m \e[38;2;0;0;120mnavy\e[0m\n'`,
    );
    await screen.shows(/^pale ice white navy$/m);
    for (const text of [/^pale$/, /^ice$/, /^white$/, /^navy$/]) {
      expect(contrast((await screen.style(text)).color, "rgb(253, 251, 246)"), String(text)).toBeGreaterThanOrEqual(
        4.4,
      );
    }
    // What can be read is left as it is.
    expect((await screen.style(/^navy$/)).color).toBe("rgb(0, 0, 120)");
  });
});

/** How far two colours are apart, as WCAG counts it. */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).slice(0, 3).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

test("the machine's terminal takes the size of the window, and follows it", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; stty size");
  const before = await visitor.fitted();
  await screen.shows(`${before.rows} ${before.cols}\n$`);
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
  await page.setViewportSize({ width: width - 90, height: height - 120 });
  await expect.poll(async () => (await visitor.grid()).rows).toBeLessThan(before.rows);
  const after = await visitor.fitted();
  expect(after.cols).toBeLessThan(before.cols);
  await screen.enter("clear; stty size");
  await screen.shows(`${after.rows} ${after.cols}\n$`);
  // Nothing of it is outside of the window.
  const box = await screen.terminal.boundingBox();
  const grid = await screen.grid();
  expect(grid.width).toBeLessThanOrEqual(box?.width ?? 0);
  expect(grid.height).toBeLessThanOrEqual(box?.height ?? 0);
});

test("a flood of output leaves the page quick and the end of it on the screen @desktop", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("seq 200000");
  await screen.shows("199999\n200000\n$", { timeout: 30_000 });
  await page.getByRole("button", { name: "Find in the scrollback" }).click();
  await page.getByRole("searchbox").fill("199000");
  await screen.shows(/^199000$/m);
});
