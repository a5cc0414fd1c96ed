/** The same program in another terminal emulator, for comparison: tmux's, of the same size. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Rig } from "./rig";
import { trimmed } from "./screen";

const run = promisify(execFile);

export class Reference {
  private constructor(
    private readonly rig: Rig,
    private readonly server: string,
  ) {}

  static async start(rig: Rig, size: { cols: number; rows: number }, command: string): Promise<Reference> {
    const reference = new Reference(rig, "reference");
    await writeFile(rig.path(".reference.conf"), "set -g status off\nset -g default-terminal tmux-256color\n");
    const { cols, rows } = size;
    await reference.tmux("-f", rig.path(".reference.conf"), "new", "-d", "-x", `${cols}`, "-y", `${rows}`, command);
    return reference;
  }

  /** What a tmux that runs in the terminal under test has in its pane. */
  static ofPane(rig: Rig): Reference {
    return new Reference(rig, "default");
  }

  async keys(...keys: string[]): Promise<void> {
    await this.tmux("send-keys", ...keys);
  }

  async lines(): Promise<string[]> {
    return trimmed((await this.tmux("capture-pane", "-p")).split("\n"));
  }

  private async tmux(...args: string[]): Promise<string> {
    const { stdout } = await run("tmux", ["-L", this.server, ...args], { env: this.rig.env, cwd: this.rig.home });
    return stdout;
  }
}
