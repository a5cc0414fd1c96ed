/** Close codes as words for people. The sentences themselves are generated. */
import { CLOSE_CODES, type CloseCode, type CloseName, type Reason } from "./generated";

const BY_NUMBER: ReadonlyMap<number, CloseCode> = new Map(CLOSE_CODES.map((code) => [code.number, code]));
const BY_NAME: ReadonlyMap<string, CloseCode> = new Map(CLOSE_CODES.map((code) => [code.name, code]));

/** Null for a number that this build does not know. */
export function closeName(number: number): CloseName | null {
  return BY_NUMBER.get(number)?.name ?? null;
}

export function closeNumber(name: CloseName): number {
  return BY_NAME.get(name)?.number ?? 0;
}

export function closeSentence(name: CloseName): string {
  return BY_NAME.get(name)?.sentence ?? name;
}

/** A reason in this build's own words; `sentence` is what the peer said, used when the code is unknown here. */
export function reasonFor(name: CloseName | null, sentence = ""): Reason {
  const code = name === null ? undefined : BY_NAME.get(name);
  if (code === undefined) {
    return { code: "unknown", sentence: sentence === "" ? "the other side gave no known reason" : sentence, hint: "" };
  }
  return { code: code.name, sentence: code.sentence, hint: code.hint };
}
