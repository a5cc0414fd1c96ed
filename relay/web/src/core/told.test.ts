import { expect, test } from "vitest";
import { RETRY_TOLD_MOST_MS } from "./generated";
import { againIn, heldFor } from "./told";

test("what a relay says behind a sentence is understood, and bounded where it makes one wait", () => {
  expect(againIn("the other side is restarting; again in 1500 ms")).toBe(1500);
  expect(againIn("the other side is restarting; again in 4294967295 ms")).toBe(RETRY_TOLD_MOST_MS);
  expect(heldFor("the machine is asleep or has no network; for 4294967295 ms")).toBe(4294967295);
  expect(heldFor("the machine is asleep or has no network; for 0 ms")).toBe(0);
});

test("what is no number of milliseconds says nothing", () => {
  const spans = ["", "-1 ms", "+1 ms", "1 s", "4294967296 ms", "1 ms, or later", " ms", "1e3 ms"];
  for (const span of spans) {
    expect([span, againIn(`x; again in ${span}`), heldFor(`x; for ${span}`)]).toEqual([span, null, null]);
  }
  expect([againIn("x; for 5 ms"), heldFor("x; again in 5 ms")]).toEqual([null, null]);
});
