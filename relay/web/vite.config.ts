import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { pack } from "./pack";

// `LANYARD_RELAY=http://localhost:PORT npm run dev` lends the page a relay; without it there is only the page.
const relay = process.env["LANYARD_RELAY"];

export default defineConfig({
  plugins: [svelte(), pack()],
  build: {
    target: "es2022",
    // The relay's policy allows fonts and scripts from itself only, so nothing may become a `data:` URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rolldownOptions: {
      // The generated files only define: so the list of check words is loaded by who pairs, not by every page.
      treeshake: { moduleSideEffects: (id) => !id.includes("/core/generated/") },
    },
  },
  server: relay === undefined ? {} : { proxy: { "/v1": { target: relay, ws: true } } },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
    pool: "threads",
    maxWorkers: 2,
    // Virtual hours of real cryptography take seconds where others want the processors.
    testTimeout: 30_000,
  },
});
