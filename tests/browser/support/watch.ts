/** What must be true of every page in every test: nothing is refused by its policy, nothing leaves it for elsewhere, no secret is in an address. */
import { expect, type BrowserContext, type Page } from "@playwright/test";

/** A connection that a test has cut is told on the console by the browser itself. */
const CUT = /^(Failed to load resource|WebSocket connection to '.*' failed)/;
/** What the emulator remarks when the machine is too busy to draw in time. */
const BUSY = /^task queue exceeded allotted deadline by \d+ms$/;
/** A token is three parts of base64 and begins with a JSON object; a pairing secret is behind `#` and never sent. */
const SECRET = /eyJ[\w-]{8,}|pair=|[?]/;

export class Watch {
  private readonly complaints: string[] = [];
  private readonly requested: string[] = [];

  constructor(
    private readonly context: BrowserContext,
    private readonly origin: () => string,
  ) {
    context.on("page", (page) => this.follow(page));
    context.on("request", (request) => {
      this.requested.push(request.url());
      const { cookie, authorization } = request.headers();
      if (cookie !== undefined || authorization !== undefined) this.complaints.push(`credential to ${request.url()}`);
    });
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
    context.on("console", (message) => {
      const text = message.text();
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (!CUT.test(text) && !BUSY.test(text)) this.complaints.push(text);
    });
  }

  /** A page that is watched from its first request on. */
  page(): Promise<Page> {
    return this.context.newPage();
  }

  /** For a test that expects them: what was complained of and asked for so far is its own affair. */
  takeComplaints(): string[] {
    this.requested.length = 0;
    return this.complaints.splice(0);
  }

  async check(): Promise<void> {
    const { host } = new URL(this.origin());
    for (const address of this.requested) {
      if (address.startsWith("blob:") || address.startsWith("data:")) continue;
      if (new URL(address).host !== host) this.complaints.push(`request to ${address}`);
      if (SECRET.test(address)) this.complaints.push(`secret in ${address}`);
    }
    expect(this.complaints).toEqual([]);
    expect(await this.context.cookies()).toEqual([]);
  }

  private follow(page: Page): void {
    page.on("websocket", (socket) => this.requested.push(socket.url()));
  }
}
