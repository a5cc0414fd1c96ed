import { expect, test } from "vitest";
import type { PastTerminal } from "../../core/generated";
import { byFolder, endOf, placeOf, sizeWords, spanWords, stamp, withFirstPage, withPage } from "./past";

function past(id: string, cwd = "/src"): PastTerminal {
  return {
    id,
    name: id,
    cwd,
    started: 1,
    ended: 2,
    exit: null,
    grid: { cols: 80, rows: 24 },
    kept: 1,
    dropped: 0,
  };
}

const ids = (list: readonly PastTerminal[]): string => list.map(({ id }) => id).join("");
const list = (text: string): PastTerminal[] => Array.from(text, (id) => past(id));

test("terminals stand below the folder where they were started, the latest first", () => {
  const folders = byFolder([past("a", "/b"), past("b", "/a"), past("c", "/b")]);
  expect(folders.map(({ path, past }) => `${path}:${ids(past)}`)).toEqual(["/b:ac", "/a:b"]);
});

test("pages are joined without anything twice", () => {
  expect(ids(withPage(list("abc"), { past: list("cde"), more: true }))).toBe("abcde");
  expect(placeOf(list("abc"))).toEqual({ id: "c", ended: 2 });
  expect(placeOf([])).toBeNull();
});

test("read anew, what has ended since is first and what was forgotten is gone", () => {
  expect(ids(withFirstPage(list("bcdef"), { past: list("abd"), more: true }))).toBe("abdef");
  expect(ids(withFirstPage(list("bcdef"), { past: list("abd"), more: false }))).toBe("abd");
  expect(ids(withFirstPage(list("bc"), { past: list("xy"), more: true }))).toBe("xy");
});

test("how it ended is said, also where nobody saw it", () => {
  expect(endOf(past("a"))).toEqual({ words: "end not seen", failed: true });
  expect(endOf({ ...past("a"), exit: { t: "status", code: 0 } })).toEqual({ words: "finished", failed: false });
  expect(endOf({ ...past("a"), exit: { t: "status", code: 2 } })).toEqual({
    words: "ended with status 2",
    failed: true,
  });
});

test("sizes, spans and places are short to read", () => {
  expect([0, 1, 1023, 1024, 14_700, 8 * 2 ** 20].map(sizeWords)).toEqual([
    "0 bytes",
    "1 byte",
    "1023 bytes",
    "1.0 KiB",
    "14 KiB",
    "8.0 MiB",
  ]);
  expect([0, 8000, 59_600, 720_000, 11_100_000, 200_000_000].map(spanWords)).toEqual([
    "0 s",
    "8 s",
    "1 min",
    "12 min",
    "3 h 05 min",
    "2 d",
  ]);
  expect([0, 7999, 62_000, 3_723_000].map(stamp)).toEqual(["0:00", "0:07", "1:02", "1:02:03"]);
});
