import { ALLOWED_ONCE, DENIED } from "../../core/approvals";
import { expect, test } from "vitest";
import type { Approval, ApprovalState, Machine } from "../../net/api";
import {
  asked,
  askerWords,
  fencesWords,
  layoutsOf,
  maySetMode,
  stateWords,
  visible,
  waitingCount,
  whyNotAnswer,
} from "./approval";

function approval(id: string, at: number, state: ApprovalState): Approval {
  const request = {
    id,
    asker: { by: "script" as const, pid: 1, name: "" },
    line: "make",
    programs: [],
    folder: "/w",
    workspace: "/w",
    fences: { fences: "outside" as const },
    reason: "",
    rules: [],
    saved_in: "",
    asked: at,
    until: at + 1,
  };
  return { card: { request, consequence: "", risk: "low", shown: "make", careful: [], parts: [] }, state };
}

const machine = (id: string, approvals: Approval[], part: Partial<Machine> = {}): Machine =>
  ({ id, name: id, link: { kind: "session" }, scopes: ["approve"], approvals, ...part }) as Machine;

const WAITS: ApprovalState = { kind: "waiting", reason: null };

test("what waits comes in the order in which it was asked, of all machines; what has ended comes after it, the latest first", () => {
  const machines = [
    machine("one", [approval("c", 3, WAITS), approval("d", 4, { kind: "gone" })]),
    machine("two", [approval("a", 1, { kind: "gone" }), approval("b", 2, { kind: "sending", said: DENIED })]),
  ];
  const { waiting, ended } = asked(machines);
  const ids = (list: typeof waiting) => list.map(({ approval: { card } }) => card.request.id);
  expect([ids(waiting), ids(ended)]).toEqual([
    ["b", "c"],
    ["d", "a"],
  ]);
  expect(waitingCount(machines)).toBe(2);
});

test("nothing is called done before the machine has said so", () => {
  const settled = (
    end: Extract<ApprovalState, { kind: "settled" }>["settled"]["end"],
    mine = false,
  ): ApprovalState => ({
    kind: "settled",
    mine,
    settled: { id: "a", hash: "h", end, at: 1 },
  });
  const by = { at: "device" as const, name: "Pixel", key: "k", signature: "s" };
  const cases: [ApprovalState, string, string][] = [
    [{ kind: "sending", said: ALLOWED_ONCE }, "open", "Sending"],
    [{ kind: "unconfirmed", said: ALLOWED_ONCE }, "open", "has not said"],
    [{ kind: "gone" }, "open", "lanyard audit"],
    [{ kind: "waiting", reason: { code: "x", sentence: "it was cut", hint: "" } }, "bad", "still waits"],
    [
      settled({ end: "answered", verdict: "approved", holds: { for: "once" }, by }, true),
      "good",
      "Allowed once by you",
    ],
    [settled({ end: "answered", verdict: "approved", holds: { for: "once" }, by }), "good", "on “Pixel”"],
    [
      settled({ end: "answered", verdict: "approved", holds: { for: "time", minutes: 15 }, by }),
      "good",
      "Allowed for 15 minutes",
    ],
    [settled({ end: "answered", verdict: "approved", holds: { for: "always" }, by }), "good", "Allowed always"],
    [settled({ end: "overtaken" }), "open", "Void: the mode"],
    [
      settled({ end: "answered", verdict: "denied", holds: { for: "once" }, by: { at: "machine" } }),
      "bad",
      "Denied at atlas itself",
    ],
    [settled({ end: "expired" }), "bad", "nobody answered"],
    [settled({ end: "withdrawn" }), "open", "Nothing was done"],
  ];
  for (const [state, tone, text] of cases) {
    const words = stateWords(state, "atlas");
    expect(words?.tone).toBe(tone);
    expect(words?.text).toContain(text);
  }
  expect(stateWords(WAITS, "atlas")).toBeNull();
});

test("where it would run is said in words", () => {
  const inside = { fences: "workspace" as const, network: true, repository: true };
  expect(fencesWords(inside, "/w")).toBe(
    "in the sandbox: changes /w and nothing else, its repository too, with the network",
  );
  expect(fencesWords({ fences: "outside" }, "/w")).toContain("outside the sandbox");
});

test("nothing that others have chosen hides or turns what is beside it", () => {
  expect(visible("a\u202eb\u0000c\u200b\n\u00a0\u2028é 🙂")).toBe(
    "a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩⟨U+000A⟩⟨U+00A0⟩⟨U+2028⟩é 🙂",
  );
  expect(askerWords({ by: "script", pid: 7, name: "x\u202e" })).toBe("x⟨U+202E⟩, process 7");
  expect(askerWords({ by: "agent", pid: 7, name: "Claude Code", session: "s\u0007" })).toBe(
    "Claude Code, session s⟨U+0007⟩",
  );
  expect(fencesWords({ fences: "workspace", network: false, repository: false }, "/w\u2066")).toContain("/w⟨U+2066⟩");
});

test("nobody is let answer where nothing would be sent", () => {
  expect(whyNotAnswer(machine("m", []))).toBeNull();
  expect(whyNotAnswer(machine("m", [], { link: { kind: "offline" } }))).toContain("cannot be reached");
  expect(whyNotAnswer(machine("m", [], { scopes: ["view"] }))).toContain("may not answer");
});

test("to allow more takes more than to allow less, and a bounded browser changes no mode", () => {
  const may = (scopes: Machine["scopes"], mode: "plan" | "ask" | null, root: string | null = null) =>
    maySetMode({ ...machine("one", []), scopes, reach: { root, terminal: null } }, mode);
  expect(may(["approve"], "plan")).toBe(true);
  expect(may(["approve"], "ask")).toBe(false);
  expect(may(["approve"], null)).toBe(false);
  expect(may(["approve", "devices"], null)).toBe(true);
  expect(may(["approve", "devices"], "plan", "/work")).toBe(false);
  expect(may(["view"], "plan")).toBe(false);
});

test("a card has moved when something before it has changed, and not for what comes behind it", () => {
  const of = (ids: string[], above = "") =>
    layoutsOf(
      ids.map((id) => ({ machine: machine("one", []), approval: approval(id, 1, WAITS) })),
      above,
    );
  const [first, second] = of(["a", "b"]);
  expect(of(["a", "b", "c"]).slice(0, 2)).toEqual([first, second]);
  expect(of(["x", "b"])[1]).not.toBe(second);
  expect(of(["b"])[0]).not.toBe(second);
  expect(of(["a", "b"], "a rule stands")[0]).not.toBe(first);
});
