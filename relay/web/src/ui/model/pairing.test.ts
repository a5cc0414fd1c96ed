import { expect, test } from "vitest";
import { CLOSE_CODES } from "../../core/generated";
import { failure } from "./pairing";

test("every reason a machine or relay can give has a title and a text", () => {
  for (const { name, sentence, hint } of CLOSE_CODES) {
    const words = failure({ code: name, sentence, hint });
    expect(words.title, name).not.toBe("");
    expect(words.text, name).toMatch(/\.$/);
  }
});

test("an expired link says how to get a new one", () => {
  expect(failure({ code: "pair-expired", sentence: "", hint: "" }).command).toBe("lanyard pair");
});

test("a link that may work in a moment can be tried again, a spent one cannot", () => {
  expect(failure({ code: "agent-offline", sentence: "", hint: "" }).again).toBe(true);
  expect(failure({ code: "pair-used", sentence: "", hint: "" }).again).toBe(false);
});
