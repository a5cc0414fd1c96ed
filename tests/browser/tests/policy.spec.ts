import { expect, test } from "../support/test";

const ALWAYS = {
  "content-security-policy":
    /default-src 'none'; script-src 'self'; style-src 'self'; .*frame-ancestors 'none'; require-trusted-types-for 'script'/,
  "cross-origin-opener-policy": /^same-origin$/,
  "cross-origin-resource-policy": /^same-origin$/,
  "cross-origin-embedder-policy": /^require-corp$/,
  "referrer-policy": /^no-referrer$/,
  "x-content-type-options": /^nosniff$/,
  "origin-agent-cluster": /^\?1$/,
  "permissions-policy": /camera=\(\).*microphone=\(\)/,
};

test("the page and everything it loads carry the whole policy @desktop", async ({ visitor }) => {
  const seen = new Map<string, Record<string, string>>();
  visitor.page.on("response", (response) => seen.set(new URL(response.url()).pathname, response.headers()));
  await visitor.pair();
  await visitor.newTerminal();
  await visitor.page.getByRole("button", { name: "Find in the scrollback" }).click();
  await visitor.page.getByRole("searchbox").fill("x");
  await expect.poll(() => [...seen.keys()].some((path) => path.includes("search"))).toBe(true);
  expect(seen.size).toBeGreaterThanOrEqual(6);
  for (const [path, headers] of seen) {
    for (const [name, value] of Object.entries(ALWAYS)) expect(headers[name], `${name} of ${path}`).toMatch(value);
    expect(headers["set-cookie"], path).toBeUndefined();
    expect(headers["cache-control"], path).toMatch(path.startsWith("/assets/") ? /immutable/ : /no-cache/);
  }
});

test("the policy refuses what an injected script would load, and these tests see that it did @desktop", async ({
  rig,
  visitor,
  watch,
}) => {
  const { page } = visitor;
  await page.goto(rig.relay.web);
  const refused = page.waitForEvent("requestfailed");
  await page.evaluate(() => document.body.append(Object.assign(new Image(), { src: "https://elsewhere.invalid/" })));
  expect((await refused).failure()?.errorText).toBe("csp");
  await expect
    .poll(() => watch.takeComplaints().join("\n"))
    .toContain("violates the following Content Security Policy");
});

test("no secret of the pairing link, and no token, is in an address, in storage that is text, or in the history @desktop", async ({
  visitor,
}) => {
  const { page } = visitor;
  const link = await visitor.pairingLink();
  const secret = link.slice(link.indexOf("=") + 1);
  await visitor.open(link);
  await visitor.ask();
  await page.getByRole("button", { name: "Show my machine" }).click();
  await visitor.newTerminal();
  await visitor.screen.enter("echo used");
  await visitor.screen.shows("\nused\n$");
  const kept = await page.evaluate(() =>
    JSON.stringify([location.href, document.title, Object.entries(localStorage), Object.entries(sessionStorage)]),
  );
  expect(kept).not.toContain(secret);
  expect(kept).not.toMatch(/eyJ/);
  await page.goBack();
  await page.goBack();
  expect(page.url()).not.toContain(secret);
});
