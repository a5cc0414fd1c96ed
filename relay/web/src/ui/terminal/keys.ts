/** What keys, pastes and sticky modifiers become on the way to the machine. */

export type KeyName = "Escape" | "Tab" | "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

export interface Modifiers {
  ctrl: boolean;
  alt: boolean;
  shift: boolean;
}

export const NONE: Modifiers = { ctrl: false, alt: false, shift: false };

const ESC = "\u001b";
const ARROWS: Partial<Record<KeyName, string>> = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D" };

/** A key of the key row, as xterm would send it. `application` is the terminal's cursor key mode. */
export function encodeKey(key: KeyName, { ctrl, alt, shift }: Modifiers, application: boolean): string {
  const arrow = ARROWS[key];
  if (arrow !== undefined) {
    const modifier = 1 + Number(shift) + 2 * Number(alt) + 4 * Number(ctrl);
    if (modifier > 1) return `${ESC}[1;${modifier}${arrow}`;
    return ESC + (application ? "O" : "[") + arrow;
  }
  const plain = key === "Escape" ? ESC : shift ? `${ESC}[Z` : "\t";
  return alt ? ESC + plain : plain;
}

/** A typed character under sticky Ctrl or Alt. Longer input (a paste, a composed word) passes as it is. */
export function applySticky(data: string, { ctrl, alt }: Modifiers): string {
  if (Array.from(data).length !== 1) return data;
  const key = ctrl ? withCtrl(data) : data;
  return alt ? ESC + key : key;
}

function withCtrl(char: string): string {
  if (char === " ") return "\0";
  if (char === "?") return "\u007f";
  const code = char.toUpperCase().charCodeAt(0);
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : char;
}

/**
 * Pasted text as the machine gets it. Control characters are dropped, Escape above all: a paste that carries the end mark of
 * bracketed paste would otherwise go on as typed keys.
 */
export function encodePaste(text: string, bracketed: boolean): string {
  // eslint-disable-next-line no-control-regex
  const clean = text.replace(/\r?\n/g, "\r").replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "");
  return bracketed ? `${ESC}[200~${clean}${ESC}[201~` : clean;
}

/**
 * What the emulator says by itself: answers to queries, focus and mouse reports. Only who drives may say them, or every
 * viewer of one terminal would answer the same question, and looking would count as typing.
 */
export function isReport(data: string): boolean {
  return REPORTS.some((report) => report.test(data));
}

/* eslint-disable no-control-regex */
const REPORTS: readonly RegExp[] = [
  /^\u001b\[[?>=]?[\d;]*[cnRty]$/,
  /^\u001b\[\?[\d;]*\$y$/,
  /^\u001b\[[\d;]*\$y$/,
  /^\u001b\[[IO]$/,
  /^\u001b\[M[\s\S]{3}$/,
  /^\u001b\[<[\d;]+[Mm]$/,
  /^\u001b\](?:4|10|11|12);/,
  /^\u001bP[01]\$r/,
  /^\u001bP>\|/,
];
/* eslint-enable no-control-regex */

/** Bytes for the eye: every control, bidirectional and zero-width character as a visible escape. */
export function visible(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);
  let out = "";
  for (const char of text) out += HIDDEN.test(char) ? escape(char) : char;
  return out;
}

/* eslint-disable no-control-regex */
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffd]/;
/* eslint-enable no-control-regex */

const NAMES: Record<string, string> = { "\r": "⏎", "\n": "⏎", "\t": "⇥", [ESC]: "␛", "\u007f": "⌫" };

function escape(char: string): string {
  const code = char.charCodeAt(0);
  const name = NAMES[char];
  if (name !== undefined) return name;
  return code < 0x20 ? `^${String.fromCharCode(code + 0x40)}` : `\\u{${code.toString(16)}}`;
}

/** What fell short of being a whole step, kept for the next: turns a finger's way into whole lines. */
export class Steps {
  private rest = 0;

  constructor(private readonly size: () => number) {}

  /** Whole steps in `distance` pixels and what was left before. */
  take(distance: number): number {
    const size = this.size();
    if (size <= 0) return 0;
    this.rest += distance;
    const whole = Math.trunc(this.rest / size);
    this.rest -= whole * size;
    return whole;
  }
}
