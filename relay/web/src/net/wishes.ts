/** Requests that outlive a session: asked again in the next one, with the same key, until they are answered or time is up. */
import type { Reason } from "../core/generated";
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

/** What is wished for. */
export type WishKind = "access" | "create" | "end" | "mode" | "forget" | "history" | "rename" | "renew" | "revoke";

/** A wish without an answer, and where it is: in this page, or said to the machine. */
export interface Waiting {
  kind: WishKind;
  at: "page" | "machine";
}

const NOT_SENT: Reason = {
  code: "not-sent",
  sentence: "the machine could not be reached, so this was not sent",
  hint: "try again when it is back",
};
/** Whether an answer was lost, or the machine has not come to it, cannot be told from here; and nothing is sent again by itself later. */
const UNKNOWN: Reason = {
  code: "unknown",
  sentence: "the machine has not answered, so it is not known whether this was done",
  hint: "look before you try again: it may have been",
};

interface Wish {
  kind: WishKind;
  ask(session: Session): number;
  /** It was said to the machine, in this session or in one before. */
  said: boolean;
  /** The number under which it stands asked in the present session. */
  req: number | null;
  settle(answer: Answer): void;
}

export class Wishes {
  private readonly wishes = new Set<Wish>();
  private session: Session | null = null;

  /** `changed` hears when a wish waits for something else, or not any more. */
  constructor(
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {}

  /** What waits for an answer, the oldest first. */
  get waiting(): Waiting[] {
    return [...this.wishes].map(({ kind, said }) => ({ kind, at: said ? "machine" : "page" }));
  }

  /** Rejects with a `Refusal`. A repeat must be harmless. */
  add(kind: WishKind, ask: (session: Session) => number): Promise<Exclude<Answer, { kind: "refused" }>> {
    return new Promise((resolve, reject) => {
      const refuse = (reason: Reason): void => reject(new Refusal(reason));
      const cancel = this.clock.after(PATIENCE_MS, () =>
        wish.settle({ kind: "refused", reason: wish.said ? UNKNOWN : NOT_SENT }),
      );
      const settle = (answer: Answer): void => {
        cancel();
        this.wishes.delete(wish);
        this.changed();
        if (answer.kind === "refused") refuse(answer.reason);
        else resolve(answer);
      };
      const wish: Wish = { kind, ask, said: false, req: null, settle };
      this.wishes.add(wish);
      if (this.session) this.say(wish, this.session);
      this.changed();
    });
  }

  sessionUp(session: Session): void {
    this.session = session;
    for (const wish of this.wishes) this.say(wish, session);
    this.changed();
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

  private say(wish: Wish, session: Session): void {
    wish.req = wish.ask(session);
    wish.said = true;
  }
}
