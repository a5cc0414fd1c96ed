/** The network between a page and its relay, which can go without a word. */
import type { BrowserContext, Page, WebSocketRoute } from "@playwright/test";

export class Network {
  private there = true;
  /** How to forget a connection that stands. */
  private readonly standing = new Set<() => void>();

  private constructor(private readonly context: BrowserContext) {}

  /** To be called before the page is opened. */
  static async of(page: Page): Promise<Network> {
    const network = new Network(page.context());
    await page.routeWebSocket(/\/v1\/attach$/, (near) => network.connect(near));
    return network;
  }

  /** Nothing gets through any more and nothing says so: connections that stand seem to stand, new ones come to nothing. */
  async goes(): Promise<void> {
    this.there = false;
    for (const forget of this.standing) forget();
    this.standing.clear();
    await this.context.setOffline(true);
  }

  /** New connections get through again; those that stood never do. */
  async returns(): Promise<void> {
    this.there = true;
    await this.context.setOffline(false);
  }

  private connect(near: WebSocketRoute): void {
    // Without a server the page believes that it is connected, and hears nothing: as good as a connection that hangs.
    if (!this.there) return;
    const far = near.connectToServer();
    let forgotten = false;
    this.standing.add(() => (forgotten = true));
    near.onMessage((message) => {
      if (!forgotten) far.send(message);
    });
    far.onMessage((message) => {
      if (!forgotten) near.send(message);
    });
    near.onClose((code, reason) => {
      if (!forgotten) void far.close({ ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) });
    });
    far.onClose((code, reason) => {
      if (!forgotten) void near.close({ ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) });
    });
  }
}
