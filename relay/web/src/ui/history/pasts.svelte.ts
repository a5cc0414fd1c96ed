/** What this page knows of a machine's terminals that have ended. */
import type { PastPlace, PastTerminal, Reason } from "../../core/generated";
import type { Lanyard } from "../../net/api";
import { asReason } from "../model/link";
import { placeOf, withFirstPage, withPage } from "../model/past";
import { place } from "../state.svelte";

export class Pasts {
  /** The latest first. */
  past = $state.raw<PastTerminal[]>([]);
  /** There are more behind these. */
  more = $state(false);
  /** When it was read last, by the machine's clock. */
  read = $state<number | null>(null);
  asking = $state(false);
  trouble = $state.raw<Reason | null>(null);
  /** Something has changed while it was read. */
  private due = false;

  constructor(
    private readonly lanyard: Lanyard,
    private readonly machine: string,
  ) {}

  find(id: string): PastTerminal | null {
    return this.past.find((one) => one.id === id) ?? null;
  }

  /** From the latest on, again. `now` is the machine's clock. */
  async look(now: number): Promise<void> {
    await this.ask(null, now);
  }

  /** What lies behind what is here. */
  async further(now: number): Promise<void> {
    await this.ask(placeOf(this.past), now);
  }

  async forget(id: string): Promise<void> {
    try {
      await this.lanyard.forgetPast(this.machine, id);
      this.past = this.past.filter((one) => one.id !== id);
    } catch (error) {
      place.notify(asReason(error));
    }
  }

  private async ask(after: PastPlace | null, now: number): Promise<void> {
    if (this.asking) {
      this.due ||= after === null;
      return;
    }
    this.asking = true;
    try {
      const page = await this.lanyard.history(this.machine, after);
      this.past = after === null ? withFirstPage(this.past, page) : withPage(this.past, page);
      // Behind a first page that was read anew, what was there before may go on further.
      if (after !== null || this.past.length === page.past.length) this.more = page.more;
      this.read = now;
      this.trouble = null;
    } catch (error) {
      this.trouble = asReason(error);
    }
    this.asking = false;
    if (this.due) {
      this.due = false;
      await this.look(now);
    }
  }
}
