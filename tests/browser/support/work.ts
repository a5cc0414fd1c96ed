/** How long the page's own thread works from one frame to the next. */
import type { CDPSession, Page } from "@playwright/test";

export interface Work {
  frames: number;
  /** The most processor time between two frames, in milliseconds: what a person waits on a machine that does nothing else. */
  busiest: number;
  /** The longest time from one frame to the next, in milliseconds, with whatever else this machine did meanwhile. */
  longest: number;
}

interface Mark {
  name: string;
  /** Microseconds: the clock, and what the thread has worked. */
  ts: number;
  tts: number;
}

const MARK = "lanyard-frame";

/** Measures every frame while `run` runs. */
export async function work(page: Page, run: () => Promise<void>): Promise<Work> {
  const browser = page.context().browser();
  if (browser === null) throw new Error("there is no browser to measure");
  const session = await browser.newBrowserCDPSession();
  const marks: Mark[] = [];
  session.on("Tracing.dataCollected", ({ value }) => {
    for (const event of value as unknown as Mark[]) if (event.name === MARK) marks.push(event);
  });
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["blink.user_timing"] },
  });
  const stop = await page.evaluateHandle((name) => {
    const state = { stopped: false };
    const frame = () => {
      if (state.stopped) return;
      performance.mark(name);
      performance.clearMarks(name);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return state;
  }, MARK);
  await run();
  await stop.evaluate((state) => (state.stopped = true));
  await ended(session);
  marks.sort((a, b) => a.ts - b.ts);
  const between = (of: (mark: Mark) => number) =>
    marks.slice(1).map((mark, at) => (of(mark) - of(marks[at] ?? mark)) / 1000);
  const most = (times: number[]) => Math.round(Math.max(0, ...times));
  return { frames: marks.length, busiest: most(between(({ tts }) => tts)), longest: most(between(({ ts }) => ts)) };
}

async function ended(session: CDPSession): Promise<void> {
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.end");
  await complete;
  await session.detach();
}
