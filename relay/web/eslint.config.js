import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import { defineConfig, globalIgnores } from "eslint/config";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

/**
 * `main -> ui, net -> core`, and never back.
 * @param {string} regex
 * @param {string} message
 * @returns {import("eslint").Linter.RulesRecord}
 */
const forbid = (regex, message) => ({
  "no-restricted-imports": ["error", { patterns: [{ regex, message }] }],
});

export default defineConfig(
  globalIgnores(["dist/", "node_modules/", "src/core/generated/"]),
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  ts.configs.stylisticTypeChecked,
  svelte.configs.recommended,
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: [".svelte"] },
    },
    rules: {
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // `let { a } = $props()` and `let x: T | undefined = $state()` are how Svelte is written.
      "prefer-const": "off",
      "svelte/prefer-const": ["error", { destructuring: "all" }],
      // Markup is text; where it must be HTML the relay's policy would refuse it anyway.
      "svelte/no-at-html-tags": "error",
    },
  },
  {
    files: ["src/core/**/*.ts"],
    ignores: ["src/**/*.test.ts", "src/**/testing/**"],
    rules: forbid("/(net|ui)/|^svelte|^@xterm/", "core knows neither the browser nor the screens"),
  },
  {
    files: ["src/net/**/*.ts"],
    ignores: ["src/**/*.test.ts", "src/**/testing/**"],
    rules: forbid("/ui/|^@xterm/", "net does not know the screens"),
  },
  {
    files: ["src/ui/**/*.ts", "src/ui/**/*.svelte"],
    ignores: ["src/**/*.test.ts", "src/**/testing/**"],
    rules: forbid(
      "/net/(?!api$)|/core/(?!generated$|credentials$|approvals$)",
      "screens know net/api, the generated types and the rules for credentials and approvals",
    ),
  },
  {
    files: ["src/**/*.test.ts", "src/**/testing/**/*.ts", "*.config.ts", "*.config.js"],
    languageOptions: { globals: globals.node },
    rules: { "@typescript-eslint/switch-exhaustiveness-check": "off" },
  },
  { files: ["**/*.js"], extends: [ts.configs.disableTypeChecked] },
);
