/** Keys of the page itself. They work wherever nothing is typed; inside a terminal every key but one is the program's. */

export type Shortcut =
  "palette" | "help" | "home" | "terminal" | "approvals" | "access" | "devices" | "audit" | "history" | "more";

export interface Stroke {
  key: string;
  ctrl: boolean;
  meta: boolean;
  alt: boolean;
  /** Milliseconds, of any one clock. */
  at: number;
}

const GO: Partial<Record<string, Shortcut>> = {
  h: "home",
  t: "terminal",
  p: "history",
  a: "approvals",
  k: "access",
  d: "devices",
  l: "audit",
  m: "more",
};
/** A second letter that comes later than this begins anew. */
const TOGETHER = 1200;

/** Remembers the `g` of a key of two letters. */
export class Shortcuts {
  private went = Number.NEGATIVE_INFINITY;

  /** What a stroke asks for; null if it is none of ours, or only the first half. */
  press({ key, ctrl, meta, alt, at }: Stroke): Shortcut | null {
    const follows = at - this.went <= TOGETHER;
    this.went = Number.NEGATIVE_INFINITY;
    if (alt) return null;
    // With or without Shift: the key that leaves a terminal, pressed again, leads on.
    if (ctrl || meta) return key.toLowerCase() === "k" ? "palette" : null;
    if (key === "?") return "help";
    if (follows) return GO[key] ?? null;
    if (key === "g") this.went = at;
    return null;
  }
}

/** Whether keys belong to what has the focus. */
export function takesKeys(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog[open]") !== null
  );
}
