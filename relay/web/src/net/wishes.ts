/** Requests that outlive a session: asked again in the next one, with the same key, until they are answered or time is up. */
import type { Reason } from "../core/generated";
import { reasonFor } from "../core/reasons";
import type { Answer, Session } from "../core/session";
import type { Clock } from "./env";

/** A person is waiting. */
const PATIENCE_MS = 30_000;

/** A `Reason` that can be thrown. */
export class Refusal extends Error implements Reason {
  override name = "Refusal";
  readonly code: string;
  readonly sentence: string;
  readonly hint: string;

  constructor({ code, sentence, hint }: Reason) {
    super(sentence);
    this.code = code;
    this.sentence = sentence;
    this.hint = hint;
  }
}

interface Wish {
  ask(session: Session): number;
  /** The number under which it stands asked in the present session. */
  req: number | null;
  settle(answer: Answer): void;
}

export class Wishes {
  private readonly wishes = new Set<Wish>();
  private session: Session | null = null;

  constructor(private readonly clock: Clock) {}

  /** Rejects with a `Refusal`. A repeat must be harmless. */
  add(ask: (session: Session) => number): Promise<Exclude<Answer, { kind: "refused" }>> {
    return new Promise((resolve, reject) => {
      const refuse = (reason: Reason): void => reject(new Refusal(reason));
      const cancel = this.clock.after(PATIENCE_MS, () => wish.settle({ kind: "refused", reason: reasonFor("cut") }));
      const settle = (answer: Answer): void => {
        cancel();
        this.wishes.delete(wish);
        if (answer.kind === "refused") refuse(answer.reason);
        else resolve(answer);
      };
      const wish: Wish = { ask, req: null, settle };
      this.wishes.add(wish);
      if (this.session) wish.req = ask(this.session);
    });
  }

  sessionUp(session: Session): void {
    this.session = session;
    for (const wish of this.wishes) wish.req = wish.ask(session);
  }

  sessionDown(): void {
    this.session = null;
    for (const wish of this.wishes) wish.req = null;
  }

  answer(req: number, answer: Answer): void {
    for (const wish of [...this.wishes]) if (wish.req === req) wish.settle(answer);
  }

  fail(reason: Reason): void {
    for (const wish of [...this.wishes]) wish.settle({ kind: "refused", reason });
  }
}
