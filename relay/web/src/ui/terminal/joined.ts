/**
 * Emoji that fonts draw as one picture though programs count several cells for them: families, flags, skin tones. Drawn as one piece each,
 * the picture takes as much room as was counted, and what follows stands where the program put it.
 */

const MAYBE = /\u200d|\p{Regional_Indicator}|\p{Emoji_Modifier}/u;
const ONE = String.raw`\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?`;
const JOINED = new RegExp(
  String.raw`\p{Regional_Indicator}{2}|${ONE}(?:\u200d${ONE})+|\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}`,
  "gu",
);

/** From where to where such pieces reach, in units of the text. */
export function joinedRanges(text: string): [number, number][] {
  // Asked for every row that is drawn: most hold none.
  if (!MAYBE.test(text)) return [];
  return Array.from(text.matchAll(JOINED), ({ 0: piece, index }) => [index, index + piece.length]);
}
