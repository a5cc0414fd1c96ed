/** One finger scrolls. xterm 6.0.0 does not know touch. */
import { Steps } from "./keys";

export interface Scrolled {
  /** Pixels of one line. */
  lineHeight: () => number;
  /** Positive is towards newer lines. */
  scroll: (lines: number) => void;
  /** What is scrolled. A flick on one does not go on in another. */
  surface: () => string;
}

/** Below this a finger taps. */
const SLOP = 8;
/** A flick loses this share of its speed each millisecond. */
const FRICTION = 0.004;
const SLOWEST = 0.03;

/** Follows a finger on `element` until the returned function is called. */
export function followFinger(element: HTMLElement, { lineHeight, scroll, surface }: Scrolled): () => void {
  const steps = new Steps(lineHeight);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let last: { y: number; at: number } | null = null;
  let moved = false;
  let speed = 0;
  let frame = 0;
  let on = "";

  const go = (distance: number) => {
    const lines = steps.take(distance);
    if (lines !== 0) scroll(lines);
  };

  const onStart = (event: TouchEvent) => {
    cancelAnimationFrame(frame);
    on = surface();
    const finger = event.touches.length === 1 ? event.touches[0] : undefined;
    last = finger === undefined ? null : { y: finger.clientY, at: event.timeStamp };
    moved = false;
    speed = 0;
  };

  const onMove = (event: TouchEvent) => {
    const finger = event.touches[0];
    if (last === null || finger === undefined || event.touches.length !== 1) return;
    const distance = last.y - finger.clientY;
    if (!moved && Math.abs(distance) < SLOP) return;
    moved = true;
    event.preventDefault();
    speed = distance / Math.max(1, event.timeStamp - last.at);
    last = { y: finger.clientY, at: event.timeStamp };
    go(distance);
  };

  const onEnd = (event: TouchEvent) => {
    // A scroll is no tap: without this the browser would make a click of it and open the keyboard.
    if (moved && event.cancelable) event.preventDefault();
    const rested = last === null || event.timeStamp - last.at > 80;
    last = null;
    if (!moved || rested || calm.matches) return;
    let then = performance.now();
    const glide = (now: number) => {
      const passed = now - then;
      then = now;
      speed *= Math.max(0, 1 - FRICTION * passed);
      if (Math.abs(speed) < SLOWEST || surface() !== on) return;
      go(speed * passed);
      frame = requestAnimationFrame(glide);
    };
    frame = requestAnimationFrame(glide);
  };

  element.addEventListener("touchstart", onStart, { passive: true });
  element.addEventListener("touchmove", onMove, { passive: false });
  element.addEventListener("touchend", onEnd);
  return () => {
    cancelAnimationFrame(frame);
    element.removeEventListener("touchstart", onStart);
    element.removeEventListener("touchmove", onMove);
    element.removeEventListener("touchend", onEnd);
  };
}
