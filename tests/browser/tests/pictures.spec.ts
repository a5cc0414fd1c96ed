/** Screens for people to look at, in `results/screens`; `npm run picture` also refreshes those in `docs/images`. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { IMAGES, SCREENS } from "../support/paths";
import type { Rig } from "../support/rig";
import { expect, test } from "../support/test";

const SOURCE = `//! Answers how long a journey takes.

use std::time::Duration;

/// A leg of a journey, in metres.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    pub length: f64,
    pub climb: f64,
}

impl Leg {
    /// Naismith's rule, an hour for five kilometres,
    /// with ten minutes for every hundred metres up.
    pub fn time(self) -> Duration {
        let flat = self.length / 5_000.0 * 3_600.0;
        let up = self.climb.max(0.0) / 100.0 * 600.0;
        Duration::from_secs_f64(flat + up)
    }
}

pub fn total(legs: &[Leg]) -> Duration {
    legs.iter().map(|leg| leg.time()).sum()
}

#[test]
fn a_climb_takes_longer_than_the_plain() {
    let plain = Leg { length: 8_000.0, climb: 0.0 };
    let hill = Leg { climb: 400.0, ..plain };
    assert!(hill.time() > plain.time());
    assert_eq!(total(&[plain, plain]), plain.time() * 2);
}
`;

const HISTORY = `
set -e
mkdir -p trail/src trail/docs && cd trail && git init -q -b main
git config user.name Ada && git config user.email ada@example.org
at() { export GIT_AUTHOR_DATE="2026-05-$1T09:30:00Z" GIT_COMMITTER_DATE="2026-05-$1T09:30:00Z"; }
commit() { at "$1"; git add -A; git commit -q --allow-empty -m "$2"; }
cp ../journey.rs src/lib.rs; echo '# trail' > README.md; printf '[package]\\nname = "trail"\\n' > Cargo.toml
commit 02 'Say how long a leg takes'
git checkout -q -b climb; touch src/climb.rs; commit 04 'Count the metres up'
git checkout -q main; echo more >> README.md; commit 05 'Tell where the rule comes from'
git checkout -q climb; commit 06 'Do not gain time downhill'
git checkout -q main; at 07; git merge -q --no-ff -m 'Merge the climb' climb
git checkout -q -b maps; touch docs/maps.md; commit 09 'Read a track from a file'
git checkout -q main; touch build.sh; chmod +x build.sh; commit 10 'Build on every push'
at 11; git merge -q --no-ff -m 'Merge the maps' maps; git tag v0.2.0
touch track.tar.gz photo.png; ln -s README.md latest; touch -h -d '2026-05-11 09:30Z' * .
`;

const RC = `
set -g status-style 'bg=default,fg=cyan'
set -g status-left ''
set -g status-right ' trail '
set -g window-status-current-style bold
set -g pane-border-style fg=brightblack
set -g pane-active-border-style fg=brightblack
set -g default-terminal tmux-256color
set -sa terminal-features ',xterm-256color:RGB'
`;

for (const colorScheme of ["dark", "light"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test(`pictures of devices, ${colorScheme}`, async ({ visitor, another }, { project }) => {
      const { page } = visitor;
      await mkdir(SCREENS, { recursive: true });
      const shot = (name: string) =>
        page.screenshot({ path: join(SCREENS, `${project.name}-${colorScheme}-${name}.png`), animations: "disabled" });
      await visitor.pair(["view", "terminal", "devices"]);
      await visitor.newTerminal();
      await visitor.screen.enter("true");
      const other = await another();
      await other.pair(["view"]);
      await page.evaluate(() => (location.hash = "#/devices"));
      const cards = page.getByRole("list", { name: "Devices" }).getByRole("button", { expanded: false });
      await expect(cards).toHaveCount(2);
      await shot("devices");
      await cards.filter({ hasText: "this browser" }).click();
      await page.getByRole("button", { name: "Sign out this browser" }).click();
      await shot("devices-asked");
      await other.page.evaluate(() => (location.hash = "#/devices"));
      await expect(other.page.getByText("This browser may not see who else has access")).toBeVisible();
    });

    test(`pictures of pairing, home and a terminal, ${colorScheme}`, async ({ rig, visitor }, { project }) => {
      const { page, screen } = visitor;
      await mkdir(SCREENS, { recursive: true });
      const shot = async (name: string) => {
        const path = join(SCREENS, `${project.name}-${colorScheme}-${name}.png`);
        await page.screenshot({ path, animations: "disabled" });
        return path;
      };
      await trail(rig, colorScheme);

      await page.goto(rig.relay.web);
      await expect(visitor.heading).toBeVisible();
      await shot("empty");
      await visitor.open(await rig.agent.link());
      await expect(visitor.heading).toHaveText("Pair with tower");
      await shot("pair");
      await visitor.ask();
      await expect(visitor.heading).toHaveText("Now answer at tower");
      await shot("pair-waiting");
      await rig.agent.owner.answer((await rig.agent.question()).question, true);
      await page.getByRole("button", { name: "Show my machine" }).click();
      await visitor.live();
      await visitor.newTerminal();
      await screen.enter("cd trail; clear");
      const picture = await (project.name === "phone" ? narrow : wide)();
      await page.evaluate(() => (location.hash = "#/access"));
      await expect(page.getByRole("button", { name: /^End typing/ })).toBeVisible();
      await shot("access");
      await page.getByRole("button", { name: "Sign out this device" }).click();
      await shot("access-asked");
      await page.goto(`${rig.relay.web}/#/`);
      await expect(page.getByRole("link", { name: "running" })).toBeVisible();
      await shot("home");
      await page.goto(`${rig.relay.web}/#/more`);
      await expect(page.getByRole("heading", { name: "Add a machine" })).toBeVisible();
      await shot("more");
      if (process.env["LANYARD_PICTURES"] !== undefined && colorScheme === "dark") {
        await mkdir(IMAGES, { recursive: true });
        await copyFile(picture, join(IMAGES, project.name === "phone" ? "phone.png" : "terminal.png"));
      }

      async function wide(): Promise<string> {
        await visitor.fitted();
        await screen.enter("tmux new -s trail \\; split-window -h -l 46% \\; split-window -v -l 45%");
        await screen.shows("0:bash*");
        await screen.enter("clear; ls --color -og --time-style=+'%e %b'");
        await screen.shows("track.tar.gz");
        await screen.press("Control+b", "ArrowUp");
        await screen.enter("clear; git log --graph --oneline --all");
        await screen.shows("Say how long");
        await screen.press("Control+b", "ArrowLeft");
        await screen.enter("vim src/lib.rs");
        await screen.shows("Naismith");
        await screen.type("16G");
        await screen.shows("16,9");
        return shot("terminal");
      }

      async function narrow(): Promise<string> {
        await visitor.fitted();
        await screen.enter("clear; ls --color; git log --graph --oneline --all");
        await screen.shows("Say how long");
        const path = await shot("terminal");
        await screen.enter("clear; vim src/lib.rs");
        await screen.shows("Naismith");
        await shot("vim");
        await page.getByRole("button", { name: "Write a line" }).tap();
        await page.getByRole("textbox", { name: "Write, then" }).fill("git commit -m 'Über den Berg'");
        await shot("compose");
        await page.getByRole("button", { name: "Write a line" }).tap();
        return path;
      }
    });
  });
}

test("pictures of what goes wrong", async ({ rig, visitor, another }, { project }) => {
  const { page, screen, status } = visitor;
  await mkdir(SCREENS, { recursive: true });
  const shot = (name: string, of = page) =>
    of.screenshot({ path: join(SCREENS, `${project.name}-dark-${name}.png`), animations: "disabled" });
  await trail(rig, "dark");
  const link = await rig.agent.link();
  await rig.agent.owner.cancel();
  await visitor.open(link);
  await expect(visitor.heading).toContainText("This link");
  await shot("failed");
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("cd trail; ls --color -og");
  await screen.shows("track.tar.gz");
  const other = await another();
  await other.pair();
  await other.show();
  await expect(other.screen.inputLine).toContainText("Watching");
  await shot("watching", other.page);
  await rig.relay.crash();
  await expect(status).toContainText("Relay unreachable");
  await shot("unreachable");
  await rig.relay.restart();
  await visitor.live();
  for (const { id } of (await rig.agent.owner.status()).devices) await rig.agent.owner.revoke(id);
  await expect(status).toContainText("Access ended");
  await shot("ended");
});

for (const colorScheme of ["dark", "light"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test(`pictures of several terminals and of two viewers, ${colorScheme}`, async ({ rig, visitor, another }, {
      project,
    }) => {
      test.slow();
      const { page, screen } = visitor;
      await mkdir(SCREENS, { recursive: true });
      const shot = (name: string, of = page) =>
        of.screenshot({ path: join(SCREENS, `${project.name}-${colorScheme}-${name}.png`), animations: "disabled" });
      await trail(rig, colorScheme);
      await visitor.pair();
      await visitor.newTerminal();
      await visitor.rename("tests");
      await screen.enter("cd trail; clear; until [ -e ../go ]; do sleep 0.02; done; echo all 214 tests passed");
      await visitor.anotherTerminal();
      await visitor.rename("deploy");
      await screen.enter("exit 2");
      await expect(visitor.tab(/deploy/)).toContainText("status 2");
      await visitor.anotherTerminal();
      await visitor.rename("notes");
      await screen.enter("exit");
      await expect(visitor.tab(/notes/)).toContainText("finished");
      await visitor.anotherTerminal();
      await visitor.rename("trail");
      await screen.enter("cd trail; clear; ls --color -og --time-style=+'%e %b'; git log --graph --oneline --all");
      await screen.shows("Say how long");
      await screen.enter(String.raw`printf '\e]0;~/trail\a'`);
      await writeFile(rig.path("go"), "");
      await expect(visitor.tab(/tests.*, new output/)).toBeVisible();
      await visitor.fitted();
      await shot("several");
      await page.getByRole("button", { name: "All terminals and commands" }).click();
      await expect(page.getByRole("combobox")).toBeFocused();
      await shot("palette");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: /^More for/ }).click();
      await shot("menu");
      await page.getByRole("button", { name: "Rename …" }).click();
      await shot("rename");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Find in the scrollback" }).click();
      await page.getByRole("searchbox").fill("track");
      await expect(page.getByRole("search").getByRole("status")).toContainText("of");
      await shot("search");
      await page.keyboard.press("Escape");
      if (project.name === "desktop") {
        await page.getByRole("tab", { selected: true }).focus();
        await page.keyboard.press("?");
        await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
        await shot("keys");
        await page.keyboard.press("Escape");
        await expect(page.getByRole("tab", { selected: true })).toBeFocused();
        await page.keyboard.press("Enter");
      }

      await visitor.focus();
      await screen.type("vim src/lib.rs\n");
      await screen.shows("Naismith");
      const other = await another();
      await other.page.emulateMedia({ colorScheme });
      await other.page.setViewportSize(
        project.name === "phone" ? { width: 1000, height: 900 } : { width: 760, height: 560 },
      );
      await other.pair();
      await other.page.getByRole("main").getByRole("link", { name: /trail/ }).click();
      await other.screen.shows("Naismith");
      await shot("watcher", other.page);
      await other.page.setViewportSize({ width: 1700, height: 1050 });
      await expect(other.screen.terminal).toHaveClass(/letterboxed/);
      await other.screen.shows("Naismith");
      await shot("watcher-large", other.page);
      if (project.name === "phone") {
        await page.getByRole("button", { name: "Control, for the next key" }).tap();
        await shot("key-row");
        await rig.relay.crash();
        await expect(visitor.status).toContainText("Relay unreachable");
        await shot("away");
      }
    });
  });
}

async function trail(rig: Rig, background: "dark" | "light"): Promise<void> {
  await writeFile(rig.path("journey.rs"), SOURCE);
  await promisify(execFile)("bash", ["-c", HISTORY], { cwd: rig.home, env: rig.env });
  await writeFile(rig.path(".tmux.conf"), RC);
  await writeFile(
    rig.path(".vimrc"),
    [
      "set nocompatible viminfo= noswapfile shortmess+=I ruler number",
      "syntax on",
      "set termguicolors",
      `set background=${background}`,
      "colorscheme lunaperche",
      "highlight Normal guibg=NONE",
      "",
    ].join("\n"),
  );
}
