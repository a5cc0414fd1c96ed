import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PROGRAMS } from "./paths";
import { Program } from "./program";

interface Listening {
  https: string;
  web: string;
}

/** `lanyard-relay`, on free ports that it keeps when it is killed and started again. */
export class Relay {
  private constructor(
    private readonly data: string,
    private readonly env: NodeJS.ProcessEnv,
    private program: Program,
    private readonly at: Listening,
  ) {}

  static async start(data: string, env: NodeJS.ProcessEnv): Promise<Relay> {
    const program = serve(data, env, "127.0.0.1:0", "127.0.0.1:0");
    return new Relay(data, env, program, await listening(program));
  }

  /** The address browsers use. */
  get web(): string {
    return this.at.web;
  }

  get log(): string {
    return this.program.log;
  }

  async enrol(): Promise<string> {
    const { stdout } = await promisify(execFile)(PROGRAMS.relay, ["enrol", "--data", this.data], { env: this.env });
    return stdout.trim();
  }

  /** As a crash does it: no goodbye to anyone. */
  async crash(): Promise<void> {
    await this.program.end("SIGKILL");
  }

  async restart(): Promise<void> {
    const on = (address: string) => `127.0.0.1:${new URL(address).port}`;
    this.program = serve(this.data, this.env, on(this.at.https), on(this.at.web));
    await listening(this.program);
  }

  async stop(): Promise<void> {
    await this.program.end("SIGTERM");
  }
}

function serve(data: string, env: NodeJS.ProcessEnv, listen: string, http: string): Program {
  const args = ["serve", "--data", data, "--listen", listen, "--http-listen", http, "--json"];
  return new Program(PROGRAMS.relay, args, { cwd: "/", env });
}

function listening(program: Program): Promise<Listening> {
  return program.hears(({ event, https, web }) =>
    event === "listening" && typeof https === "string" && typeof web === "string" ? { https, web } : undefined,
  );
}
