import { expect, test } from "vitest";
import { PURPOSES, type Scope } from "../../core/generated";
import { reachWords, scopeWords, staysWords } from "./scopes";

const SCOPES = Object.keys(PURPOSES) as Scope[];

test("every scope has a title and an explanation, and what is full power is called so", () => {
  for (const scope of SCOPES) {
    const { title, text, full } = scopeWords(scope);
    expect(title, scope).toMatch(/^[A-Z]/);
    expect(text.includes("full power of your user account"), scope).toBe(full);
    expect(text, scope).toMatch(/\.$/);
  }
  expect(new Set(SCOPES.map((scope) => scopeWords(scope).title)).size).toBe(SCOPES.length);
});

test("what bounds a device is said, and nothing where nothing does", () => {
  expect(reachWords({ root: null, terminal: null })).toBeNull();
  expect(reachWords({ root: "/srv/site", terminal: null })).toBe("Only what is in `/srv/site`.");
  expect(reachWords({ root: null, terminal: "t" })).toBe("Only one terminal.");
});

test("how long a share stays is said in the unit people would use", () => {
  const minute = 60_000;
  expect([30, 1, 90, 120, 1440, 2880].map((minutes) => staysWords(minutes * minute))).toEqual([
    "for 30 minutes",
    "for 1 minute",
    "for 1 hour 30 minutes",
    "for 2 hours",
    "for 1 day",
    "for 2 days",
  ]);
});
