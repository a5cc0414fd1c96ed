import { expect, test } from "vitest";
import { joinedRanges } from "./joined";

test("families, flags and skin tones are one piece, whatever is beside them", () => {
  const pieces = ["👩\u200d👩\u200d👧", "🇫🇷", "👍🏽", "❤\ufe0f\u200d🔥", "🧑🏿\u200d🚀"];
  for (const piece of pieces) expect(joinedRanges(`a${piece}|`)).toEqual([[1, 1 + piece.length]]);
  expect(joinedRanges(pieces.join(""))).toHaveLength(pieces.length);
});

test("other characters are drawn one by one", () => {
  for (const text of ["", "plain", "漢字", "👍🎉", "e\u0301", "🇫", "a\u200db", "┌─┐"])
    expect(joinedRanges(text)).toEqual([]);
});
