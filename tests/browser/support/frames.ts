/** What a page paints, frame by frame, and how long it keeps one waiting. */
import type { Page } from "@playwright/test";

export interface Frames {
  count: number;
  /** The longest time from one frame to the next, in milliseconds. */
  longest: number;
  /** The middle one of all those times. */
  median: number;
  /** Frames in which the terminal on the screen showed no character at all. */
  blank: number;
  /** Frames in which the text that was asked for was missing. */
  missing: number;
}

interface Watched {
  gaps: number[];
  blank: number;
  missing: number;
  stop: boolean;
}

/** Watches every frame while `run` runs. `text`, if given, must stand in the terminal in all of them. */
export async function frames(page: Page, run: () => Promise<void>, text = ""): Promise<Frames> {
  const watch = await page.evaluateHandle((wanted) => {
    const watched: Watched = { gaps: [], blank: 0, missing: 0, stop: false };
    const after = new MessageChannel();
    let before = performance.now();
    const shown = () =>
      document.querySelector('[role="tabpanel"]:not([hidden]) .xterm-rows')?.textContent.replaceAll("\u00a0", " ") ??
      "";
    // A message that was sent before a frame is painted arrives when it has been: this is what the eye gets.
    after.port1.onmessage = () => {
      const screen = shown();
      if (screen.trim() === "") watched.blank++;
      if (!screen.includes(wanted)) watched.missing++;
    };
    const frame = (now: number) => {
      if (watched.stop) return;
      watched.gaps.push(now - before);
      before = now;
      after.port2.postMessage(null);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return watched;
  }, text);
  await run();
  const { gaps, blank, missing } = await watch.evaluate((watched) => {
    watched.stop = true;
    return watched;
  });
  await watch.dispose();
  const sorted = gaps.slice(1).sort((a, b) => a - b);
  return {
    count: sorted.length,
    longest: Math.round(sorted.at(-1) ?? 0),
    median: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    blank,
    missing,
  };
}
