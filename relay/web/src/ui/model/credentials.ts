/** What each credential is for, what stops with it, and what happens then, in words. */
import { PURPOSES } from "../../core/generated";
import type { Credential } from "../../net/api";
import type { IconName } from "../parts/icons";

export interface Meaning {
  icon: IconName;
  /** What it lets one do. */
  word: string;
  /** What stops with it. */
  stops: string;
}

export function meaning(purpose: Credential["purpose"]): Meaning {
  switch (purpose) {
    case "device":
      return { icon: "device", word: "this browser", stops: "everything below" };
    case "connection":
      return { icon: "link", word: "connection", stops: "this page’s link to the machine" };
    case "view":
      return { icon: "eye", word: "watching", stops: "terminal output" };
    case "files.read":
      return { icon: "file", word: "reading files", stops: "reading files" };
    case "terminal":
      return { icon: "keyboard", word: "typing", stops: "terminal input" };
    case "run":
      return { icon: "terminal", word: "commands", stops: "starting commands" };
    case "files.write":
      return { icon: "write", word: "changing files", stops: "changing files" };
    case "prompt":
      return { icon: "chat", word: "coding agents", stops: "speaking to coding agents" };
    case "approve":
      return { icon: "check", word: "approving", stops: "answering this request" };
    case "devices":
      return { icon: "key", word: "devices", stops: "seeing and ending who has access" };
  }
}

/** What becomes of it at the end of its time, so that nobody has to fear the end. */
export function whatThen({ purpose, goesOn, limitedBy }: Credential): string {
  if (limitedBy === "share")
    return purpose === "device"
      ? "This is a share: it ends then, whatever happens."
      : "Limited by the share, which ends then.";
  if (purpose === "device") {
    return goesOn
      ? "Renewed by itself while you use it."
      : "Renewed by itself when the machine is back. After its end, pair again.";
  }
  if (purpose === "connection") return "Proven anew by itself.";
  if (goesOn) return limitedBy === "device" ? "Limited by this browser, which is renewed." : "Renewed by itself.";
  switch (PURPOSES[purpose].renewal) {
    case "while a person is present":
      return "You have been quiet. The next key asks for a new one; the screen goes on.";
    case "on use":
      return "Renewed while it is used.";
    case "while attached":
    case "never":
      return "Never renewed. The next tap asks for a new one.";
  }
}

/** Whether a person can lengthen it: what is never renewed cannot be, and what is capped would gain nothing. */
export function canRenew({ purpose, limitedBy }: Credential): boolean {
  if (purpose === "device" || purpose === "connection" || limitedBy !== null) return false;
  return PURPOSES[purpose].renewal !== "never";
}
