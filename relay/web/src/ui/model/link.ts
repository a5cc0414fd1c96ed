/** The state of a machine's link in words. One place, so that no two corners of the screen disagree. */
import type { Exit, Reason, Terminal } from "../../core/generated";
import type { LinkState, Machine, RelayTrouble } from "../../net/api";
import { clock } from "./time";

/** How the state looks: `live` moves, `waiting` comes back by itself, `broken` needs a person or time, `over` needs pairing. */
export type Tone = "live" | "waiting" | "broken" | "over";

export interface LinkWords {
  tone: Tone;
  /** Changes only when the state does: what a screen reader is told. */
  word: string;
  /** More, for those who ask; may be empty. */
  detail: string;
  /** What to do; may be empty. */
  hint: string;
}

/** Lanyard on a machine that said goodbye so lately may be restarting. */
const RESTART_MS = 15_000;

/** `now` is by the machine's clock. */
export function linkWords({ link, live, heard, clockOffset }: Machine, now: number): LinkWords {
  switch (link.kind) {
    case "connecting":
      return { tone: "waiting", word: "Connecting", detail: "", hint: "" };
    case "offline":
      return {
        tone: "broken",
        word: "Your network is gone",
        detail: "This browser has no network.",
        hint: "It goes on by itself when the network is back. Your terminals run on.",
      };
    case "relay-unreachable":
      return { ...RELAY[link.why] };
    case "machine-offline":
      return awayWords(link.reason, link.since === null ? null : link.since + clockOffset, now);
    case "machine-silent":
      return {
        tone: "broken",
        word: "Machine does not answer",
        detail: `The relay answers, the machine ${heard === null ? "does not" : `has not since ${clock(heard, now)}`}: asleep, or without network.`,
        hint: "Wake it, if you can. It goes on by itself when the machine answers.",
      };
    case "session":
      return live
        ? { tone: "live", word: "Connected", detail: "", hint: "" }
        : { tone: "waiting", word: "Waiting for the machine", detail: "It has not answered for a while.", hint: "" };
    case "ended":
      return {
        tone: "over",
        word: "Access ended",
        detail: asSentence(link.reason.sentence),
        hint: asSentence(link.reason.hint),
      };
  }
}

const RELAY: Record<RelayTrouble, LinkWords> = {
  unreachable: {
    tone: "broken",
    word: "Relay unreachable",
    detail: "The relay does not answer.",
    hint: "Your terminals run on. It goes on by itself when the relay answers.",
  },
  restarting: {
    tone: "waiting",
    word: "Relay restarting",
    detail: "The relay has said that it stops.",
    hint: "Your terminals run on. It goes on by itself when the relay is back.",
  },
  full: {
    tone: "broken",
    word: "Relay full",
    detail: "The relay has no room for one more connection.",
    hint: "Close what you do not need. It goes on by itself when there is room.",
  },
};

/** The relay answers and says why the machine is not there. `since` is by the machine's clock, like `now`. */
function awayWords({ code, sentence, hint }: Reason, since: number | null, now: number): LinkWords {
  const at = since === null ? "" : clock(since, now);
  switch (code) {
    case "locked":
      return {
        tone: "broken",
        word: "Machine locked",
        detail: "Its owner has locked it: nobody has access from elsewhere.",
        hint: "It goes on by itself after `lanyard unlock` on the machine. Its terminals run on.",
      };
    case "going-away":
    case "agent-stopped":
      if (since === null || now - since < RESTART_MS)
        return {
          tone: "waiting",
          word: "Lanyard stopped or restarting",
          detail: "Lanyard on the machine has said goodbye.",
          hint: "A restart takes seconds, and its terminals run on.",
        };
      return {
        tone: "broken",
        word: "Lanyard stopped there",
        detail: `It was stopped on the machine at ${at}.`,
        hint: "It goes on by itself after `lanyard up` on the machine. Its terminals run on.",
      };
    case "agent-lost":
      return {
        tone: "broken",
        word: "Lanyard ended unexpectedly",
        detail: `${at === "" ? "It" : `At ${at} it`} was killed, or the machine went down, or its connection was cut.`,
        hint: "If only the connection failed, it goes on by itself. Otherwise run `lanyard up` on the machine.",
      };
    case "agent-silent":
      return {
        tone: "broken",
        word: "Asleep or without network",
        detail: `The machine was not heard${at === "" ? "" : ` since ${at}`}.`,
        hint: "Wake it, if you can. It goes on by itself when the machine is back.",
      };
    default:
      return { tone: "broken", word: "Machine not connected", detail: asSentence(sentence), hint: asSentence(hint) };
  }
}

/** `live`, or how old what the screen shows is. */
export function freshness({ live, heard, link }: Machine, now: number): string {
  if (live && link.kind === "session") return "live";
  return heard === null ? "not heard yet" : `as of ${clock(heard, now)}`;
}

/** Whole seconds until the next try, at least one; zero while it is under way, null where none is due. */
export function retryIn(link: LinkState, monotonic: number): number | null {
  if (link.kind !== "relay-unreachable") return null;
  return link.retryAt === null ? 0 : Math.max(1, Math.ceil((link.retryAt - monotonic) / 1000));
}

/** How a terminal's program ended. */
export function exitWords(exit: Exit): string {
  switch (exit.t) {
    case "status":
      return exit.code === 0 ? "finished" : `ended with status ${exit.code}`;
    case "signal":
      return `ended by ${SIGNALS[exit.number] ?? "signal"} (${exit.number})`;
  }
}

/** The same where there is room for a word only. */
export function exitMark(exit: Exit): string {
  switch (exit.t) {
    case "status":
      return exit.code === 0 ? "finished" : `status ${exit.code}`;
    case "signal":
      return SIGNALS[exit.number] ?? `signal ${exit.number}`;
  }
}

/** Whether an end needs a second look. */
export function exitFailed(exit: Exit): boolean {
  return !(exit.t === "status" && exit.code === 0);
}

/** Running first, youngest first; of those made within one second, the one with the higher number. */
export function inOrder(terminals: Terminal[]): Terminal[] {
  return [...terminals].sort(
    (a, b) =>
      Number(a.exit !== null) - Number(b.exit !== null) ||
      b.started - a.started ||
      b.name.localeCompare(a.name, "en", { numeric: true }),
  );
}

/** A reason as one sentence with a full stop and a capital: they come without either. */
export function asSentence(text: string): string {
  if (text === "") return "";
  const capital = text.startsWith("`") ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}

/** A thrown thing as a reason: everything below rejects with one, a bug does not. */
export function asReason(thrown: unknown): Reason {
  if (typeof thrown === "object" && thrown !== null && "sentence" in thrown && typeof thrown.sentence === "string") {
    const { code, hint } = thrown as Partial<Reason>;
    return { code: code ?? "internal", sentence: thrown.sentence, hint: hint ?? "" };
  }
  return { code: "internal", sentence: "something failed inside this page", hint: "reload it and try again" };
}

const SIGNALS: Record<number, string> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  6: "SIGABRT",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
};
