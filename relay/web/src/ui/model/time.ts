/** How times look. All take milliseconds; none reads a clock. */

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAYS = 24 * HOUR;

/** `14:02:11`, in the reader's time zone; with the day when that is not today's. */
export function clock(at: number, now: number): string {
  const time = CLOCK.format(at);
  return Math.abs(now - at) < DAYS && DAY.format(at) === DAY.format(now) ? time : `${DAY.format(at)}, ${time}`;
}

/** What is left, for a fixed-width field: `4:12`, `3 h 05 m`, `29 d`. Never below zero, and never shows zero early. */
export function remaining(left: number): string {
  const seconds = Math.max(0, Math.ceil(left / SECOND));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`;
  const minutes = Math.floor(seconds / 60);
  if (seconds < 48 * 3600) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** The same for the ear: `4 minutes 12 seconds`. */
export function spokenRemaining(left: number): string {
  const seconds = Math.max(0, Math.ceil(left / SECOND));
  if (seconds < 60) return count(seconds, "second");
  if (seconds < 3600) return join(count(Math.floor(seconds / 60), "minute"), seconds % 60, "second");
  if (seconds < 48 * 3600)
    return join(count(Math.floor(seconds / 3600), "hour"), Math.floor(seconds / 60) % 60, "minute");
  return count(Math.floor(seconds / 86_400), "day");
}

/** How long ago, coarse: `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ago(at: number, now: number): string {
  const past = now - at;
  if (past < MINUTE) return "just now";
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  if (past < 2 * DAYS) return `${Math.floor(past / HOUR)} h ago`;
  return `${Math.floor(past / DAYS)} d ago`;
}

/** A round trip: `38 ms`, `1.4 s`. */
export function roundTrip(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function pad(n: number): string {
  return n.toString().padStart(2, "0");
}

function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? "" : "s"}`;
}

function join(first: string, rest: number, unit: string): string {
  return rest === 0 ? first : `${first} ${count(rest, unit)}`;
}
