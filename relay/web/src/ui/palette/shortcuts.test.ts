import { expect, test } from "vitest";
import { Shortcuts, type Stroke } from "./shortcuts";

const stroke = (key: string, part: Partial<Stroke> = {}): Stroke => ({
  key,
  ctrl: false,
  meta: false,
  alt: false,
  at: 0,
  ...part,
});

test("Ctrl-K and Cmd-K open the palette, with Shift too", () => {
  const keys = new Shortcuts();
  expect(keys.press(stroke("k", { ctrl: true }))).toBe("palette");
  expect(keys.press(stroke("K", { meta: true }))).toBe("palette");
  expect(keys.press(stroke("k"))).toBeNull();
  expect(keys.press(stroke("k", { ctrl: true, alt: true }))).toBeNull();
});

test("two letters go somewhere when they come together", () => {
  const keys = new Shortcuts();
  expect(keys.press(stroke("g", { at: 1000 }))).toBeNull();
  expect(keys.press(stroke("t", { at: 1500 }))).toBe("terminal");
  expect(keys.press(stroke("t", { at: 1600 }))).toBeNull();
  keys.press(stroke("g", { at: 2000 }));
  expect(keys.press(stroke("h", { at: 4000 }))).toBeNull();
  keys.press(stroke("g", { at: 5000 }));
  expect(keys.press(stroke("x", { at: 5100 }))).toBeNull();
  expect(keys.press(stroke("m", { at: 5200 }))).toBeNull();
});

test("a question mark asks for help", () => {
  expect(new Shortcuts().press(stroke("?"))).toBe("help");
});
