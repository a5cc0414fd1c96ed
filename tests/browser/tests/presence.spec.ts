/** Who is not there, in words: this device's network, the relay, the machine, or Lanyard on it. */
import { join } from "node:path";
import type { Page, TestInfo } from "@playwright/test";
import { Network } from "../support/network";
import type { Visitor } from "../support/page";
import { SCREENS } from "../support/paths";
import { expect, test } from "../support/test";

/** For people to look at. */
async function picture(page: Page, name: string, info: TestInfo): Promise<void> {
  await page.screenshot({ path: join(SCREENS, `presence-${name}-${info.project.name}.png`) });
}

/** What a person reads who looks for what to do: in the status line, or under the terminal where there is no room for it. */
async function says(visitor: Visitor, next: string | RegExp): Promise<void> {
  await expect(visitor.screen.inputLine).toContainText(next);
}

test("Lanyard that was killed at the machine has ended unexpectedly, since when, and what to do is said", async ({
  rig,
  visitor,
}, info) => {
  const { page, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await rig.agent.crash();
  await expect(status).toContainText("Lanyard ended unexpectedly");
  await expect(status.getByText(/^as of \d\d:\d\d:\d\d$/)).toBeVisible();
  await expect(status.getByText("live", { exact: true })).toHaveCount(0);
  await says(visitor, "Otherwise run lanyard up on the machine.");
  await picture(page, "killed", info);
  await page.goto(`${rig.relay.web}/#/`);
  await expect(page.getByRole("main")).toContainText(/At \d\d:\d\d:\d\d it was killed/);
  await picture(page, "killed-home", info);
  await rig.agent.restart();
  await visitor.live();
});

test("Lanyard that was stopped in good order may be restarting, and is not called broken", async ({
  rig,
  visitor,
}, info) => {
  const { page, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await rig.agent.stop();
  await expect(status).toContainText("Lanyard stopped or restarting");
  await says(visitor, "A restart takes seconds");
  await picture(page, "stopped", info);
  // Who comes only now hears the same.
  await page.reload();
  await expect(status).toContainText(/Lanyard stopped/);
  await rig.agent.restart();
  await visitor.live();
});

test("a machine that sleeps does not answer, for who is there and for who comes, and live is not said of it", async ({
  rig,
  visitor,
}, info) => {
  const { page, status, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo before");
  await screen.shows("\nbefore\n$");
  rig.agent.sleep();
  await expect(status).toContainText("Machine does not answer", { timeout: 25_000 });
  await expect(status.getByText(/^as of \d\d:\d\d:\d\d$/)).toBeVisible();
  await says(visitor, "It goes on by itself when the machine answers.");
  await screen.shows("\nbefore\n$");
  await picture(page, "asleep", info);
  await page.reload();
  await expect(status).toContainText("Machine does not answer", { timeout: 25_000 });
  rig.agent.wake();
  await expect(status.getByText("live", { exact: true })).toBeVisible({ timeout: 25_000 });
  await screen.shows("\nbefore\n$");
});

test("a relay that stops is restarting, and one that was killed is unreachable", async ({ rig, visitor }, info) => {
  const { page, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await rig.relay.stop();
  await expect(status).toContainText("Relay restarting");
  await says(visitor, "It goes on by itself when the relay is back.");
  await picture(page, "relay-restarting", info);
  await rig.relay.restart();
  await visitor.live();
  await rig.relay.crash();
  await expect(status).toContainText("Relay unreachable");
  await says(visitor, "It goes on by itself when the relay answers.");
  await picture(page, "relay-gone", info);
  await rig.relay.restart();
  await visitor.live();
});

test("a device without a network is told so, and not that the relay or the machine is gone", async ({
  visitor,
}, info) => {
  const { page, status } = visitor;
  const network = await Network.of(page);
  await visitor.pair();
  await visitor.newTerminal();
  await network.goes();
  await expect(status).toContainText("Your network is gone");
  await says(visitor, "It goes on by itself when the network is back.");
  await picture(page, "network-gone", info);
  await network.returns();
  await visitor.live();
});
