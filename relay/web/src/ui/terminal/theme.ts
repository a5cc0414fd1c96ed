/** Terminal colours. Every one of the sixteen reads at 4.5:1 on its own ground, save the one that is the ground. */
import type { ISearchDecorationOptions } from "@xterm/addon-search";
import type { ITheme } from "@xterm/xterm";

export const DARK: ITheme = {
  background: "#100f0d",
  foreground: "#ece6d8",
  cursor: "#86d9c0",
  cursorAccent: "#100f0d",
  selectionBackground: "#2f4f46",
  selectionInactiveBackground: "#2b2a26",
  scrollbarSliderBackground: "#ece6d833",
  scrollbarSliderHoverBackground: "#ece6d855",
  scrollbarSliderActiveBackground: "#ece6d877",
  black: "#2a2722",
  red: "#f2836b",
  green: "#8cc98a",
  yellow: "#dcb25a",
  blue: "#7fb0e6",
  magenta: "#cf9be0",
  cyan: "#76c9c4",
  white: "#d6cfbf",
  brightBlack: "#8f8775",
  brightRed: "#ffa38d",
  brightGreen: "#abe0a4",
  brightYellow: "#f2cd7e",
  brightBlue: "#a5cbf5",
  brightMagenta: "#e3bcf0",
  brightCyan: "#9be3dc",
  brightWhite: "#fbf8f0",
};

export const LIGHT: ITheme = {
  background: "#fdfbf6",
  foreground: "#26231c",
  cursor: "#0e6a56",
  cursorAccent: "#fdfbf6",
  selectionBackground: "#bfe0d5",
  selectionInactiveBackground: "#efeade",
  scrollbarSliderBackground: "#26231c33",
  scrollbarSliderHoverBackground: "#26231c55",
  scrollbarSliderActiveBackground: "#26231c77",
  black: "#26231c",
  red: "#b3301a",
  green: "#2f6f2a",
  yellow: "#7c5600",
  blue: "#1f5aa8",
  magenta: "#8a3a9c",
  cyan: "#0b6a6c",
  white: "#6a6457",
  brightBlack: "#6f6858",
  brightRed: "#c4391f",
  brightGreen: "#34772f",
  brightYellow: "#85600a",
  brightBlue: "#2766b8",
  brightMagenta: "#9846ab",
  brightCyan: "#137377",
  brightWhite: "#4a453a",
};

/** How matches of a search are marked. */
export const DARK_MATCHES: ISearchDecorationOptions = {
  matchBackground: "#2b2a26",
  matchOverviewRuler: "#7d7463",
  activeMatchBackground: "#4a3a12",
  activeMatchBorder: "#e9bd62",
  activeMatchColorOverviewRuler: "#e9bd62",
};

export const LIGHT_MATCHES: ISearchDecorationOptions = {
  matchBackground: "#efeade",
  matchOverviewRuler: "#8d826b",
  activeMatchBackground: "#fbeecb",
  activeMatchBorder: "#754f00",
  activeMatchColorOverviewRuler: "#754f00",
};
