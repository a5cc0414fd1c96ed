import { expect, test } from "vitest";
import type { Credential } from "../../net/api";
import { blocksFirst, byEnd, level, shareLeft } from "./credentials";

const NOW = 1_000_000;

function credential(purpose: Credential["purpose"], left: number, terminal: string | null = null): Credential {
  return { jti: `${purpose}-${left}`, purpose, terminal, expires: NOW + left, life: 300_000 };
}

test("the one that ends first blocks first", () => {
  const view = credential("view", 80_000, "a");
  const typing = credential("terminal", 40_000, "a");
  expect(blocksFirst([credential("device", 9_000_000), view, typing], NOW, "a")).toBe(typing);
});

test("a terminal that is not on the screen blocks nobody", () => {
  const here = credential("view", 80_000, "a");
  expect(blocksFirst([here, credential("terminal", 1000, "b")], NOW, "a")).toBe(here);
});

test("with no terminal on the screen all count", () => {
  const other = credential("terminal", 1000, "b");
  expect(blocksFirst([credential("view", 80_000, "a"), other], NOW, null)).toBe(other);
});

test("what has ended is not shown as something that will end", () => {
  expect(blocksFirst([credential("terminal", 0, "a")], NOW, "a")).toBeNull();
  expect(byEnd([credential("terminal", -1, "a")], NOW)).toEqual([]);
});

test("of two that end together typing is named", () => {
  const view = credential("view", 500, "a");
  const typing = credential("terminal", 500, "a");
  expect(blocksFirst([view, typing], NOW, "a")).toBe(typing);
  expect(byEnd([view, typing], NOW)).toEqual([typing, view]);
});

test("warns at a quarter and is critical at a tenth of its life", () => {
  expect(level(credential("view", 75_001), NOW)).toBe("ok");
  expect(level(credential("view", 75_000), NOW)).toBe("warn");
  expect(level(credential("view", 30_001), NOW)).toBe("warn");
  expect(level(credential("view", 30_000), NOW)).toBe("critical");
});

test("a share stays between none and all", () => {
  expect(shareLeft(credential("view", 900_000), NOW)).toBe(1);
  expect(shareLeft(credential("view", -5), NOW)).toBe(0);
  expect(shareLeft({ ...credential("view", 5), life: 0 }, NOW)).toBe(0);
});
