/** How long a card that has just come, or moved, takes no answer: a tap may have been meant for what was there before. */
export const SETTLE_MS = 500;

/** How long what cannot be undone is held. */
export const HOLD_MS = 600;

/** Lines of a command that are shown before it is unfolded. */
export const FOLDED_LINES = 6;
