import { writeFile } from "node:fs/promises";
import { expect, test } from "../support/test";

test("a file edited in vim survives a crash of the relay in the middle of a line", async ({ rig, visitor }) => {
  const { screen, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("vim notes.txt");
  await screen.shows(/^~$/m);
  await screen.type("ifirst line\nsecond");
  await screen.shows(/^first line\nsecond$/m);
  const size = await visitor.fitted();

  await rig.relay.crash();
  await expect(status).toContainText(/Relay unreachable, trying again in \d+ s/);
  await expect(status).toContainText(/as of \d\d:\d\d:\d\d/);
  await expect(screen.inputLine).toContainText(
    /(Interrupted; the screen is as of \d\d:\d\d:\d\d\. )?Your terminals run on. It goes on by itself when the relay answers\./,
  );
  await screen.shows(/^first line\nsecond$/m);
  // Keys are kept for the moment it returns.
  await screen.type(" half");

  await rig.relay.restart();
  await visitor.live();
  await screen.shows(/^first line\nsecond half$/m);
  // What the page said meanwhile took room, and gives it back.
  await expect.poll(() => visitor.grid()).toEqual(size);
  await screen.type("\nthird line");
  await screen.press("Escape");
  await screen.shows(/^first line\nsecond half\nthird line\n(~\n)+/);
  await screen.type(":wq\n");
  await screen.shows(/^\$ vim notes\.txt\n\$$/);
  expect(await rig.read("notes.txt")).toBe("first line\nsecond half\nthird line\n");
  await expect(screen.inputLine).toHaveText("You are typing here.");
});

test("a shell and its screen outlive a killed agent, and what was printed meanwhile is there", async ({
  rig,
  visitor,
}) => {
  const { screen, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo shell $$");
  await screen.shows(/^shell \d+$/m);
  const shell = /^shell \d+$/m.exec(await screen.text())?.[0];
  await screen.enter(
    "clear; echo waiting; until [ -e go ]; do sleep 0.02; done; seq 400; echo done > gone; echo still $$",
  );
  await screen.shows(/^waiting$/);

  await rig.agent.crash();
  await expect(status).toContainText("Lanyard ended unexpectedly");
  await writeFile(rig.path("go"), "");
  await expect.poll(() => rig.read("gone")).toBe("done\n");
  await screen.showsNo("400");

  await rig.agent.restart();
  await visitor.live();
  await screen.shows(`398\n399\n400\n${shell?.replace("shell", "still") ?? ""}\n$`);
  await screen.enter("echo and on");
  await screen.shows("\nand on\n$");
});

test("ending a device at the machine ends its open page within a second @desktop", async ({ rig, visitor }) => {
  const { page, screen, status } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo before");
  await screen.shows("\nbefore\n$");
  const [device] = (await rig.agent.owner.status()).devices;
  await rig.agent.owner.revoke(device?.id ?? "");
  await expect(status).toContainText("Access ended", { timeout: 1000 });
  await expect(status).toContainText("This access was ended by the owner.");
  // A new try would meet the same.
  await expect(page.getByRole("button", { name: "Open again" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Close tab" })).toBeVisible();
  await expect(screen.inputLine).not.toHaveText("You are typing here.");
  // Old pixels stay; nothing typed reaches the machine.
  await screen.enter("touch after");
  await screen.shows("\nbefore\n$");
  expect((await rig.agent.owner.status()).devices).toEqual([]);
  expect(await rig.read("after")).toBe("");

  // It knows so after a reload as well.
  await page.goto(rig.relay.web);
  await expect(status).toContainText("Access ended");
  await page.getByRole("button", { name: /^Forget/ }).click();
  await expect(visitor.heading.filter({ visible: true })).toHaveText("Your terminal, wherever you are");
});

test("a page that is opened while the machine is away says so, and comes back by itself @desktop", async ({
  rig,
  visitor,
}) => {
  await visitor.pair();
  await visitor.newTerminal();
  await visitor.screen.enter("echo kept");
  await visitor.screen.shows("\nkept\n$");
  await rig.agent.crash();
  await visitor.page.reload();
  await expect(visitor.status).toContainText("Lanyard ended unexpectedly");
  await expect(visitor.status).toContainText("run lanyard up on the machine");
  await rig.agent.restart();
  await visitor.live();
  await visitor.screen.shows("\nkept\n$");
});

test("a page whose parts were replaced at the relay offers to be loaded anew, and throws nothing", async ({
  visitor,
  watch,
}) => {
  const { page, screen } = visitor;
  await page.route(/addon-(search|web-links)/, (route) => route.fulfill({ status: 404, body: "" }));
  await visitor.pair();
  await visitor.newTerminal();
  const notice = page.getByText("A part of this page could not be loaded.");
  await expect(notice).toBeVisible();
  await page.getByRole("button", { name: "Find in the scrollback" }).click();
  await page.getByRole("searchbox").fill("text");
  await expect(page.getByRole("search").getByRole("status")).toHaveText("");
  // Typing goes on as before.
  await page.getByRole("search").getByRole("button", { name: "Close" }).click();
  await visitor.focus();
  await screen.enter("echo here");
  await screen.shows("\nhere\n$");
  await page.unroute(/addon-(search|web-links)/);
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await screen.shows("\nhere\n$");
  await expect(notice).toBeHidden();
  // The browser tells of what it did not find; nothing else was complained of.
  const complaints = watch.takeComplaints().filter((text) => !/404|Failed to fetch dynamically|MIME/i.test(text));
  expect(complaints).toEqual([]);
});

test("a page whose terminal was replaced at the relay says so where the terminal would be @desktop", async ({
  visitor,
  watch,
}) => {
  const { page, screen } = visitor;
  await page.route(/TerminalPanel-.*\.js/, (route) => route.fulfill({ status: 404, body: "" }));
  await visitor.pair();
  await page
    .getByRole("main")
    .getByRole("button", { name: /^New terminal/ })
    .click();
  await expect(page.getByText("The terminal could not be loaded from the relay.")).toBeVisible();
  await page.unroute(/TerminalPanel-.*\.js/);
  await page.getByRole("button", { name: "Reload the page" }).click();
  await screen.prompt();
  watch.takeComplaints();
});

test("what is wrong takes one row on a phone @phone", async ({ rig, visitor }) => {
  const { page, status } = visitor;
  await visitor.pair();
  const height = async () => (await status.boundingBox())?.height ?? 0;
  const calm = await height();
  await rig.relay.crash();
  await expect(status).toContainText("Relay unreachable");
  expect(await height()).toBe(calm);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  await expect(status.getByText(/^as of \d\d:\d\d:\d\d$/)).toBeVisible();
  const retry = await status.getByRole("button", { name: "Retry now" }).boundingBox();
  expect(Math.min(retry?.width ?? 0, retry?.height ?? 0)).toBeGreaterThanOrEqual(44);
  expect((retry?.x ?? 0) + (retry?.width ?? 0)).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
});
