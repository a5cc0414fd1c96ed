import { expect, test } from "vitest";
import { applySticky, encodeKey, encodePaste, isReport, NONE, Steps, visible } from "./keys";

const bytes = (text: string) => new TextEncoder().encode(text);

test("the key row speaks as a keyboard does", () => {
  expect(encodeKey("Escape", NONE, false)).toBe("\x1b");
  expect(encodeKey("Tab", NONE, false)).toBe("\t");
  expect(encodeKey("Tab", { ...NONE, shift: true }, false)).toBe("\x1b[Z");
  expect(encodeKey("ArrowUp", NONE, false)).toBe("\x1b[A");
});

test("arrows follow the application's cursor key mode, unless modified", () => {
  expect(encodeKey("ArrowLeft", NONE, true)).toBe("\x1bOD");
  expect(encodeKey("ArrowLeft", { ...NONE, ctrl: true }, true)).toBe("\x1b[1;5D");
  expect(encodeKey("ArrowDown", { ctrl: true, alt: true, shift: true }, false)).toBe("\x1b[1;8B");
});

test("sticky Ctrl and Alt change one character", () => {
  expect(applySticky("c", { ...NONE, ctrl: true })).toBe("\x03");
  expect(applySticky("[", { ...NONE, ctrl: true })).toBe("\x1b");
  expect(applySticky(" ", { ...NONE, ctrl: true })).toBe("\0");
  expect(applySticky("b", { ...NONE, alt: true })).toBe("\x1bb");
  expect(applySticky("x", { ...NONE, ctrl: true, alt: true })).toBe("\x1b\x18");
  expect(applySticky("5", { ...NONE, ctrl: true })).toBe("5");
});

test("sticky modifiers leave a composed word alone", () => {
  expect(applySticky("cat", { ...NONE, ctrl: true })).toBe("cat");
});

test("a paste cannot end its own brackets", () => {
  expect(encodePaste("a\x1b[201~rm -rf ~\n", true)).toBe("\x1b[200~a[201~rm -rf ~\r\x1b[201~");
  expect(encodePaste("a\u009b201~b", true)).toBe("\x1b[200~a201~b\x1b[201~");
});

test("a paste keeps tabs and turns line ends into Enter", () => {
  expect(encodePaste("a\tb\r\nc\nd", false)).toBe("a\tb\rc\rd");
});

test("what the emulator says by itself is told from what a person types", () => {
  const reports = [
    "\x1b[?1;2c",
    "\x1b[>0;276;0c",
    "\x1b[24;80R",
    "\x1b[0n",
    "\x1b[?2026;2$y",
    "\x1b[I",
    "\x1b[<0;3;4M",
  ];
  for (const report of [...reports, "\x1b[M !!", "\x1b]11;rgb:1/2/3\x1b\\", "\x1bP1$r0m\x1b\\"]) {
    expect(isReport(report), JSON.stringify(report)).toBe(true);
  }
  for (const typed of ["a", "\r", "\x03", "\x1b", "\x1b[A", "\x1bOP", "\x1b[1;5C", "\x1b[3~", "\x1b[200~x\x1b[201~"]) {
    expect(isReport(typed), JSON.stringify(typed)).toBe(false);
  }
});

test("unsent input is shown with nothing hidden in it", () => {
  expect(visible(bytes("ls\r"))).toBe("ls⏎");
  expect(visible(bytes("\x03\x1b[A"))).toBe("^C␛[A");
  expect(visible(bytes("a\u202eb\u200bc"))).toBe("a\\u{202e}b\\u{200b}c");
  expect(visible(bytes("naïve 猫"))).toBe("naïve 猫");
  expect(visible(new Uint8Array([0xff]))).toBe("\\u{fffd}");
});

test("a finger's way adds up to whole lines", () => {
  const steps = new Steps(() => 10);
  expect(steps.take(6)).toBe(0);
  expect(steps.take(6)).toBe(1);
  expect(steps.take(-14)).toBe(-1);
  expect(new Steps(() => 0).take(50)).toBe(0);
});
