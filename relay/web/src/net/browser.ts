/** The browser as the network layer sees it. Clocks, timers, sockets and page events are touched here and nowhere else. */
import { EMPTY } from "../core/bytes";
import { closeName, closeNumber } from "../core/reasons";
import type { Env, Socket, SocketHandler } from "./env";
import { webCrypto } from "./webcrypto";

/** The WebSocket code of a link that ended with close code n is this much more. */
const CODE_BASE = 4000;

export function browserEnv(page: Window): Env {
  const { location } = page;
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/attach`;
  return {
    clock: {
      now: () => page.performance.now(),
      unix: () => Date.now(),
      after: (milliseconds, run) => {
        const timer = page.setTimeout(run, milliseconds);
        return () => page.clearTimeout(timer);
      },
    },
    crypto: webCrypto,
    random: () => Math.random(),
    dial: (handler) => dial(url, handler),
    host: location.host.toLowerCase(),
    online: () => page.navigator.onLine,
    visible: () => page.document.visibilityState === "visible",
  };
}

export interface PageEvents {
  /** The page came back, or its network did or went: what was true before may not be. `slept`: it did not run for a while. */
  returned(slept: boolean): void;
  networkChanged(): void;
  visible(visible: boolean): void;
}

/** How often it is looked whether the page has slept; timers of a hidden page may come as late as once a minute. */
const LOOK_MS = 5000;
/** A look that comes this late was held up by a sleep. */
const SLEPT_MS = 3000;

/** Timers and the monotonic clock may stand still while a machine sleeps. The wall clock goes on, and one that is set forward costs a ping. */
class Awake {
  private before = Date.now();

  hasSlept(): boolean {
    const { before } = this;
    this.before = Date.now();
    return this.before - before > LOOK_MS + SLEPT_MS;
  }
}

export function watchPage(page: Window, events: PageEvents): void {
  const awake = new Awake();
  page.addEventListener("online", () => events.networkChanged());
  page.addEventListener("offline", () => events.networkChanged());
  page.addEventListener("pageshow", (event) => {
    if (event.persisted) events.returned(true);
  });
  page.document.addEventListener("visibilitychange", () => {
    const visible = page.document.visibilityState === "visible";
    events.visible(visible);
    if (visible) events.returned(awake.hasSlept());
  });
  page.setInterval(() => {
    if (awake.hasSlept() && page.document.visibilityState === "visible") events.returned(true);
  }, LOOK_MS);
}

/**
 * Takes the pairing secret out of the address bar and the history before anything else runs. A query is dropped with it:
 * nothing in this page's address may say which relay to use.
 */
export function takeFragment(page: Window): string | null {
  const { hash, search, pathname } = page.location;
  const match = /^#pair=(.*)$/.exec(hash);
  if (match || search !== "") page.history.replaceState(null, "", match ? pathname : pathname + hash);
  return match?.[1] ?? null;
}

function dial(url: string, handler: SocketHandler): Socket {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }: MessageEvent<unknown>) =>
    handler.message(data instanceof ArrayBuffer ? new Uint8Array(data) : EMPTY);
  socket.onclose = ({ code }) => handler.closed(code > CODE_BASE ? closeName(code - CODE_BASE) : null);
  return {
    send: (bytes) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    },
    close: (code) => socket.close(CODE_BASE + closeNumber(code)),
  };
}
