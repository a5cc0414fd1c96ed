import { expect, test } from "vitest";
import type { Terminal } from "../../core/generated";
import type { LinkState, Machine } from "../../net/api";
import { asReason, asSentence, exitFailed, exitMark, exitWords, freshness, inOrder, linkWords, retryIn } from "./link";

const reason = { code: "agent-offline", sentence: "the machine is not connected to the relay", hint: "`lanyard up`" };

function machine(part: Partial<Machine>): Machine {
  return {
    id: "m",
    name: "atlas",
    user: "sasha",
    link: { kind: "session" },
    heard: null,
    live: false,
    rtt: null,
    scopes: [],
    reach: { root: null, terminal: null },
    until: null,
    access: null,
    approvals: [],
    permissions: null,
    audit: { seen: null, missing: null },
    waiting: [],
    terminals: [],
    credentials: [],
    clockOffset: 0,
    ...part,
  };
}

/** 14:03:11. */
const AT = new Date(2026, 4, 12, 14, 3, 11).getTime();

/** A machine that left a minute before. The page's monotonic clock is the machine's here: its offset is none. */
function left(code: string): LinkState {
  return { kind: "machine-offline", reason: { code, sentence: "x", hint: "y" }, since: AT - 60_000 };
}

test("every link state has its own words", () => {
  const states: LinkState[] = [
    { kind: "connecting" },
    { kind: "offline" },
    ...(["unreachable", "restarting", "full"] as const).map((why): LinkState => ({
      kind: "relay-unreachable",
      why,
      retryAt: 0,
    })),
    ...["agent-offline", "agent-stopped", "agent-lost", "agent-silent", "locked"].map(left),
    { kind: "machine-silent" },
    { kind: "session" },
    { kind: "ended", reason },
  ];
  const words = states.map((link) => linkWords(machine({ link, live: true }), AT));
  expect(new Set(words.map(({ word }) => word)).size).toBe(states.length);
  // Wherever something is wrong it is said what happens next, or what to do.
  for (const { word, tone, hint } of words)
    expect([word, tone === "live" || word === "Connecting" || hint !== ""]).toEqual([word, true]);
});

test("live is never said where the machine has not answered, whatever the relay says", () => {
  const session = linkWords(machine({ link: { kind: "session" }, live: false }), AT);
  expect(session.tone).toBe("waiting");
  expect(linkWords(machine({ link: { kind: "machine-silent" }, live: true }), AT).tone).toBe("broken");
});

test("a machine that sleeps, one that was stopped and one that died are told apart, with since when", () => {
  const said = (code: string): [string, string] => {
    const { word, detail } = linkWords(machine({ link: left(code) }), AT);
    return [word, detail];
  };
  expect(said("agent-silent")).toEqual(["Asleep or without network", "The machine was not heard since 14:02:11."]);
  expect(said("agent-stopped")).toEqual(["Lanyard stopped there", "It was stopped on the machine at 14:02:11."]);
  expect(said("agent-lost")[0]).toBe("Lanyard ended unexpectedly");
  expect(said("agent-lost")[1]).toMatch(/^At 14:02:11 it was killed/);
  const heard = AT - 60_000;
  const silent = linkWords(machine({ link: { kind: "machine-silent" }, heard }), AT);
  expect(silent.detail).toContain("the machine has not since 14:02:11");
});

test("for a few seconds a machine that said goodbye may be restarting", () => {
  const at = (later: number) => linkWords(machine({ link: left("agent-stopped") }), AT - 60_000 + later);
  expect([at(14_999).tone, at(15_000).tone]).toEqual(["waiting", "broken"]);
  expect(at(5000).hint).toContain("A restart takes seconds");
});

test("live is said only of a session that answers", () => {
  const heard = new Date(2026, 4, 12, 14, 2, 11).getTime();
  expect(freshness(machine({ live: true, heard }), heard)).toBe("live");
  expect(freshness(machine({ live: false, heard }), heard)).toBe("as of 14:02:11");
  expect(freshness(machine({ live: true, heard, link: { kind: "offline" } }), heard)).toBe("as of 14:02:11");
  expect(freshness(machine({}), heard)).toBe("not heard yet");
});

test("the next try is never in zero seconds", () => {
  expect(retryIn({ kind: "relay-unreachable", why: "unreachable", retryAt: 4200 }, 500)).toBe(4);
  expect(retryIn({ kind: "relay-unreachable", why: "unreachable", retryAt: 100 }, 500)).toBe(1);
  expect(retryIn({ kind: "relay-unreachable", why: "unreachable", retryAt: null }, 500)).toBe(0);
  expect(retryIn({ kind: "connecting" }, 0)).toBeNull();
});

test("an exit says how the program ended", () => {
  expect(exitWords({ t: "status", code: 0 })).toBe("finished");
  expect(exitWords({ t: "status", code: 2 })).toBe("ended with status 2");
  expect(exitWords({ t: "signal", number: 9 })).toBe("ended by SIGKILL (9)");
  expect(exitWords({ t: "signal", number: 40 })).toBe("ended by signal (40)");
  expect(exitMark({ t: "status", code: 2 })).toBe("status 2");
  expect(exitMark({ t: "signal", number: 40 })).toBe("signal 40");
  expect(exitFailed({ t: "status", code: 0 })).toBe(false);
  expect(exitFailed({ t: "signal", number: 15 })).toBe(true);
});

test("running terminals come first, the youngest before the older", () => {
  const terminal = (id: string, started: number, exit: Terminal["exit"]): Terminal => ({
    id,
    name: id,
    title: "",
    cwd: "/",
    started,
    grid: { cols: 80, rows: 24 },
    exit,
    driver: null,
  });
  const ended = terminal("ended", 30, { t: "status", code: 0 });
  const order = inOrder([terminal("old", 10, null), ended, terminal("young", 20, null)]);
  expect(order.map((one) => one.id)).toEqual(["young", "old", "ended"]);
});

test("a reason becomes a sentence, a command keeps its case", () => {
  expect(asSentence("the machine said no")).toBe("The machine said no.");
  expect(asSentence("`lanyard pair` makes one")).toBe("`lanyard pair` makes one.");
  expect(asSentence("")).toBe("");
});

test("whatever is thrown has words", () => {
  expect(asReason(reason)).toEqual(reason);
  expect(asReason(new TypeError("x")).code).toBe("internal");
});
