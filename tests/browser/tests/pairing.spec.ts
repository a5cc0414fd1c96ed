import { expect, test } from "../support/test";

test("a browser pairs by link, compares four words, and types into a real shell", async ({ rig, visitor }) => {
  const { page, screen } = visitor;
  await visitor.open(await rig.agent.link());
  await expect(visitor.heading).toHaveText("Pair with tower");
  expect(new URL(page.url()).hash).toBe("");
  await expect(page.getByText("Open terminals and type into them")).toBeVisible();
  await expect(page.getByText("full power of your user account")).toBeVisible();
  // Until the browser asks, the machine shows nothing.
  expect(rig.agent.asked).toBe(false);

  await visitor.ask();
  const question = await rig.agent.question();
  expect(question.scopes).toEqual(["view", "terminal"]);
  await expect(visitor.words).toHaveText(question.words);
  expect(question.words).toHaveLength(4);
  await expect(visitor.heading).toHaveText("Now answer at tower");
  // Nothing is granted before the yes.
  expect((await rig.agent.owner.status()).devices).toEqual([]);

  await rig.agent.owner.answer(question.question, true);
  await rig.agent.paired();
  await page.getByRole("button", { name: "Show my machine" }).click();
  await expect(visitor.heading.filter({ visible: true })).toHaveText("Your machines");
  await visitor.live();
  await visitor.newTerminal();
  await screen.enter('echo "$((6 * 7)) from $USER"');
  await screen.shows("\n42 from ada\n$");
  await expect(screen.inputLine).toHaveText("You are typing here.");
});

test("watching and typing are two credentials, each shown with what stops when it ends", async ({ visitor }) => {
  const { page, screen } = visitor;
  await visitor.pair();
  await visitor.newTerminal();
  await screen.enter("true");
  // All of it goes on by itself while somebody types, so nothing blocks and nothing warns.
  await expect(visitor.status.getByRole("link", { name: /^Access/ })).toHaveCount(0);
  await page.goto(`${page.url().split("#")[0] ?? ""}#/access`);
  const rung = (name: string) => page.getByRole("listitem").filter({ has: page.getByText(name, { exact: true }) });
  await expect(rung("typing").last()).toContainText(/Stops working: terminal input\. Renewed by itself/);
  await expect(rung("watching").last()).toContainText(/Stops working: terminal output\. Renewed by itself/);
  await expect(rung("this browser").first()).toContainText(/29 days left/);
});

test("a no at the machine is shown as a refusal, and grants nothing @desktop", async ({ rig, visitor }) => {
  await visitor.open(await rig.agent.link());
  await visitor.ask();
  const { question } = await rig.agent.question();
  await rig.agent.owner.answer(question, false);
  await expect(visitor.heading).toHaveText("The person at the machine said no");
  await expect(visitor.page.getByText("Nothing was granted.")).toBeVisible();
  expect((await rig.agent.owner.status()).devices).toEqual([]);
});

test("a link that was used says so @desktop", async ({ rig, visitor, another }) => {
  const link = await rig.agent.owner.pair(["view"], true);
  await visitor.open(link);
  await visitor.ask();
  await expect(visitor.heading).toHaveText("Paired");
  const late = await another();
  await late.open(link);
  await expect(late.heading).toHaveText("This link has already been used");
  await expect(late.page.getByRole("button", { name: "Copy lanyard pair" })).toBeVisible();
});

test("a link that has expired says how to get another @desktop", async ({ rig, visitor }) => {
  // Five minutes are too long for a test: the relay's answer to a link that was taken back is made that to an old one.
  await visitor.page.routeWebSocket(/\/v1\/attach$/, (page) => {
    const relay = page.connectToServer();
    relay.onMessage((message) => page.send(typeof message === "string" ? message : expired(message)));
  });
  const link = await rig.agent.link();
  await rig.agent.owner.cancel();
  await visitor.open(link);
  await expect(visitor.heading).toHaveText("This link has expired");
  await expect(visitor.page.getByText("A pairing link works for five minutes.")).toBeVisible();
  await expect(visitor.page.getByRole("button", { name: "Copy lanyard pair" })).toBeVisible();
});

test("a link that nobody made and one that is damaged say what may have happened @desktop", async ({
  rig,
  visitor,
}) => {
  const link = await rig.agent.link();
  const title = "This link is not complete, or no longer known";
  // Another secret: the last letters but those of padding bits.
  const other = link.slice(0, -8) + (link.endsWith("AAAAAAAA") ? "BBBBBBBA" : "AAAAAAAA");
  for (const wrong of [other, link.slice(0, -12), `${rig.relay.web}/#pair=`, `${rig.relay.web}/#pair=%00`]) {
    await visitor.open(wrong);
    await expect(visitor.heading).toHaveText(title);
  }
});

test("a link to a machine that is not connected can be tried again when it is @desktop", async ({ rig, visitor }) => {
  const link = await rig.agent.link();
  await rig.agent.crash();
  await visitor.open(link);
  await expect(visitor.heading).toHaveText("The machine is not connected");
  await rig.agent.restart();
  await visitor.page.getByRole("button", { name: "Try again" }).click();
  // A machine that was started anew has forgotten its links.
  await expect(visitor.heading).toHaveText("This link is not complete, or no longer known");
});

test("a browser that may only watch says why it cannot open a terminal", async ({ visitor }) => {
  await visitor.pair(["view"]);
  await expect(visitor.page.getByText("This browser may only watch.")).toBeVisible();
  await expect(visitor.page.getByRole("button", { name: /^New terminal/ })).toBeDisabled();
});

/** A `close` frame of a stream that says `pair-used`, saying `pair-expired`. */
function expired(frame: Buffer): Buffer {
  const [close, used, old] = [0x15, 303, 304];
  if (frame[4] === close && frame.readUInt16BE(5) === used) frame.writeUInt16BE(old, 5);
  return frame;
}
