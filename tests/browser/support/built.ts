import { execFileSync } from "node:child_process";
import { accessSync, existsSync } from "node:fs";
import { BUNDLE, FORMER_HOLDER, PROGRAMS, ROOT } from "./paths";

/** Makes sure that there is something to test. Only what is missing is built; `scripts/test` builds what is old. */
export default function built(): void {
  const programs = [...Object.values(PROGRAMS), FORMER_HOLDER];
  if (!programs.every(existsSync)) {
    execFileSync("cargo", ["build", "--quiet", "-p", "lanyard-relay", "-p", "lanyard-agent", "-p", "lanyard-holder"], {
      cwd: ROOT,
      stdio: "inherit",
    });
  }
  if (!existsSync(BUNDLE)) {
    execFileSync("npm", ["--prefix", "relay/web", "run", "--silent", "build"], { cwd: ROOT, stdio: "inherit" });
  }
  for (const path of [...programs, BUNDLE]) accessSync(path);
}
