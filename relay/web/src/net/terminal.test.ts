import { beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../core/bytes";
import type { InputState, TerminalSession, ViewState } from "./api";
import { last, only, openPairedPage, Screen, states, type Page } from "./testing/page";
import { settle } from "./testing/time";

let page: Page;
let session: TerminalSession;
let screen: Screen;
let view: ViewState[];
let input: InputState[];

beforeEach(async () => {
  page = await openPairedPage();
  page.machine.print("$ ");
  session = page.lanyard.openTerminal(page.machine.agent, page.machine.terminal.id, { cols: 100, rows: 30 });
  screen = new Screen(session);
  [view, input] = [states(session.view), states(session.input)];
  await settle();
});

async function type(text: string): Promise<void> {
  session.type(utf8(text));
  await settle();
}

test("looking holds one view token and nothing else", () => {
  expect([screen.text, screen.resets, last(view).kind, last(input).kind]).toEqual(["$ ", 1, "streaming", "idle"]);
  expect(page.machine.mints).toEqual(["view"]);
  expect(only(page).credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection", "view"]);
});

test("the first key brings the terminal token, and is applied", async () => {
  await type("ls\r");
  expect(page.machine.typed).toBe("ls\r");
  expect(input.map(({ kind }) => kind)).toEqual(["idle", "asking", "driver"]);
  expect(only(page).credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection", "view", "terminal"]);
});

test("output comes in order, whatever its size", async () => {
  const big = "x".repeat(50_000) + "y".repeat(50_000);
  page.machine.print(big.slice(0, 50_000));
  page.machine.print(big.slice(50_000));
  page.machine.print("end");
  await settle();
  expect(screen.text).toBe(`$ ${big}end`);
});

test("a snapshot larger than the window arrives whole", async () => {
  const history = Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at).repeat(60_000)).join("");
  for (let at = 0; at < history.length; at += 60_000) page.machine.print(history.slice(at, at + 60_000));
  await settle();
  const again = page.lanyard.openTerminal(page.machine.agent, page.machine.terminal.id, { cols: 10, rows: 10 });
  const second = new Screen(again);
  await settle();
  expect(second.text).toBe(`$ ${history}`);
});

test("a slow screen holds back its own stream at its window, and nothing else", async () => {
  screen.slow = true;
  for (let piece = 0; piece < 20; piece++) page.machine.print("z".repeat(60_000));
  await settle();
  expect(screen.text.length).toBeGreaterThan(400_000);
  expect(screen.text.length).toBeLessThanOrEqual(512 * 1024);
  await type("q");
  expect([page.machine.typed, only(page).live]).toEqual(["q", true]);
  for (let round = 0; round < 10; round++) {
    screen.catchUp();
    await settle();
  }
  expect(screen.text.length).toBe(2 + 20 * 60_000);
});

test("output that came before anyone listened is not lost", async () => {
  const early = page.lanyard.openTerminal(page.machine.agent, page.machine.terminal.id, { cols: 10, rows: 10 });
  await settle();
  expect(new Screen(early).text).toBe("$ ");
});

describe("a cut", () => {
  test("leaves the pixels, resumes from the byte it has, and shows no snapshot", async () => {
    page.relay.cut();
    await settle();
    expect(last(view).kind).toBe("interrupted");
    page.machine.print("while away ");
    await page.clock.pass(1000);
    expect([screen.text, screen.resets, last(view).kind]).toEqual(["$ while away ", 1, "streaming"]);
    expect(page.machine.openings).toEqual(["view null", "view 2"]);
  });

  test("of an unacknowledged key applies it once", async () => {
    page.machine.acknowledges = false;
    await type("x");
    page.relay.cut();
    page.machine.acknowledges = true;
    await page.clock.pass(1000);
    expect([page.machine.typed, last(input).kind]).toEqual(["x", "driver"]);
  });

  test("keeps what is typed meanwhile, and sends it when it is over", async () => {
    await type("a");
    page.relay.down = true;
    page.relay.cut();
    await type("b");
    await page.clock.pass(3000);
    page.relay.down = false;
    await page.clock.pass(6000);
    expect(page.machine.typed).toBe("ab");
  });

  test("of a minute offers what was typed instead of sending it", async () => {
    await type("a");
    page.relay.down = true;
    page.relay.cut();
    await type("rm -rf build\r");
    await page.clock.pass(60_000);
    page.relay.down = false;
    await page.clock.pass(20_000);
    expect(page.machine.typed).toBe("a");
    expect(last(input)).toEqual({ kind: "unsent", text: utf8("rm -rf build\r") });
    session.resolveUnsent(true);
    await settle();
    expect(page.machine.typed).toBe("arm -rf build\r");
  });
});

describe("a lapse of the terminal token", () => {
  beforeEach(async () => {
    await type("a");
    await page.clock.pass(2000);
    page.machine.end("terminal", "lapsed");
    await settle();
  });

  test("leaves the view streaming and says why typing stopped", async () => {
    page.machine.print("still here");
    await settle();
    expect([screen.text, last(view).kind, last(input)]).toMatchObject([
      "$ still here",
      "streaming",
      { kind: "lapsed", reason: { code: "lapsed" } },
    ]);
    expect(only(page).credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection", "view"]);
  });

  test("is undone by the next key, which is applied after one mint", async () => {
    await type("b");
    expect([page.machine.typed, last(input).kind]).toEqual(["ab", "driver"]);
    expect(page.machine.mints).toEqual(["view", "terminal", "terminal"]);
  });
});

test("a view that lapses is renewed by itself, without a snapshot", async () => {
  page.machine.end("view", "lapsed");
  await page.clock.pass(1000);
  expect([last(view).kind, page.machine.openings]).toEqual(["streaming", ["view null", "view 2"]]);
});

test("a revoked view is over for the person to see", async () => {
  page.machine.end("view", "revoked");
  await page.clock.pass(60_000);
  expect(last(view)).toMatchObject({ kind: "ended", reason: { code: "revoked" } });
  expect(page.machine.mints).toEqual(["view"]);
});

test("a terminal of a machine that lets this device go is over, pixels and all kept", async () => {
  page.relay.refusesSession = "revoked";
  page.relay.cut();
  await page.clock.pass(1000);
  expect([screen.text, last(view)]).toMatchObject(["$ ", { kind: "ended", reason: { code: "revoked" } }]);
});

test("a device that may only look cannot type", async () => {
  page.machine.scopes = ["view"];
  page.relay.cut();
  await page.clock.pass(1000);
  await type("x");
  expect([last(input).kind, page.machine.mints]).toEqual(["not-granted", ["view", "view"]]);
});

test("a terminal opened while the machine is away shows up when it is back", async () => {
  page.relay.machineAway = true;
  page.relay.cut();
  await page.clock.pass(1000);
  const late = page.lanyard.openTerminal(page.machine.agent, page.machine.terminal.id, { cols: 10, rows: 10 });
  const second = new Screen(late);
  await page.clock.pass(60_000);
  page.relay.wake();
  await settle();
  expect(second.text).toBe("$ ");
});

test("left, it holds no stream and no token, and says nothing more", async () => {
  await type("a");
  session.close();
  await settle();
  page.machine.print("unseen");
  await page.clock.pass(60_000);
  expect(screen.text).toBe("$ ");
  expect(only(page).credentials.map(({ purpose }) => purpose)).toEqual(["device", "connection"]);
  session.type(utf8("x"));
  await settle();
  expect(page.machine.typed).toBe("a");
});
