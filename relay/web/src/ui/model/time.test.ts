import { expect, test } from "vitest";
import { ago, clock, remaining, roundTrip, spokenRemaining } from "./time";

test("what is left never shows zero before it is zero, and never less", () => {
  expect(remaining(252_000)).toBe("4:12");
  expect(remaining(1)).toBe("0:01");
  expect(remaining(0)).toBe("0:00");
  expect(remaining(-5000)).toBe("0:00");
});

test("long lives are shown in hours and days", () => {
  expect(remaining(3 * 3_600_000 + 5 * 60_000)).toBe("3 h 05 m");
  expect(remaining(30 * 86_400_000)).toBe("30 d");
});

test("what is left can be spoken", () => {
  expect(spokenRemaining(252_000)).toBe("4 minutes 12 seconds");
  expect(spokenRemaining(60_000)).toBe("1 minute");
  expect(spokenRemaining(1000)).toBe("1 second");
  expect(spokenRemaining(30 * 86_400_000)).toBe("30 days");
});

test("a past moment is coarse", () => {
  const now = 10 * 86_400_000;
  expect(ago(now - 20_000, now)).toBe("just now");
  expect(ago(now - 300_000, now)).toBe("5 min ago");
  expect(ago(now - 3 * 3_600_000, now)).toBe("3 h ago");
  expect(ago(now - 4 * 86_400_000, now)).toBe("4 d ago");
});

test("a time of another day carries its day", () => {
  const now = new Date(2026, 4, 12, 14, 2, 11).getTime();
  expect(clock(now, now)).toBe("14:02:11");
  expect(clock(new Date(2026, 4, 10, 9, 0, 0).getTime(), now)).toBe("10 May, 09:00:00");
});

test("a round trip is never shown as nothing", () => {
  expect(roundTrip(0.3)).toBe("1 ms");
  expect(roundTrip(38.4)).toBe("38 ms");
  expect(roundTrip(1420)).toBe("1.4 s");
});
