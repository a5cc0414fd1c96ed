/** What a request for approval is called on the screen, and what has come of it, in words. */
import { isOver } from "../../core/approvals";
import type { ApprovalHolds, Asker, Fences, Risk, WorkMode } from "../../core/generated";
import type { Approval, ApprovalState, Machine } from "../../net/api";
import type { IconName } from "../parts/icons";
import { asSentence } from "./link";

export interface Asked {
  machine: Machine;
  approval: Approval;
}

/** What waits for a person, the oldest first, and what has ended, the latest first. */
export function asked(machines: readonly Machine[]): { waiting: Asked[]; ended: Asked[] } {
  const all = machines
    .flatMap((machine) => machine.approvals.map((approval) => ({ machine, approval })))
    .sort((a, b) => a.approval.card.request.asked - b.approval.card.request.asked);
  return {
    waiting: all.filter(({ approval }) => !isOver(approval.state)),
    ended: all.filter(({ approval }) => isOver(approval.state)).reverse(),
  };
}

/**
 * For each card of a list a word that changes whenever the card may have moved: when something above the list has, or a card before it has come,
 * gone, or become another height.
 */
export function layoutsOf(cards: readonly Asked[], above: string): string[] {
  const layouts: string[] = [];
  let hash = 0;
  for (const word of [above, ...cards.map(({ approval: { card, state } }) => `${card.request.id} ${state.kind}`)]) {
    for (const character of word) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0;
    layouts.push(`${layouts.length} ${hash}`);
  }
  return layouts.slice(1);
}

/** How many wait. */
export function waitingCount(machines: readonly Machine[]): number {
  return asked(machines).waiting.length;
}

/** Whether this browser may answer for any machine. */
export function mayApprove(machines: readonly Machine[]): boolean {
  return machines.some(({ scopes }) => scopes.includes("approve"));
}

export function riskWords(risk: Risk): { icon: IconName; word: string } {
  switch (risk) {
    case "low":
      return { icon: "terminal", word: "low risk" };
    case "medium":
      return { icon: "eye", word: "medium risk" };
    case "high":
      return { icon: "warning", word: "high risk" };
  }
}

/** What others have chosen, as the command itself is shown: characters that hide or turn text stand as their numbers. */
export function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/gu, (hidden) => {
    const number = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return `⟨U+${number.padStart(4, "0")}⟩`;
  });
}

export function askerWords(asker: Asker): string {
  if (asker.by === "agent") return `${visible(asker.name)}, session ${visible(asker.session)}`;
  const process = `process ${asker.pid}`;
  return asker.name === "" ? process : `${visible(asker.name)}, ${process}`;
}

export function fencesWords(fences: Fences, workspace: string): string {
  if (fences.fences === "outside") return "outside the sandbox: it can do whatever the user can";
  const network = fences.network ? "with the network" : "without the network";
  const repository = fences.repository ? ", its repository too" : "";
  return `in the sandbox: changes ${visible(workspace)} and nothing else${repository}, ${network}`;
}

/** How a machine can be told to work, and what that is called. */
export const MODES: readonly (readonly [WorkMode | null, string])[] = [
  [null, "as settings say"],
  ["plan", "plan: only read"],
  ["ask", "ask"],
  ["accept-edits", "accept edits"],
];

/** Whether this browser may choose that: to allow more takes more than to allow less. */
export function maySetMode({ scopes, reach }: Machine, mode: WorkMode | null): boolean {
  const whole = reach.root === null && reach.terminal === null;
  return whole && scopes.includes("approve") && (mode === "plan" || scopes.includes("devices"));
}

export function holdsWords(holds: ApprovalHolds): string {
  switch (holds.for) {
    case "once":
      return "once";
    case "time":
      return `for ${holds.minutes} minutes`;
    case "always":
      return "always";
  }
}

export interface StateWords {
  icon: IconName;
  tone: "good" | "bad" | "open";
  text: string;
}

/** What has come of it so far; null while there is nothing to say. Nothing is called done before the machine has said so. */
export function stateWords(state: ApprovalState, machine: string): StateWords | null {
  switch (state.kind) {
    case "waiting":
      if (state.reason === null) return null;
      return {
        icon: "warning",
        tone: "bad",
        text: `Your answer did not count: ${asSentence(state.reason.sentence)} It still waits.`,
      };
    case "sending":
      return { icon: "send", tone: "open", text: `Sending. It counts when ${machine} says so.` };
    case "unconfirmed":
      return {
        icon: "clock",
        tone: "open",
        text: `Sent, but ${machine} has not said what came of it. To answer again is harmless: the first answer counts.`,
      };
    case "gone":
      return {
        icon: "history",
        tone: "open",
        text: "It ended while this page was away. `lanyard audit` on the machine says how.",
      };
    case "settled":
      return settledWords(state, machine);
  }
}

function settledWords(state: Extract<ApprovalState, { kind: "settled" }>, machine: string): StateWords {
  const { end } = state.settled;
  switch (end.end) {
    case "expired":
      return { icon: "clock", tone: "bad", text: "Denied by itself: nobody answered in time." };
    case "overtaken":
      return { icon: "again", tone: "open", text: "Void: the mode was changed meanwhile. It may be asked again." };
    case "withdrawn":
      return { icon: "back", tone: "open", text: "Withdrawn: whoever asked has gone. Nothing was done by it." };
    case "answered": {
      const { by } = end;
      const who = state.mine ? "by you, here" : by.at === "machine" ? `at ${machine} itself` : `on “${by.name}”`;
      return end.verdict === "approved"
        ? { icon: "check", tone: "good", text: `Allowed ${holdsWords(end.holds)} ${who}.` }
        : { icon: "refused", tone: "bad", text: `Denied ${who}.` };
    }
  }
}

/** Why nothing can be answered now; null while it can. */
export function whyNotAnswer(machine: Machine): string | null {
  if (machine.link.kind !== "session") return `${machine.name} cannot be reached, so that nothing would be sent.`;
  if (!machine.scopes.includes("approve")) return "This browser may not answer any more.";
  return null;
}
