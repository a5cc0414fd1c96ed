import { expect, test } from "vitest";
import { deviceName } from "./device";

const named = (userAgent: string, touchPoints = 0) => deviceName({ userAgent, touchPoints });

test("a browser is called by its own name although it claims to be several", () => {
  expect(named("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36")).toBe(
    "Chrome on Linux",
  );
  expect(named("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0")).toBe(
    "Edge on Windows",
  );
  expect(named("Mozilla/5.0 (Macintosh; Intel Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/605.1")).toBe(
    "Safari on Mac",
  );
  expect(named("Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0", 5)).toBe("Firefox on Android");
});

test("an iPad that calls itself a Mac is found out by its touch screen", () => {
  expect(named("Mozilla/5.0 (Macintosh; Intel Mac OS X) Version/18.0 Safari/605.1", 5)).toBe("Safari on iPad");
});

test("brands are believed before the user agent", () => {
  const hints = { userAgent: "Chrome/140.0 Linux", brands: [{ brand: "Brave" }], platform: "Linux", touchPoints: 0 };
  expect(deviceName(hints)).toBe("Brave on Linux");
});

test("an unknown browser still has a name", () => {
  expect(named("curl/8")).toBe("Browser");
});
