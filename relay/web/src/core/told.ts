/** What stands behind the sentence of a close, for programs: when to come back, and for how long a machine has been away. The relay's word. */
import { RETRY_TOLD_MOST_MS } from "./generated";

/** Milliseconds until the relay wants to be asked again, bounded; null where it said nothing. */
export function againIn(sentence: string): number | null {
  const wait = behind(sentence, "; again in ");
  return wait === null ? null : Math.min(wait, RETRY_TOLD_MOST_MS);
}

/** For how many milliseconds the reason has held; null where it was not said. */
export function heldFor(sentence: string): number | null {
  return behind(sentence, "; for ");
}

function behind(sentence: string, words: string): number | null {
  const at = sentence.lastIndexOf(words);
  const digits = at < 0 ? null : /^(\d{1,10}) ms$/.exec(sentence.slice(at + words.length));
  const wait = digits === null ? null : Number(digits[1]);
  return wait !== null && wait < 2 ** 32 ? wait : null;
}
