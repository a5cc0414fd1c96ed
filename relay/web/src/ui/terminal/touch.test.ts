import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { followFinger } from "./touch";

let now = 0;
let frame: ((now: number) => void) | null = null;
let surface = "normal";
let scrolled = 0;
const element = new EventTarget();
let stop = (): void => undefined;

/** A finger at this height, or gone. */
function touch(type: "touchstart" | "touchmove" | "touchend", y?: number): void {
  const event = Object.assign(new Event(type, { cancelable: true }), {
    touches: y === undefined ? [] : [{ clientY: y }],
  });
  Object.defineProperty(event, "timeStamp", { value: now });
  element.dispatchEvent(event);
}

/** Lets frames be painted, 16 ms each; returns how many lines they scrolled. */
function glide(frames: number): number {
  const before = scrolled;
  for (let n = 0; n < frames && frame !== null; n++) {
    const run = frame;
    frame = null;
    now += 16;
    run(now);
  }
  return scrolled - before;
}

function flick(): void {
  touch("touchstart", 500);
  for (let step = 1; step <= 5; step++) {
    now += 16;
    touch("touchmove", 500 - step * 40);
  }
  touch("touchend");
}

beforeEach(() => {
  [now, frame, surface, scrolled] = [1000, null, "normal", 0];
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("requestAnimationFrame", (run: (now: number) => void) => ((frame = run), 1));
  vi.stubGlobal("cancelAnimationFrame", () => (frame = null));
  vi.spyOn(performance, "now").mockImplementation(() => now);
  stop = followFinger(element as HTMLElement, {
    lineHeight: () => 10,
    scroll: (lines) => (scrolled += lines),
    surface: () => surface,
  });
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a finger moves lines, and a flick glides on until it is out of breath", () => {
  flick();
  expect(scrolled).toBe(20);
  expect(glide(10)).toBeGreaterThan(10);
  glide(1000);
  expect(frame).toBeNull();
});

test("a glide ends where a program takes the screen, and does not go on into it", () => {
  flick();
  expect(glide(3)).toBeGreaterThan(0);
  surface = "alternate";
  expect(glide(10)).toBe(0);
  expect(frame).toBeNull();
});

test("a finger that rested before it left flicks nothing, and one that touches again stops the glide", () => {
  touch("touchstart", 500);
  now += 16;
  touch("touchmove", 400);
  now += 200;
  touch("touchend");
  expect(frame).toBeNull();
  flick();
  expect(frame).not.toBeNull();
  touch("touchstart", 300);
  expect(frame).toBeNull();
});
