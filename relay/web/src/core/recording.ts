import type { Exit, Grid } from "./generated/types";

/** What a terminal did, to be played again: one that has ended, or a recording from a file. */
export interface Recording {
  readonly title: string;
  /** When it began, in milliseconds since 1970; null where that is not known. */
  readonly started: number | null;
  /** Its size at the beginning. */
  readonly grid: Grid;
  /** In the order in which they happened. */
  readonly events: readonly RecordedEvent[];
}

/** Something that happened so many milliseconds after the beginning; never earlier than the event before. */
export type RecordedEvent = { readonly at: number } & (
  | { readonly kind: "output"; readonly bytes: Uint8Array }
  | { readonly kind: "size"; readonly grid: Grid }
  | { readonly kind: "exit"; readonly exit: Exit }
  /** So many bytes of output are not there; the program may have drawn anything in them. */
  | { readonly kind: "gap"; readonly bytes: number }
);
