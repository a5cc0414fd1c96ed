// The browser's page as a viewer of a chaos run: pairs, types words without end, and compares what its screen shows with what the program
// printed. Speaks as `viewer.rs` does: one JSON object a line. It and its browser are one process group, which a fault kills.
import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { open, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { chromium } = createRequire(new URL("../browser/package.json", import.meta.url))("@playwright/test");

const { values: args } = parseArgs({
  options: {
    // A pairing link in the first life, the page's address in all others.
    open: { type: "string" },
    pair: { type: "boolean" },
    profile: { type: "string" },
    certificate: { type: "string" },
    terminal: { type: "string" },
    printed: { type: "string" },
    name: { type: "string" },
  },
});

/** Between two looks at the page, in milliseconds. A word is typed after each. */
const PACE = 150;
/** How much of what was printed last is looked at. */
const TAIL = 1024 * 1024;
/** A screen may be in the middle of being drawn; this long it is not. */
const SETTLED = 15_000;
/** A page that has not loaded by then is loaded again. */
const LOADED = 10_000;

const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A browser that trusts the relay's certificate and nothing else, and whose keys outlive it. */
async function browser() {
  const certificate = new X509Certificate(await readFile(args.certificate));
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  const port = join(args.profile, "DevToolsActivePort");
  await rm(port, { force: true });
  // The lock of the browser that was killed.
  await rm(join(args.profile, "SingletonLock"), { force: true });
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-gpu",
    "--window-size=1000,700",
    "--remote-debugging-port=0",
    `--user-data-dir=${args.profile}`,
    `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`,
    "about:blank",
  ];
  const program = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", flags, { stdio: "ignore" });
  program.on("exit", (code) => {
    say({ e: "over", why: `the browser ended: ${code}` });
    process.exit(1);
  });
  for (;;) {
    const lines = await readFile(port, "utf8").catch(() => "");
    const [number, path] = lines.split("\n");
    if (path) return chromium.connectOverCDP(`ws://127.0.0.1:${number}${path}`);
    await sleep(20);
  }
}

/** Presses a button if it is there. */
async function press(page, name) {
  const button = page.getByRole("button", { name, exact: true });
  if (await button.isVisible()) await button.click({ timeout: 2000 });
}

/** From whatever the page shows to the terminal. */
async function toTerminal(page) {
  const tab = page.getByRole("tab", { name: args.terminal });
  if ((await tab.count()) > 0) return true;
  if (args.pair) {
    await press(page, "They match, ask the machine");
    await press(page, "Show my machine");
  }
  const link = page.getByRole("main").getByRole("link", { name: args.terminal });
  if ((await link.count()) > 0) await link.first().click({ timeout: 2000 });
  return (await tab.count()) > 0;
}

/** Puts what is wrong right, as a person does; true if a word can be typed. */
async function ready(page) {
  const unsent = page.locator("#unsent-text");
  if (await unsent.isVisible()) {
    const words = await unsent.textContent({ timeout: 2000 });
    await press(page, "Discard");
    say({ e: "unsent", words });
    return false;
  }
  for (const name of ["Take over", "Go on", "Watch again", "Open again", "Try now"]) await press(page, name);
  const input = page.getByTestId("terminal").getByRole("textbox");
  await input.focus({ timeout: 2000 });
  return true;
}

/** Types a word in one stroke, as an input method does. The line under the terminal is made anew when keys are refused. */
async function type(page, word) {
  await page.evaluate(() => (globalThis.line = document.querySelector(".line > p")));
  await page.keyboard.insertText(word);
  const refused = await page.evaluate(() => globalThis.line !== document.querySelector(".line > p"));
  if (refused) say({ e: "unsent", words: word });
}

/** How far the screen shows what was printed; null if it shows something else. */
async function seen(page, printed) {
  const rows = await page.locator(".xterm-rows > div").allTextContents();
  const shown = rows.map((row) => row.replaceAll("\u00a0", " ").trimEnd());
  while (shown.at(-1) === "") shown.pop();
  if (shown.length === 0) return null;
  const { size } = await printed.stat();
  const from = Math.max(0, size - TAIL);
  const { buffer } = await printed.read(Buffer.alloc(size - from), 0, size - from, from);
  const tail = buffer.toString("latin1");
  const whole = `${shown.join("\r\n")}\r\n`;
  const at = tail.lastIndexOf(whole);
  // A line must not match the end of a longer one.
  const begins = at === 0 ? from === 0 : at > 0 && tail[at - 1] === "\n";
  return begins ? from + at + whole.length : null;
}

async function run() {
  const page = (await browser()).contexts()[0].pages()[0];
  const printed = await open(args.printed);
  let address = args.open;
  let loaded = 0;
  let n = 0;
  let said = 0;
  let right = Date.now();
  for (;;) {
    await sleep(PACE);
    try {
      if (loaded === 0) {
        await page.goto(address, { timeout: LOADED });
        loaded = Date.now();
        right = Date.now();
      }
      if (!(await toTerminal(page))) {
        const lost = page.url().startsWith("chrome-error:") || (!args.pair && Date.now() - loaded > LOADED);
        if (lost) loaded = 0;
        right = Date.now();
        continue;
      }
      if (await ready(page)) {
        n += 1;
        say({ e: "sent", n });
        await type(page, `${args.name}.${n};`);
      }
      const to = await seen(page, printed);
      if (to !== null) {
        right = Date.now();
        if (to !== said) say({ e: "seen", to: (said = to) });
      } else if (Date.now() - right > SETTLED) {
        say({ e: "wrong", what: await page.locator(".xterm-rows").innerText({ timeout: 2000 }) });
        right = Date.now();
      }
    } catch (error) {
      say({ e: "trouble", why: String(error).slice(0, 300) });
    }
  }
}

await run();
