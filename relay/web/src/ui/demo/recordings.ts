/** What has ended, and what is played, in the demo. */
import type { PastTerminal } from "../../core/generated";
import type { PlayingPhase, RecordedEvent } from "../../net/api";
import { SCREENS } from "./screens";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const grid = { cols: 120, rows: 32 };

/** `now` is the demo machine's clock. */
export function pasts(now: number): PastTerminal[] {
  const one = (id: string, name: string, ago: number, ran: number, part: Partial<PastTerminal> = {}): PastTerminal => ({
    id,
    name,
    cwd: "~/src/lanyard",
    started: now - ago - ran,
    ended: now - ago,
    exit: { t: "status", code: 0 },
    grid,
    kept: 14_700,
    dropped: 0,
    ...part,
  });
  return [
    one("p-test", "test", 4 * MINUTE, 8000, { exit: { t: "status", code: 101 }, kept: 3911 }),
    one("p-logs", "logs", 50 * MINUTE, 26 * HOUR, {
      cwd: "/var/log",
      exit: { t: "signal", number: 15 },
      kept: 8_340_000,
      dropped: 41_000_000,
    }),
    one("p-review", "review the agent’s change, then push it if the tests pass", 3 * HOUR, 42 * MINUTE),
    one("p-power", "build", 30 * HOUR, 11 * MINUTE, { exit: null, kept: 220_000 }),
    one("p-notes", "notes", 80 * HOUR, 5 * MINUTE, { cwd: "/home/sasha/a/rather/long/path/to/where/notes/are/kept" }),
  ];
}

const encoder = new TextEncoder();

/** Typed letter by letter, answered line by line. */
export function shellSession(): RecordedEvent[] {
  const [prompt = "", ...lines] = SCREENS.shell.split("\r\n");
  const [before, command = ""] = prompt.split("❯\u001b[0m ");
  const events: RecordedEvent[] = [];
  let at = 0;
  const say = (wait: number, text: string) =>
    events.push({ at: (at += wait), kind: "output", bytes: encoder.encode(text) });
  say(0, `${before ?? ""}❯\u001b[0m `);
  for (const letter of command) say(90, letter);
  for (const line of lines) say(350, `\r\n${line}`);
  events.push({ at: at + 4000, kind: "exit", exit: { t: "status", code: 101 } });
  return events;
}

/** What must not happen: no answers, no title, no clipboard, no end. */
function hostile(): RecordedEvent[] {
  const E = "\u001b";
  const text = `${E}[c${E}[6n${E}]10;?${E}\\${E}]0;taken over${E}\\${E}]52;c;dGFrZW4=${E}\\${E}[?1003h${E}[8;900;900tstill here\r\n`;
  return [
    { at: 0, kind: "gap", bytes: 41_000_000 },
    { at: 0, kind: "output", bytes: encoder.encode(text) },
  ];
}

export const PLAYING: Record<"shell" | "hostile" | "fetching", PlayingPhase> = {
  shell: {
    kind: "whole",
    recording: { title: "test", started: 1, grid: { cols: 110, rows: 24 }, events: shellSession() },
  },
  hostile: { kind: "whole", recording: { title: "logs", started: 1, grid, events: hostile() } },
  fetching: { kind: "fetching", got: 3_100_000, of: 8_340_000 },
};
