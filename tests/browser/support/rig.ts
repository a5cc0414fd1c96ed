/** A relay and a machine, real processes in a folder of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Agent } from "./agent";
import { FORMER_HOLDER } from "./paths";
import { Relay } from "./relay";

/** Everyone's `.bashrc` differs; screens that are compared need one that does not. */
const BASHRC = `
PS1='$ '
PROMPT_COMMAND=
HISTFILE=
unset MAILCHECK
eval "$(dircolors -b)"
alias ls='ls --color=auto'
`;
/** Vim as it is, without what it remembers of elsewhere. */
const VIMRC = "set nocompatible viminfo= noswapfile nofsync shortmess+=I ruler\nsyntax on\n";

export class Rig {
  private constructor(
    private readonly folder: string,
    readonly home: string,
    readonly env: NodeJS.ProcessEnv,
    readonly relay: Relay,
    readonly agent: Agent,
  ) {}

  static async start(): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), "lanyard-"));
    const home = join(folder, "home");
    await mkdir(home);
    await Promise.all([
      writeFile(join(home, ".bashrc"), BASHRC),
      writeFile(join(home, ".bash_profile"), ". ~/.bashrc\n"),
      writeFile(join(home, ".vimrc"), VIMRC),
      writeFile(join(home, ".tmux.conf"), "set -g status-right ''\nset -g escape-time 0\n"),
    ]);
    const env = {
      PATH: process.env["PATH"],
      HOME: home,
      SHELL: "/bin/bash",
      USER: "ada",
      LOGNAME: "ada",
      LANG: "C.UTF-8",
      TZ: "UTC",
      TMUX_TMPDIR: folder,
      LANYARD_LOG: "debug",
    };
    const relay = await Relay.start(join(folder, "relay"), env);
    const agent = await Agent.start(join(folder, "agent"), home, env, await relay.enrol());
    return new Rig(folder, home, env, relay, agent);
  }

  /** A file of the machine. */
  path(name: string): string {
    return join(this.home, name);
  }

  /** Reads a file there; empty while there is none. */
  read(name: string): Promise<string> {
    return readFile(this.path(name), "utf8").catch(() => "");
  }

  /** Leaves a terminal behind as an agent of the first version did: under a holder of that version. */
  async holdAsBefore(name: string, command: string[]): Promise<void> {
    const [dir, id] = [join(this.folder, "agent", "holders"), "05".repeat(16)];
    const config = { dir, id, name, command, cwd: this.home, cols: 80, rows: 24 };
    const holder = spawn(FORMER_HOLDER, { cwd: this.home, env: this.env, stdio: ["pipe", "pipe", "ignore"] });
    holder.stdin.end(JSON.stringify(config));
    const [line] = (await once(createInterface({ input: holder.stdout }), "line")) as [string];
    if (line !== "ready") throw new Error(`a holder said ${line}`);
  }

  /** Ends everything, terminals too, which would outlive their agent. */
  async stop(): Promise<void> {
    await this.agent.stop();
    await this.relay.stop();
    for (const pid of await this.descendants()) end(pid);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Every process whose home is this rig's: holders, shells and what was started in them. */
  private async descendants(): Promise<number[]> {
    const mark = `HOME=${this.home}\0`;
    const found: number[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
      if (environment.includes(mark)) found.push(Number(name));
    }
    return found;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has left by itself, as a shell does when its terminal goes.
  }
}
