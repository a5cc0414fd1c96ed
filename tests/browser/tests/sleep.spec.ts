/** A device that sleeps, and an agent that is another one afterwards. */
import { writeFile } from "node:fs/promises";
import { Network } from "../support/network";
import { agree } from "../support/screen";
import { expect, test } from "../support/test";

/** Of the page's own time, so that a busy machine under the test changes nothing. */
const A_SECOND = 1000;
const STEP = 10;

test("a phone that slept for ten minutes is back on the right screen within a second of the network's return", async ({
  rig,
  visitor,
}) => {
  const { page, screen, status } = visitor;
  const network = await Network.of(page);
  await page.clock.install();
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("clear; echo waiting; until [ -e go ]; do sleep 0.02; done; seq 400; echo done > gone");
  await screen.shows(/^waiting$/);

  await network.goes();
  const before = await page.evaluate(() => Date.now());
  await page.clock.fastForward("10:00");
  await writeFile(rig.path("go"), "");
  await expect.poll(() => rig.read("gone")).toBe("done\n");
  await screen.showsNo("400");
  await expect(status.getByText("live", { exact: true })).toHaveCount(0);

  // From here on the page's time goes only as far as this test lets it.
  const now = await page.evaluate(() => Date.now());
  expect(now - before).toBeGreaterThanOrEqual(600_000);
  await page.clock.pauseAt(now + A_SECOND);
  await network.returns();
  let spent = 0;
  await expect
    .poll(
      async () => {
        if (spent < A_SECOND) await page.clock.runFor(STEP);
        spent = Math.min(A_SECOND, spent + STEP);
        const live = await status.getByText("live", { exact: true }).count();
        return `${await screen.text()} ${live === 1 ? "live" : ""}`;
      },
      { intervals: [50], timeout: 20_000 },
    )
    .toMatch(/398\n399\n400\n\$ live$/);
  await page.clock.resume();
  await screen.enter("echo and on");
  await screen.shows("\nand on\n$");
});

for (const version of ["this version", "the version before"] as const) {
  test(`the agent is upgraded while htop runs under a holder of ${version}: it goes on, and its screen is right`, async ({
    rig,
    visitor,
    another,
  }) => {
    const { page, screen, status } = visitor;
    await visitor.pair();
    if (version === "this version") {
      await visitor.newTerminal();
      await screen.enter("exec htop");
    } else {
      await rig.agent.stop();
      await rig.holdAsBefore("htop", ["/usr/bin/env", "TERM=xterm-256color", "htop"]);
      await rig.agent.restart();
      await visitor.live();
      await page.getByRole("main").getByRole("link", { name: "running" }).click();
      await screen.shows(/F1Help/);
      await visitor.focus();
      // The first key takes the keyboard; this one changes nothing.
      await screen.press("Escape");
    }
    await screen.shows(/PID USER/);
    const size = await visitor.fitted();

    await rig.agent.crash();
    await expect(status).toContainText("Lanyard ended unexpectedly");
    await rig.agent.restart();
    await visitor.live();
    await expect.poll(() => visitor.grid()).toEqual(size);
    await screen.shows(/PID USER/);

    // It still draws, and takes keys once: the help, and back.
    await screen.type("h");
    await screen.shows(/htop .* - \(C\)/);
    await screen.press("Escape");
    await screen.shows(/PID USER/);
    // Who comes only now gets a picture of it, and it is the one that is here.
    const other = await another();
    await other.pair();
    await other.page.getByRole("main").getByRole("link", { name: "running" }).click();
    await other.screen.shows(/PID USER/);
    await agree(
      () => screen.lines(),
      () => other.screen.lines(),
    );
    await screen.type("q");
    await expect(screen.inputLine).toContainText("The program finished.");
  });
}
