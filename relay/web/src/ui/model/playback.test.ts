import { beforeEach, expect, test } from "vitest";
import { utf8 } from "../../core/bytes";
import { Playback } from "./playback";
import type { RecordedEvent } from "../../core/recording";

const ALL = Number.MAX_SAFE_INTEGER;
const out = (at: number, text: string): RecordedEvent => ({ at, kind: "output", bytes: utf8(text) });
const events = [out(0, "a"), out(1000, "b"), out(2000, "c"), out(62_000, "d")];

let playback: Playback;

beforeEach(() => {
  playback = new Playback({ title: "", started: null, grid: { cols: 80, rows: 24 }, events });
});

/** What is fed at this time, a reset as `^`. */
function fed(now: number, most = ALL): string {
  const { reset, events } = playback.feed(now, most);
  const text = events.map((event) => (event.kind === "output" ? Buffer.from(event.bytes).toString() : "")).join("");
  return `${reset ? "^" : ""}${text}`;
}

test("it shows at once what was there at the end", () => {
  expect(playback.position(0)).toBe(4000);
  expect(fed(0)).toBe("^abcd");
  expect([playback.behind(0), playback.playing(0), playback.next(0)]).toEqual([false, false, null]);
});

test("it plays from the beginning, each thing at its time, and stops at the end", () => {
  fed(0);
  playback.play(100);
  expect(fed(100)).toBe("^a");
  expect(playback.next(100)).toBe(1000);
  expect(fed(1099)).toBe("");
  expect(fed(1100)).toBe("b");
  expect(fed(5000)).toBe("cd");
  expect(playback.playing(5000)).toBe(false);
});

test("a long wait is two seconds, unless it is to be as long as it was", () => {
  expect(playback.duration).toBe(4000);
  playback.setSkips(false, 0);
  expect(playback.duration).toBe(62_000);
  playback.seek(2500, 0);
  playback.setSkips(true, 0);
  expect(playback.position(0)).toBe(2500);
  playback.setSkips(false, 0);
  playback.seek(50_000, 0);
  playback.setSkips(true, 0);
  expect(playback.position(0)).toBe(4000);
});

test("it is paused and goes on, at any speed", () => {
  playback.play(0);
  playback.pause(500);
  expect(playback.position(9999)).toBe(500);
  playback.play(10_000);
  playback.setSpeed(4, 10_100);
  expect(playback.position(10_200)).toBe(1000);
  playback.setSpeed(0.5, 10_200);
  expect(playback.position(11_200)).toBe(1500);
  expect(playback.next(11_200)).toBe(1000);
});

test("going back begins anew, going on does not", () => {
  fed(0);
  playback.seek(1500, 0);
  expect(fed(0)).toBe("^ab");
  playback.seek(2000, 0);
  expect(fed(0)).toBe("c");
  playback.seek(-5, 0);
  expect([playback.position(0), fed(0)]).toEqual([0, "^a"]);
});

test("who seeks while it plays goes on playing from there", () => {
  playback.play(0);
  playback.seek(1000, 500);
  expect(playback.position(700)).toBe(1200);
  playback.seek(ALL, 700);
  expect(playback.playing(700)).toBe(false);
});

test("much is fed in pieces, in order, and going back in the middle begins anew", () => {
  expect(fed(0, 100)).toBe("^ab");
  expect(playback.behind(0)).toBe(true);
  expect(fed(0, 1)).toBe("c");
  playback.seek(0, 0);
  expect(fed(0, 2)).toBe("^a");
  expect(playback.behind(0)).toBe(false);
});

test("what prints nothing takes its time too, and another size the most", () => {
  const many = (event: RecordedEvent) => {
    const events = Array.from({ length: 10_000 }, () => event);
    return new Playback({ title: "", started: null, grid: { cols: 80, rows: 24 }, events });
  };
  const most = 128 * 1024;
  const fedOf = (event: RecordedEvent) => many(event).feed(0, most).events.length;
  expect(fedOf({ at: 0, kind: "size", grid: { cols: 9, rows: 9 } })).toBe(8);
  expect(fedOf({ at: 0, kind: "gap", bytes: 1 })).toBe(2048);
  expect(fedOf(out(0, ""))).toBe(2048);
});

test("a recording of nothing stands still", () => {
  playback = new Playback({ title: "", started: null, grid: { cols: 80, rows: 24 }, events: [] });
  playback.play(0);
  expect([playback.duration, playback.playing(1), fed(1), playback.behind(1)]).toEqual([0, false, "^", false]);
});
