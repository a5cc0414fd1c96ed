import { expect, test } from "vitest";
import { PURPOSES, type Scope } from "../../core/generated";
import type { Credential } from "../../net/api";
import { canRenew, meaning, whatThen } from "./credentials";

function credential(purpose: Credential["purpose"], part: Partial<Credential> = {}): Credential {
  return { jti: "j", purpose, terminal: null, expires: 2, life: 1, goesOn: false, limitedBy: null, ...part };
}

const SCOPES = Object.keys(PURPOSES) as Scope[];

test("every purpose says what it lets one do, and what stops with it", () => {
  for (const purpose of [...SCOPES, "device", "connection"] as const) {
    expect(meaning(purpose).word, purpose).not.toBe("");
    expect(meaning(purpose).stops, purpose).not.toBe("");
    expect(whatThen(credential(purpose)), purpose).toMatch(/\.$/);
  }
  expect(meaning("terminal").stops).toBe("terminal input");
});

test("what is never renewed, or ends with its parent, offers no renewal", () => {
  const renewable = SCOPES.filter((purpose) => canRenew(credential(purpose)));
  expect(renewable).toEqual(["view", "files.read", "terminal", "run", "files.write", "prompt"]);
  expect(canRenew(credential("terminal", { limitedBy: "share" }))).toBe(false);
});

test("a share says that it ends whatever happens", () => {
  expect(whatThen(credential("device", { limitedBy: "share" }))).toContain("whatever happens");
  expect(whatThen(credential("view", { limitedBy: "share" }))).toContain("the share");
});
