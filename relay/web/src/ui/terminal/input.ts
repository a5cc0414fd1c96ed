/** What the line under a terminal says: whether one may type, why not, and how to go on. */
import type { Driver, Exit, Reason } from "../../core/generated";
import type { InputState, ViewState } from "../../net/api";
import { asSentence, exitWords } from "../model/link";

export interface InputWords {
  /** `calm` needs nothing, `ask` offers a way on, `stop` says why there is none. */
  tone: "calm" | "ask" | "stop";
  text: string;
  action: "take-over" | "go-on" | "watch-again" | "open-again" | "put-away" | "leave" | null;
}

export interface Situation {
  view: ViewState;
  input: InputState;
  exit: Exit | null;
  /** Whether fingers are likelier than keys here. */
  touch: boolean;
  /** Whether this browser still has access to the machine. */
  paired: boolean;
  /** Whether this browser may end terminals. */
  mayEnd: boolean;
  /** How old the screen is, in words; null while it is live. */
  asOf: string | null;
  /** What happens next and what to do about it, while the machine is out of reach; may be empty. */
  next: string;
  /** Who types here, as far as the machine has told. */
  driver: Driver | null;
}

/** Ends that a new try would meet again. */
const LASTING = ["terminal-gone", "revoked", "unknown-device", "not-granted", "share-ended"];

export function inputWords({ view, input, exit, touch, paired, mayEnd, asOf, next, driver }: Situation): InputWords {
  if (exit !== null) {
    return {
      tone: "stop",
      text: `The program ${exitWords(exit)}. Its screen stays until it is put away.`,
      action: mayEnd ? "put-away" : "leave",
    };
  }
  switch (view.kind) {
    case "connecting":
      return { tone: "calm", text: "Opening the terminal …", action: null };
    case "ended": {
      if (paired && view.reason.code === "token-ended")
        return { tone: "ask", text: "The owner has ended watching here.", action: "watch-again" };
      const again = paired && !LASTING.includes(view.reason.code);
      const text = `${asSentence(view.reason.sentence)} ${asSentence(view.reason.hint)}`.trim();
      return { tone: "stop", text, action: again ? "open-again" : "leave" };
    }
    case "interrupted": {
      const goesOn = next === "" ? "It goes on by itself." : next;
      // Where there is little room, the status line above says how old the screen is.
      const short = touch && next !== "";
      const text = `Interrupted${asOf === null ? "" : `; the screen is ${asOf}`}. ${goesOn}`;
      return { tone: "stop", text: short ? goesOn : text, action: null };
    }
    case "streaming":
      // Nothing has cut the stream, and yet there is nobody at its other end.
      if (asOf !== null && next !== "")
        return { tone: "stop", text: touch ? next : `The screen is ${asOf}. ${next}`, action: null };
      return typing(input, touch, driver);
  }
}

function typing(input: InputState, touch: boolean, driver: Driver | null): InputWords {
  switch (input.kind) {
    case "not-granted":
      if (input.taken) {
        const text =
          "The owner has ended typing for this browser. To type again, pair with `lanyard pair --grant terminal`.";
        return { tone: "stop", text, action: null };
      }
      return {
        tone: "stop",
        text: "This browser may only watch. To type, pair it again with `lanyard pair --grant terminal`.",
        action: null,
      };
    case "idle":
      if (isAnother(driver)) return watching(driver);
      return {
        tone: "calm",
        text: touch ? "Tap the screen and type." : "Ready. The first key takes the keyboard.",
        action: null,
      };
    case "asking":
      return { tone: "calm", text: "Asking the machine for the keyboard …", action: null };
    case "driver":
      return { tone: "calm", text: "You are typing here.", action: null };
    case "watching":
      return watching(driver);
    case "lapsed": {
      return {
        tone: "ask",
        text: `${whyLapsed(input.reason)} ${touch ? "Tap Go on, or type." : "Press any key to go on."}`,
        action: "go-on",
      };
    }
    case "unsent":
      return { tone: "stop", text: "Some of what you typed has not arrived.", action: null };
  }
}

function whyLapsed({ code, sentence }: Reason): string {
  if (code === "lapsed") return "Typing paused after 5 quiet minutes.";
  return code === "token-ended" ? "The owner has ended typing here." : asSentence(sentence);
}

function watching(driver: Driver | null): InputWords {
  return { tone: "ask", text: `Watching: ${whoTypes(driver)} here.`, action: "take-over" };
}

/** Another device types. (One's own may be this very page, on a stream that has just been cut.) */
function isAnother(driver: Driver | null): boolean {
  return driver?.yours === false;
}

/** Who drives, with the verb. */
function whoTypes(driver: Driver | null): string {
  if (driver === null) return "someone else types";
  return driver.yours ? "another window of this browser types" : `${driver.name} types`;
}

/** Why what was typed has not gone out, and what sending it now means. */
export function unsentWords(driver: Driver | null): { text: string; send: string } {
  if (driver === null || !isAnother(driver))
    return { text: "The machine never confirmed this. Send it now?", send: "Send" };
  return { text: `${driver.name} types here now, so this was not sent.`, send: "Take over and send" };
}

/** What becomes of keys. `send` also asks for a token where none is live. */
export function keysGo(
  input: InputState,
  view: ViewState,
  exit: Exit | null,
  driver: Driver | null,
): "send" | "refuse" {
  if (exit !== null || view.kind === "ended") return "refuse";
  switch (input.kind) {
    case "idle":
      // Known before the first key: who types is not disturbed by it.
      return isAnother(driver) ? "refuse" : "send";
    case "asking":
    case "driver":
    case "lapsed":
      return "send";
    case "not-granted":
    case "watching":
    case "unsent":
      return "refuse";
  }
}
