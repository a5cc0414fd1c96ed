import { describe, expect, it } from "vitest";
import type { AuditLine, AuditPage } from "../../net/api";
import { auditWords, chainState } from "./audit";

function line(n: number, event = "torn", fields: Record<string, unknown> = {}): AuditLine {
  return { n, at: 0, event, fields, text: "", hash: `h${n}` };
}

/** Lines from one number to another, of a log that goes to 9. */
function page(from: number, to: number, part: Partial<AuditPage> = {}): AuditPage {
  const lines = Array.from({ length: to - from + 1 }, (_, at) => line(from + at));
  const head = (count: number) => ({ count, hash: `h${count}` });
  return { lines, start: head(from - 1), end: head(to), broken: null, earlier: from > 1, head: head(9), ...part };
}

const NOTHING = { seen: null, missing: null };

describe("what was loaded of a log", () => {
  it("is whole where pages go on from each other to where the machine says that it ends", () => {
    expect(chainState([], NOTHING)).toBeNull();
    const whole = { kind: "whole", from: 3, to: 9 };
    const seen = (count: number) => ({ seen: { count, hash: `h${count}` }, missing: null });
    expect(chainState([page(6, 9), page(3, 5)], NOTHING)).toEqual({ ...whole, witnessed: "none" });
    expect(chainState([page(6, 9), page(3, 5)], seen(5))).toEqual({ ...whole, witnessed: "agrees" });
    expect(chainState([page(6, 9), page(3, 5)], seen(2))).toEqual({ ...whole, witnessed: "agrees" });
    expect(chainState([page(6, 9), page(3, 5)], seen(1))).toEqual({ ...whole, witnessed: "earlier" });
  });

  it.each([
    ["a line that does not follow", [page(6, 9, { broken: 7 })], NOTHING, 7],
    ["an end that is another", [page(6, 8)], NOTHING, 8],
    ["pages that do not meet", [page(6, 9), page(3, 5, { end: { count: 5, hash: "x" } })], NOTHING, 6],
    ["a line that this browser has seen otherwise", [page(6, 9)], { seen: { count: 8, hash: "x" }, missing: null }, 8],
    ["fewer lines than it has seen", [page(6, 9)], { seen: { count: 12, hash: "x" }, missing: null }, 10],
    ["what was missed before", [page(6, 9)], { seen: null, missing: { count: 7, hash: "x" } }, 7],
  ])("is broken by %s", (_, pages, audit, at) => {
    expect(chainState(pages, audit)).toMatchObject({ kind: "broken", line: at });
  });
});

describe("a line", () => {
  it.each([
    ["paired", { name: "Pixel", scopes: ["view", "terminal"] }, "“Pixel” was paired, with view, terminal"],
    ["locked", { locked: true, by: { who: "device", name: "Pixel" } }, "The machine was locked by “Pixel”"],
    ["revoked", { what: { what: "everything" }, by: { who: "machine" } }, "All access was ended at the machine"],
    ["terminal_ended", { terminal: "abcdefghijk", by: null }, "Terminal abcdefgh ended"],
  ])("of kind %s is a sentence", (event, fields, text) => {
    expect(auditWords(line(1, event, fields)).text).toBe(text);
  });

  it("shows what hides, and is not believed to hold what it should", () => {
    const asked = { request: { line: "rm \u202ex", asker: { pid: 1, name: "" } } };
    expect(auditWords(line(1, "asked", asked)).text).toBe("process 1 asks to run: rm ⟨U+202E⟩x");
    for (const event of ["paired", "revoked", "settled", "minted", "toString", "__proto__", "x\u0000"])
      expect(auditWords(line(1, event, { what: 7, settled: null, scopes: "all" })).text).not.toContain("undefined");
  });
});
