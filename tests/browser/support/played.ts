/**
 * A relay and a machine played in the test itself, on a clock that the test moves together with the page's. Between them
 * and the page are real frames, a real handshake and real seals; only the socket's other end is here.
 */
import type { Page } from "@playwright/test";
import { TestMachine } from "../../../relay/web/src/net/testing/machine";
import { TestRelay } from "../../../relay/web/src/net/testing/relay";
import { VirtualClock } from "../../../relay/web/src/net/testing/time";

/** No step is longer than the time after which a page stops saying live. */
const STEP_MS = 5000;

export class Played {
  private constructor(
    private readonly page: Page,
    private readonly clock: VirtualClock,
    readonly machine: TestMachine,
    readonly relay: TestRelay,
  ) {}

  /** Takes the place of the relay that serves the page at `web`, for links, before the page is opened. */
  static async start(page: Page, web: string): Promise<Played> {
    const clock = new VirtualClock();
    const machine = await TestMachine.start(clock);
    machine.keepsTime = true;
    const relay = new TestRelay(clock, machine, new URL(web).host);
    await page.clock.install({ time: clock.unix() });
    await page.routeWebSocket(/\/v1\/attach$/, (socket) => {
      const link = relay.env().dial({
        message: (bytes) => socket.send(Buffer.from(bytes)),
        closed: () => void socket.close(),
      });
      socket.onMessage((message) => link.send(Uint8Array.from(Buffer.from(message as Buffer))));
      socket.onClose(() => link.close("done"));
    });
    return new Played(page, clock, machine, relay);
  }

  /** Lets time pass for page and machine alike. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= STEP_MS) {
      const step = Math.min(left, STEP_MS);
      await this.clock.pass(step);
      await this.page.clock.runFor(step);
    }
  }
}
