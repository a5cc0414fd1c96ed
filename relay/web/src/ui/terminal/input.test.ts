import { expect, test } from "vitest";
import type { InputState, ViewState } from "../../net/api";
import { inputWords, keysGo, unsentWords, type Situation } from "./input";

const PIXEL = { name: "Pixel", yours: false };
const streaming: ViewState = { kind: "streaming" };
const lapsed: InputState = { kind: "lapsed", reason: { code: "lapsed", sentence: "", hint: "" } };

function words(part: Partial<Situation>) {
  return inputWords({
    view: streaming,
    input: { kind: "driver" },
    exit: null,
    touch: false,
    paired: true,
    mayEnd: true,
    asOf: null,
    next: "",
    driver: null,
    ...part,
  });
}

test("a lapsed token says why typing stopped and how it goes on", () => {
  expect(words({ input: lapsed }).text).toBe("Typing paused after 5 quiet minutes. Press any key to go on.");
  expect(words({ input: lapsed, touch: true }).text).toContain("Tap");
  expect(words({ input: lapsed }).action).toBe("go-on");
});

test("a token ended for another reason says that reason", () => {
  const input: InputState = {
    kind: "lapsed",
    reason: { code: "revoked", sentence: "this access was ended", hint: "" },
  };
  expect(words({ input }).text).toBe("This access was ended. Press any key to go on.");
});

test("who watches is told who types, and offered to take over", () => {
  const input: InputState = { kind: "watching" };
  expect(words({ input, driver: PIXEL })).toMatchObject({ text: "Watching: Pixel types here.", action: "take-over" });
  expect(words({ input }).text).toBe("Watching: someone else types here.");
  const own = { name: "Chrome on Linux", yours: true };
  expect(words({ input, driver: own }).text).toBe("Watching: another window of this browser types here.");
});

test("that somebody types is said before the first key, which then goes nowhere", () => {
  const idle: InputState = { kind: "idle" };
  expect(words({ input: idle, driver: PIXEL })).toMatchObject({ text: "Watching: Pixel types here.", tone: "ask" });
  expect(keysGo(idle, streaming, null, PIXEL)).toBe("refuse");
  // What this browser's own stream left behind when it was cut keeps nobody out.
  expect(keysGo(idle, streaming, null, { ...PIXEL, yours: true })).toBe("send");
});

test("what was not sent says whether somebody else types, or the machine kept silent", () => {
  expect(unsentWords(PIXEL)).toEqual({
    text: "Pixel types here now, so this was not sent.",
    send: "Take over and send",
  });
  expect(unsentWords(null).text).toContain("never confirmed");
});

test("access that was ended is not offered to be opened again", () => {
  const reason = { code: "revoked", sentence: "this access was ended by the owner", hint: "" };
  expect(words({ view: { kind: "ended", reason } }).action).toBe("leave");
});

test("an interruption says how old the screen is", () => {
  const text = words({ view: { kind: "interrupted" }, asOf: "as of 14:02:11" }).text;
  expect(text).toBe("Interrupted; the screen is as of 14:02:11. It goes on by itself.");
});

test("an interruption says what happens next, and on a phone nothing else", () => {
  const next = "It goes on by itself after `lanyard up` on the machine.";
  const interrupted = { view: { kind: "interrupted" }, asOf: "as of 14:02:11", next } as const;
  expect(words(interrupted).text).toBe(`Interrupted; the screen is as of 14:02:11. ${next}`);
  expect(words({ ...interrupted, touch: true }).text).toBe(next);
});

test("nobody is told to type while the machine does not answer, though no stream was cut", () => {
  const silent = { asOf: "as of 14:02:11", next: "Wake it, if you can." };
  expect(words(silent)).toMatchObject({ text: "The screen is as of 14:02:11. Wake it, if you can.", tone: "stop" });
  expect(words({ ...silent, asOf: null }).text).toBe("You are typing here.");
});

test("an exit is said before anything else", () => {
  const exit = { t: "status", code: 2 } as const;
  expect(words({ exit, view: { kind: "interrupted" } }).text).toContain("ended with status 2");
  expect(words({ exit }).action).toBe("put-away");
  expect(words({ exit, mayEnd: false }).action).toBe("leave");
});

test("a terminal that is gone is not offered again", () => {
  const gone = { code: "terminal-gone", sentence: "there is no such terminal any more", hint: "open a new one" };
  expect(words({ view: { kind: "ended", reason: gone } }).action).toBe("leave");
  expect(words({ view: { kind: "ended", reason: { ...gone, code: "cut" } } }).action).toBe("open-again");
  expect(words({ view: { kind: "ended", reason: { ...gone, code: "revoked" } }, paired: false }).action).toBe("leave");
});

test("keys ask for a token when none is live, and never take over by themselves", () => {
  expect(keysGo(lapsed, streaming, null, null)).toBe("send");
  expect(keysGo({ kind: "idle" }, streaming, null, null)).toBe("send");
  expect(keysGo({ kind: "watching" }, streaming, null, null)).toBe("refuse");
  expect(keysGo({ kind: "not-granted", taken: false }, streaming, null, null)).toBe("refuse");
});

test("keys go nowhere while unsent input waits for an answer, or after the end", () => {
  expect(keysGo({ kind: "unsent", text: new Uint8Array() }, streaming, null, null)).toBe("refuse");
  expect(keysGo({ kind: "driver" }, streaming, { t: "status", code: 0 }, null)).toBe("refuse");
});
