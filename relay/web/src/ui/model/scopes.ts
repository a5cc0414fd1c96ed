/** What a scope allows, and how far, so that someone who has never heard of a token understands it. */
import { PURPOSES, type Reach, type Scope, type Terminal } from "../../core/generated";
import type { IconName } from "../parts/icons";

export interface ScopeWords {
  icon: IconName;
  title: string;
  text: string;
  /** Code execution as the user, whatever its name says. */
  full: boolean;
}

const FULL = "That is the full power of your user account on this machine.";

export function scopeWords(scope: Scope): ScopeWords {
  const [icon, text] = about(scope);
  // What the protocol says in one line is a title and an explanation here.
  const [title = ""] = PURPOSES[scope].words.split(":");
  const full = PURPOSES[scope].fullPower;
  return { icon, title: title.charAt(0).toUpperCase() + title.slice(1), text: full ? FULL : text, full };
}

function about(scope: Scope): [IconName, string] {
  switch (scope) {
    case "view":
      return ["eye", "See what they show, now and as it changes."];
    case "files.read":
      return ["file", "See names and contents; change nothing."];
    case "terminal":
      return ["keyboard", FULL];
    case "run":
      return ["terminal", FULL];
    case "files.write":
      return ["write", FULL];
    case "prompt":
      return ["chat", FULL];
    case "approve":
      return ["check", "Say yes or no to what a program on the machine asks for."];
    case "devices":
      return ["device", "See every device and what it may do; end any of it, or lock the machine."];
  }
}

/** How far they reach, in a sentence; null when nothing bounds them. */
export function reachWords({ root, terminal }: Reach, terminals: readonly Terminal[] = []): string | null {
  if (terminal !== null) {
    const name = terminals.find(({ id }) => id === terminal)?.name;
    return name === undefined ? "Only one terminal." : `Only the terminal \`${name}\`.`;
  }
  return root === null ? null : `Only what is in \`${root}\`.`;
}

/** How long a share stays: `for 30 minutes`. */
export function staysWords(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  if (minutes % 1440 === 0) return `for ${count(minutes / 1440, "day")}`;
  if (minutes % 60 === 0) return `for ${count(minutes / 60, "hour")}`;
  if (minutes < 60) return `for ${count(minutes, "minute")}`;
  return `for ${count(Math.floor(minutes / 60), "hour")} ${count(minutes % 60, "minute")}`;
}

function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? "" : "s"}`;
}
