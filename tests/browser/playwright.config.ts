import { defineConfig, devices } from "@playwright/test";

/** Debian's. Playwright's own browsers are not downloaded. */
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** A browser that speaks with nobody but the page's relay. */
const args = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];

export default defineConfig({
  testDir: "tests",
  outputDir: "results/artifacts",
  globalSetup: "./support/built.ts",
  reporter: process.env["CI"] === undefined ? "list" : [["list"], ["html", { outputFolder: "report", open: "never" }]],
  // Each test has a relay, an agent and a browser of its own.
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: process.env["CI"] !== undefined,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    launchOptions: { executablePath, args },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    colorScheme: "dark",
    actionTimeout: 10_000,
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
  projects: [
    {
      name: "desktop",
      use: { ...devices["Desktop Chrome"], viewport: { width: 1280, height: 800 } },
      grepInvert: /@phone/,
    },
    { name: "phone", use: devices["Pixel 7"], grepInvert: /@desktop/ },
  ],
});
