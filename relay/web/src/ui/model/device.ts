/** How this browser calls itself when it pairs: "Chrome on Linux". */

export interface BrowserHints {
  userAgent: string;
  brands?: readonly { brand: string }[];
  platform?: string;
  /** An iPad calls itself a Mac; only a Mac has no touch. */
  touchPoints: number;
}

export function deviceName(hints: BrowserHints): string {
  const system = systemName(hints);
  return system === "" ? browserName(hints) : `${browserName(hints)} on ${system}`;
}

function browserName({ brands, userAgent }: BrowserHints): string {
  const named = [...(brands ?? []).map((one) => one.brand), userAgent];
  for (const [mark, name] of BROWSERS) {
    if (named.some((text) => text.includes(mark))) return name;
  }
  return "Browser";
}

function systemName({ platform, userAgent, touchPoints }: BrowserHints): string {
  const text = `${platform ?? ""} ${userAgent}`;
  for (const [mark, name] of SYSTEMS) {
    if (text.includes(mark)) return name === "Mac" && touchPoints > 1 ? "iPad" : name;
  }
  return "";
}

/** In this order: most browsers claim to be several. */
const BROWSERS: readonly (readonly [string, string])[] = [
  ["Edg", "Edge"],
  ["Opera", "Opera"],
  ["OPR/", "Opera"],
  ["Brave", "Brave"],
  ["SamsungBrowser", "Samsung Internet"],
  ["Vivaldi", "Vivaldi"],
  ["FxiOS", "Firefox"],
  ["Firefox", "Firefox"],
  ["CriOS", "Chrome"],
  ["Google Chrome", "Chrome"],
  ["HeadlessChrome", "Chrome"],
  ["Chrome/", "Chrome"],
  ["Chromium", "Chromium"],
  ["Safari", "Safari"],
];

const SYSTEMS: readonly (readonly [string, string])[] = [
  ["Android", "Android"],
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["CrOS", "ChromeOS"],
  ["Windows", "Windows"],
  ["Mac", "Mac"],
  ["Linux", "Linux"],
];
