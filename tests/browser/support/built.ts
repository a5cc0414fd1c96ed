import { execFileSync } from "node:child_process";
import { accessSync, existsSync } from "node:fs";
import { BUNDLE, PROGRAMS, ROOT } from "./paths";

/** Makes sure that there is something to test. Only what is missing is built; `scripts/test` builds what is old. */
export default function built(): void {
  if (!Object.values(PROGRAMS).every(existsSync)) {
    execFileSync("cargo", ["build", "--quiet", "-p", "lanyard-relay", "-p", "lanyard-agent"], {
      cwd: ROOT,
      stdio: "inherit",
    });
  }
  if (!existsSync(BUNDLE)) {
    execFileSync("npm", ["--prefix", "relay/web", "run", "--silent", "build"], { cwd: ROOT, stdio: "inherit" });
  }
  for (const path of [...Object.values(PROGRAMS), BUNDLE]) accessSync(path);
}
