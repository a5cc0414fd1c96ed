/**
 * Playing a recording, without a clock: the time is an argument, and what the screen is to be fed is the answer. Going back means from
 * the beginning on, in pieces, so that no frame takes long.
 */
import type { RecordedEvent, Recording } from "../../net/api";

/** Milliseconds. What lasts longer without anything happening is cut to this, if it is to be. */
export const IDLE_MOST = 2000;
export const SPEEDS = [0.5, 1, 2, 4, 8] as const;
/** What an event costs beside what it prints, in bytes that take about as long: many that print nothing take long too. */
const EVENT_COST = 64;
/** Another size lays out all that has scrolled off anew. */
const SIZE_COST = 16 * 1024;

/** What the screen is to take next. */
export interface Feed {
  /** Begin anew first. */
  reset: boolean;
  events: RecordedEvent[];
}

export class Playback {
  /** When each event comes, as it is played. */
  private times: Float64Array;
  private speed = 1;
  private skips = true;
  /** Where it stood when that was last set; and since when it has run, if it runs. */
  private base: { at: number; since: number | null };
  /** Events that the screen has. */
  private fed = 0;
  private restarts = true;

  /** Stands at the end: what a terminal showed last is what one looks for. */
  constructor(private readonly recording: Recording) {
    this.times = playedTimes(recording.events, this.skips);
    this.base = { at: this.duration, since: null };
  }

  /** Milliseconds, at speed 1. */
  get duration(): number {
    return this.times.at(-1) ?? 0;
  }

  playing(now: number): boolean {
    return this.base.since !== null && this.position(now) < this.duration;
  }

  position(now: number): number {
    const { at, since } = this.base;
    const run = since === null ? 0 : Math.max(0, now - since) * this.speed;
    return Math.min(this.duration, at + run);
  }

  /** From the beginning when it stands at the end. */
  play(now: number): void {
    const at = this.position(now);
    this.base = { at: at >= this.duration ? 0 : at, since: now };
  }

  pause(now: number): void {
    this.base = { at: this.position(now), since: null };
  }

  seek(to: number, now: number): void {
    const since = this.playing(now) ? now : null;
    this.base = { at: Math.min(this.duration, Math.max(0, to)), since };
  }

  setSpeed(speed: number, now: number): void {
    this.base = { at: this.position(now), since: this.base.since === null ? null : now };
    this.speed = speed;
  }

  /** Whether long waits are cut. It stands at the same event afterwards. */
  setSkips(skips: boolean, now: number): void {
    if (skips === this.skips) return;
    const running = this.base.since !== null;
    const before = this.times;
    const position = this.position(now);
    const index = countUntil(before, position) - 1;
    const into = index < 0 ? 0 : position - (before[index] ?? 0);
    this.skips = skips;
    this.times = playedTimes(this.recording.events, skips);
    const next = this.times[index + 1] ?? this.duration;
    const at = Math.min(next, (index < 0 ? 0 : (this.times[index] ?? 0)) + into);
    this.base = { at, since: running ? now : null };
  }

  /** What is between what the screen shows and what it is to show, at most about as much as takes as long as so many bytes. */
  feed(now: number, most: number): Feed {
    const target = countUntil(this.times, this.position(now));
    const reset = this.restarts || target < this.fed;
    if (reset) this.fed = 0;
    this.restarts = false;
    const events: RecordedEvent[] = [];
    let cost = 0;
    while (this.fed < target && cost < most) {
      const event = this.recording.events[this.fed];
      if (event === undefined) break;
      events.push(event);
      cost += costOf(event);
      this.fed += 1;
    }
    return { reset, events };
  }

  /** Whether the screen is not yet where it is to be. */
  behind(now: number): boolean {
    return this.restarts || this.fed !== countUntil(this.times, this.position(now));
  }

  /** How many milliseconds until something happens; null when nothing does. */
  next(now: number): number | null {
    if (!this.playing(now)) return null;
    const at = this.times[countUntil(this.times, this.position(now))] ?? this.duration;
    return Math.max(0, (at - this.position(now)) / this.speed);
  }
}

function costOf(event: RecordedEvent): number {
  switch (event.kind) {
    case "output":
      return EVENT_COST + event.bytes.length;
    case "size":
      return SIZE_COST;
    case "gap":
    case "exit":
      return EVENT_COST;
  }
}

function playedTimes(events: readonly RecordedEvent[], skips: boolean): Float64Array {
  const times = new Float64Array(events.length);
  let [played, before] = [0, 0];
  events.forEach((event, index) => {
    const waited = event.at - before;
    played += skips ? Math.min(waited, IDLE_MOST) : waited;
    before = event.at;
    times[index] = played;
  });
  return times;
}

/** How many come at `at` or before. */
function countUntil(times: Float64Array, at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
