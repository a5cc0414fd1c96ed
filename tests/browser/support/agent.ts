import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { PROGRAMS } from "./paths";
import { Owner, type Scope } from "./owner";
import { Program } from "./program";

/** What stands at the machine when a device wants in. */
export interface Question {
  question: number;
  device: string;
  words: string[];
  scopes: Scope[];
}

/** `lanyard up` on a machine of its own, as far as folders can make one. */
export class Agent {
  readonly owner: Owner;
  private constructor(
    readonly state: string,
    private readonly options: { cwd: string; env: NodeJS.ProcessEnv },
    private program: Program,
  ) {
    this.owner = new Owner(`${state}/owner.sock`);
  }

  static async start(state: string, cwd: string, env: NodeJS.ProcessEnv, code: string): Promise<Agent> {
    const agent = new Agent(state, { cwd, env }, up(state, { cwd, env }, ["--enrol", code, "--grant", "terminal"]));
    await agent.online();
    return agent;
  }

  get log(): string {
    return this.program.log;
  }

  /** The link that `lanyard up` prints. */
  link(): Promise<string> {
    return this.program.hears(({ event, url }) => (event === "link" && typeof url === "string" ? url : undefined));
  }

  question(): Promise<Question> {
    return this.program.hears((told) => (told["event"] === "question" ? (told as unknown as Question) : undefined));
  }

  /** Whether anybody was asked anything so far. */
  get asked(): boolean {
    return this.program.told.some(({ event }) => event === "question");
  }

  paired(): Promise<unknown> {
    return this.program.hears((told) => (told["event"] === "paired" ? told : undefined));
  }

  /** Runs a command of the owner's and gives what it prints. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(PROGRAMS.agent, ["--state", this.state, ...args], this.options);
    return stdout;
  }

  /** Asks people, from a folder below, whether a line may run. Its end is the end of the command. */
  asks(line: string, ...flags: string[]): { folder: string; ended: Promise<number | null>; leave: () => void } {
    const folder = join(this.options.cwd, "project");
    mkdirSync(folder, { recursive: true });
    const words = ["--state", this.state, "ask", "--name", "release", ...flags, "-c", line];
    const asker = spawn(PROGRAMS.agent, words, { ...this.options, cwd: folder, stdio: "ignore" });
    const ended = once(asker, "exit").then(([status]) => status as number | null);
    return { folder, ended, leave: () => asker.kill("SIGTERM") };
  }

  async crash(): Promise<void> {
    await this.program.end("SIGKILL");
  }

  async restart(): Promise<void> {
    this.program = up(this.state, this.options, ["--no-pair"]);
    await this.online();
  }

  /** Stops it in the middle of what it does, as a machine that sleeps does: its connections stand. */
  sleep(): void {
    this.program.hold(true);
  }

  wake(): void {
    this.program.hold(false);
  }

  async stop(): Promise<void> {
    await this.program.end("SIGTERM");
  }

  private async online(): Promise<void> {
    await this.program.hears(({ event }) => (event === "online" ? true : undefined));
  }
}

function up(state: string, options: { cwd: string; env: NodeJS.ProcessEnv }, args: readonly string[]): Program {
  return new Program(PROGRAMS.agent, ["--state", state, "up", "--name", "tower", "--json", ...args], options);
}
