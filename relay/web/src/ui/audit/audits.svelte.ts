/** The lines of one machine's audit log that were read so far. */
import type { AuditPage, DevicesSession, Reason } from "../../net/api";
import { asReason } from "../model/link";

/** So many pages are kept on the screen; an export brings all. */
const PAGES_MAX = 50;

export class Audits {
  /** The latest first. */
  pages = $state.raw<AuditPage[]>([]);
  asking = $state(false);
  trouble = $state.raw<Reason | null>(null);
  /** How many lines an export has brought; null while there is none. */
  exporting = $state<number | null>(null);

  constructor(private readonly session: DevicesSession) {}

  get more(): boolean {
    const oldest = this.pages.at(-1);
    return oldest !== undefined && goesOn(oldest) && this.pages.length < PAGES_MAX;
  }

  /** The latest lines, in the place of all that is here. */
  async look(): Promise<void> {
    await this.ask(null, (page) => [page]);
  }

  async further(): Promise<void> {
    const oldest = this.pages.at(-1);
    if (oldest !== undefined) await this.ask(oldest.start.count + 1, (page) => [...this.pages, page]);
  }

  /** All lines, byte for byte, as `lanyard audit export` has them. Null if they could not be read. */
  async all(): Promise<string | null> {
    this.exporting = 0;
    try {
      const texts: string[] = [];
      let before: number | null = null;
      for (;;) {
        const page: AuditPage = await this.session.audit(before);
        texts.unshift(page.lines.map(({ text }) => `${text}\n`).join(""));
        this.exporting += page.lines.length;
        if (!goesOn(page)) return texts.join("");
        before = page.start.count + 1;
      }
    } catch (error) {
      this.trouble = asReason(error);
      return null;
    } finally {
      this.exporting = null;
    }
  }

  private async ask(before: number | null, add: (page: AuditPage) => AuditPage[]): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      this.pages = add(await this.session.audit(before));
      this.trouble = null;
    } catch (error) {
      this.trouble = asReason(error);
    } finally {
      this.asking = false;
    }
  }
}

/** A page that brought nothing has nothing before it either. */
function goesOn({ earlier, lines, broken }: AuditPage): boolean {
  return earlier && broken === null && lines.length > 0;
}
