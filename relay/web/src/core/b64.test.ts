import { expect, test } from "vitest";
import { decode, decodeExactly, encode } from "./b64";
import { random } from "./testing/random";

test("bytes of every length go there and back as Node writes them", () => {
  const next = random(1);
  for (let length = 0; length < 70; length++) {
    const bytes = next.bytes(length);
    expect(encode(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
    expect(decode(encode(bytes))).toEqual(bytes);
  }
});

test("trailing bits, padding, white space and foreign letters are refused", () => {
  expect(decode("AA")).toEqual(Uint8Array.of(0));
  for (const text of ["AB", "AA==", "A", "AA ", "A+", "A/", "ÄÄ", "AAAAA"]) expect(decode(text)).toBeNull();
});

test("the length asked for must be the length that is there", () => {
  expect(decodeExactly("AA", 2)).toBeNull();
  expect(decodeExactly("AAA", 2)).toEqual(Uint8Array.of(0, 0));
});
