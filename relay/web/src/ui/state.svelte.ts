/** What the page itself keeps: where one is, which terminals are open here, what went wrong, and settings. */
import type { Grid, Reason } from "../core/generated";
import { parseRoute, routeHash, type Route } from "./model/route";

export interface Opened {
  machine: string;
  terminal: string;
  /** What it was called last, for when it is gone. */
  name: string;
  /** It has printed since it was last on the screen. */
  news: boolean;
}

export interface Notice {
  id: number;
  reason: Reason;
}

/** Where one is. Lives in the address, so that Back and reload work. */
class Place {
  route = $state<Route>(parseRoute(location.hash));
  /** Terminals open in this page, in the order they were opened. They stay mounted, whatever is on the screen. */
  opened = $state<Opened[]>([]);
  notices = $state<Notice[]>([]);
  /** A part of the page is no longer there to be loaded. */
  outdated = $state(false);
  /** What lies over the page. */
  over = $state<"palette" | "help" | null>(null);
  /** The terminal whose name is being changed. */
  renaming = $state<{ machine: string; terminal: string } | null>(null);
  /** What fitted last, for a terminal that is still to be made. */
  lastFit: Grid | null = null;

  constructor() {
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  go(route: Route): void {
    const hash = routeHash(route);
    if (location.hash === hash) this.follow();
    else location.hash = hash;
  }

  open(machine: string, terminal: string): void {
    this.go({ screen: "terminal", machine, terminal });
  }

  /** Takes a terminal off this page; it runs on. */
  leave(machine: string, terminal: string): void {
    const at = this.opened.findIndex((one) => one.machine === machine && one.terminal === terminal);
    if (at < 0) return;
    this.opened.splice(at, 1);
    const here = this.route.screen === "terminal" && this.route.terminal === terminal;
    if (!here) return;
    const next = this.opened[Math.min(at, this.opened.length - 1)];
    if (next === undefined) this.go({ screen: "home" });
    else this.open(next.machine, next.terminal);
  }

  /** A terminal that is not on the screen has printed something. */
  noteOutput(machine: string, terminal: string): void {
    const one = this.find(machine, terminal);
    if (one?.news === false) one.news = true;
  }

  /** Back to the terminal that was on the screen last. */
  lastTerminal(): void {
    const last = this.latest ?? this.opened.at(-1);
    if (last !== undefined) this.open(last.machine, last.terminal);
  }

  notify(reason: Reason): void {
    this.notices.push({ id: this.nextNotice++, reason });
    if (this.notices.length > 3) this.notices.shift();
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((one) => one.id !== id);
  }

  private latest: { machine: string; terminal: string } | null = null;
  private nextNotice = 0;

  private follow(): void {
    const route = parseRoute(location.hash);
    this.route = route;
    if (route.screen !== "terminal") return;
    const { machine, terminal } = route;
    this.latest = { machine, terminal };
    const one = this.find(machine, terminal);
    if (one === undefined) this.opened.push({ machine, terminal, name: "terminal", news: false });
    else one.news = false;
  }

  /** Whether it has printed since it was last on the screen; any of those open here, if none is named. */
  hasNews(terminal: string | null = null): boolean {
    return this.opened.some((one) => one.news && (terminal === null || one.terminal === terminal));
  }

  /** What the machine says of it now. */
  noteName(machine: string, terminal: string, name: string): void {
    const one = this.find(machine, terminal);
    if (one !== undefined && one.name !== name) one.name = name;
  }

  private find(machine: string, terminal: string): Opened | undefined {
    return this.opened.find((one) => one.machine === machine && one.terminal === terminal);
  }
}

export const place = new Place();

const KEY = "lanyard.settings";
export const FONT_SIZES = [9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 24] as const;

/** What this browser remembers for itself. Nothing here opens anything. */
class Settings {
  fontSize = $state(matchMedia("(pointer: coarse)").matches ? 12 : 14);
  screenReader = $state(false);

  constructor() {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      if (typeof stored !== "object" || stored === null) return;
      const { fontSize, screenReader } = stored as Record<string, unknown>;
      if (typeof fontSize === "number" && FONT_SIZES.some((size) => size === fontSize)) this.fontSize = fontSize;
      if (typeof screenReader === "boolean") this.screenReader = screenReader;
    } catch {
      // Storage is closed or holds something else: the defaults serve.
    }
  }

  /** One step larger or smaller. */
  zoom(by: 1 | -1): void {
    const at = FONT_SIZES.findIndex((size) => size >= this.fontSize);
    this.fontSize = FONT_SIZES[at + by] ?? this.fontSize;
    this.save();
  }

  setScreenReader(on: boolean): void {
    this.screenReader = on;
    this.save();
  }

  private save(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ fontSize: this.fontSize, screenReader: this.screenReader }));
    } catch {
      // Not remembered, still in force.
    }
  }
}

export const settings = new Settings();

/** The page's monotonic clock, once a second. A machine's clock is this plus its offset; the browser's own is never asked. */
class Ticker {
  monotonic = $state(performance.now());

  constructor() {
    setInterval(() => (this.monotonic = performance.now()), 1000);
    document.addEventListener("visibilitychange", () => (this.monotonic = performance.now()));
  }

  /** The machine's clock. */
  at(machine: { clockOffset: number }): number {
    return this.monotonic + machine.clockOffset;
  }
}

export const ticker = new Ticker();
