import { expect, test } from "../support/test";

test("two devices share a terminal: one drives, the other watches and takes over with one tap", async ({
  rig,
  visitor,
  another,
}) => {
  const { screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("echo one");
  await expect(screen.inputLine).toHaveText("You are typing here.");

  const other = await another();
  await other.pair();
  await other.show();
  await other.screen.shows("\none\n$");
  // It is told who types before the first key, and that key goes nowhere.
  const watching = `Watching: ${(await rig.agent.owner.status()).terminals[0]?.driver?.name ?? ""} types here.`;
  await expect(other.screen.inputLine).toHaveText(watching);
  await other.screen.type("x");
  await expect(other.screen.panel.getByRole("alert")).toHaveText(`Not sent. ${watching}`);
  await expect(screen.inputLine).toHaveText("You are typing here.");
  // What a watcher types is never sent.
  await other.screen.type("rm -rf nothing");
  await screen.enter("echo two");
  await other.screen.shows("\ntwo\n$");
  await screen.shows(/^\$ echo one\none\n\$ echo two\ntwo\n\$$/);

  await other.page.getByRole("button", { name: "Take over" }).click();
  await expect(other.screen.inputLine).toHaveText("You are typing here.");
  await expect(screen.inputLine).toHaveText(watching);
  await other.screen.enter("echo three");
  await screen.shows("\nthree\n$");
});

test("two pages of one browser share its pairing, and each its own credentials @desktop", async ({
  visitor,
  watch,
}) => {
  await visitor.pair();
  await visitor.newTerminal();
  await visitor.screen.enter("echo one");
  const second = visitor.on(await watch.page());
  await second.page.goto(visitor.page.url());
  await second.screen.shows("\none\n$");
  await second.page.evaluate(() => (location.hash = "#/access"));
  await expect(second.page.getByRole("button", { name: /^End watching/ })).toHaveCount(1);
  await expect(second.page.getByRole("button", { name: /^End typing/ })).toHaveCount(0);
});

test("the end of a program is told to everyone who watches, and its screen stays", async ({ visitor, another }) => {
  await visitor.pair();
  await visitor.newTerminal();
  const other = await another();
  await other.pair(["view"]);
  await other.page.getByRole("main").getByRole("link", { name: "running" }).click();
  await expect(other.screen.inputLine).toContainText("This browser may only watch.");
  await visitor.screen.enter("exit 3");
  for (const { screen } of [visitor, other]) {
    await expect(screen.inputLine).toContainText("The program ended with status 3.");
    await screen.shows("exit 3");
  }
  await visitor.page.getByRole("button", { name: "Put away" }).click();
  await visitor.page.getByRole("dialog").getByRole("button", { name: "Put away" }).click();
  await expect(visitor.heading.filter({ visible: true })).toHaveText("Your machines");
});
