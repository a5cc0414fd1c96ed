/** A real process that tells what happens as JSON, one object a line. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

export type Told = Record<string, unknown>;

interface Listener {
  hear(told: Told): boolean;
  gone(error: Error): void;
}

export class Program {
  readonly told: Told[] = [];
  private readonly child: ChildProcess;
  private readonly listeners = new Set<Listener>();
  private readonly exit: Promise<void>;
  /** What it said besides: its log. */
  log = "";
  private left = false;

  constructor(
    private readonly file: string,
    args: readonly string[],
    options: { cwd: string; env: NodeJS.ProcessEnv },
  ) {
    const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.hear(JSON.parse(line) as Told));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    this.exit = new Promise((resolve) => {
      child.once("close", () => {
        this.left = true;
        for (const listener of this.listeners) listener.gone(this.gone());
        resolve();
      });
    });
  }

  /** The first thing told, in the past or from now on, that `choose` makes something of. */
  hears<T>(choose: (told: Told) => T | undefined): Promise<T> {
    for (const told of this.told) {
      const chosen = choose(told);
      if (chosen !== undefined) return Promise.resolve(chosen);
    }
    if (this.left) return Promise.reject(this.gone());
    return new Promise((resolve, reject) => {
      const listener: Listener = {
        hear: (told) => {
          const chosen = choose(told);
          if (chosen === undefined) return false;
          resolve(chosen);
          return true;
        },
        gone: reject,
      };
      this.listeners.add(listener);
    });
  }

  /** Holds it where it is, as a machine that sleeps does, or lets it go on. */
  hold(held: boolean): void {
    this.child.kill(held ? "SIGSTOP" : "SIGCONT");
  }

  /** Resolves when it has left. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (!this.left) this.child.kill(signal);
    // One that is held hears of it when it goes on.
    if (!this.left) this.hold(false);
    await this.exit;
  }

  private hear(told: Told): void {
    this.told.push(told);
    for (const listener of this.listeners) if (listener.hear(told)) this.listeners.delete(listener);
  }

  private gone(): Error {
    return new Error(`${this.file} has left: ${this.log.trim()}`);
  }
}
