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
    terminals: [],
    credentials: [],
    clockOffset: 0,
    ...part,
  };
}

test("every link state has its own words", () => {
  const states: LinkState[] = [
    { kind: "connecting" },
    { kind: "offline" },
    { kind: "relay-unreachable", retryAt: 0 },
    { kind: "machine-offline", reason },
    { kind: "session" },
    { kind: "ended", reason },
  ];
  expect(new Set(states.map((state) => linkWords(state, true).word)).size).toBe(states.length);
});

test("a session that does not answer is not called connected", () => {
  expect(linkWords({ kind: "session" }, false).tone).toBe("waiting");
});

test("live is said only of a session that answers", () => {
  const heard = new Date(2026, 4, 12, 14, 2, 11).getTime();
  expect(freshness(machine({ live: true, heard }), heard)).toBe("live");
  expect(freshness(machine({ live: false, heard }), heard)).toBe("as of 14:02:11");
  expect(freshness(machine({ live: true, heard, link: { kind: "offline" } }), heard)).toBe("as of 14:02:11");
  expect(freshness(machine({}), heard)).toBe("not heard yet");
});

test("the next try is never in zero seconds", () => {
  expect(retryIn({ kind: "relay-unreachable", retryAt: 4200 }, 500)).toBe(4);
  expect(retryIn({ kind: "relay-unreachable", retryAt: 100 }, 500)).toBe(1);
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
