/** A `Lanyard` that talks to nobody: it holds a scene still, and echoes what is typed. */
import type { Grid, Terminal, WorkMode } from "../../core/generated";
import type {
  Approval,
  AuditPage,
  DevicesSession,
  DevicesState,
  Lanyard,
  Machine,
  Pairing,
  PairState,
  PastPage,
  PastSession,
  Permissions,
  Said,
  PlayingPhase,
  TerminalSession,
} from "../../net/api";
import { Cell } from "./cell";
import type { Scene } from "./scenes";
import { SCREENS } from "./screens";

export class DemoLanyard implements Lanyard {
  readonly machines: Cell<Machine[]>;
  readonly relayHost = "relay.example.net";

  constructor(private readonly scene: Scene) {
    this.machines = new Cell(scene.machines ?? []);
  }

  pair(): Pairing {
    const states = this.scene.pair ?? [];
    const state = new Cell<PairState>(states[0] ?? { kind: "connecting" });
    return {
      state,
      ask: () => {
        const now = state.value;
        if (now.kind === "offered") state.set({ ...now, kind: "waiting" });
      },
      cancel: () => undefined,
    };
  }

  openTerminal(machine: string, terminal: string, grid: Grid): TerminalSession {
    const found = this.machines.value.find((one) => one.id === machine)?.terminals.find((one) => one.id === terminal);
    return new DemoTerminal(this.scene, found, grid);
  }

  history(): Promise<PastPage> {
    const { history } = this.scene;
    if (history instanceof Error) return Promise.reject(history);
    return history === null ? new Promise(() => undefined) : Promise.resolve(history ?? { past: [], more: false });
  }

  openPast(): PastSession {
    const state = new Cell<PlayingPhase>(this.scene.playing ?? { kind: "fetching", got: 0, of: 1 });
    return { state, again: () => undefined, close: () => undefined };
  }

  forgetPast(): Promise<void> {
    return Promise.resolve();
  }

  openDevices(): DevicesSession {
    const state = new Cell<DevicesState>(this.scene.devices ?? { phase: { kind: "asking" }, list: null });
    return { state, wish: () => Promise.resolve(), audit: () => this.audit(), close: () => undefined };
  }

  acceptAudit(machine: string): void {
    const audit = { seen: null, missing: null };
    this.machines.set(this.machines.value.map((one) => (one.id === machine ? { ...one, audit } : one)));
  }

  private audit(): Promise<AuditPage> {
    const { audit } = this.scene;
    return audit === undefined ? new Promise(() => undefined) : Promise.resolve(audit);
  }

  setMode(machine: string, mode: WorkMode | null): Promise<void> {
    this.permissions(machine, (now) => ({ ...now, mode }));
    return Promise.resolve();
  }

  endGranted(machine: string, id: string): Promise<void> {
    this.permissions(machine, (now) => ({ ...now, granted: now.granted.filter((one) => one.id !== id) }));
    return Promise.resolve();
  }

  private permissions(machine: string, to: (now: Permissions) => Permissions): void {
    this.machines.set(
      this.machines.value.map((one) =>
        one.id === machine && one.permissions !== null ? { ...one, permissions: to(one.permissions) } : one,
      ),
    );
  }

  answerApproval(machine: string, id: string, said: Said): void {
    this.approvals(machine, (one) => (one.card.request.id === id ? { ...one, state: { kind: "sending", said } } : one));
  }

  dismissApproval(machine: string, id: string): void {
    this.approvals(machine, (one) => (one.card.request.id === id ? null : one));
  }

  readAccess(): Promise<void> {
    return Promise.resolve();
  }

  renew(): Promise<void> {
    return Promise.resolve();
  }

  endOwn(): Promise<void> {
    return Promise.resolve();
  }

  createTerminal(machine: string, name: string, grid: Grid): Promise<Terminal> {
    const id = `t-${crypto.randomUUID().slice(0, 8)}`;
    const made: Terminal = {
      id,
      name: name || "fish",
      title: "",
      cwd: "~",
      started: Date.now(),
      grid,
      exit: null,
      driver: null,
    };
    this.change(machine, (terminals) => [...terminals, made]);
    return Promise.resolve(made);
  }

  renameTerminal(machine: string, terminal: string, name: string): Promise<void> {
    this.change(machine, (terminals) => terminals.map((one) => (one.id === terminal ? { ...one, name } : one)));
    return Promise.resolve();
  }

  endTerminal(machine: string, terminal: string): Promise<void> {
    this.change(machine, (terminals) => terminals.filter((one) => one.id !== terminal));
    return Promise.resolve();
  }

  forget(machine: string): Promise<void> {
    this.machines.set(this.machines.value.filter((one) => one.id !== machine));
    return Promise.resolve();
  }

  retryNow(): void {
    this.machines.set(
      this.machines.value.map((one) => ({
        ...one,
        link: { kind: "relay-unreachable", why: "unreachable", retryAt: performance.now() + 8000 },
      })),
    );
  }

  private approvals(machine: string, to: (one: Approval) => Approval | null): void {
    this.machines.set(
      this.machines.value.map((one) =>
        one.id === machine ? { ...one, approvals: one.approvals.map(to).filter((kept) => kept !== null) } : one,
      ),
    );
  }

  private change(machine: string, to: (terminals: Terminal[]) => Terminal[]): void {
    this.machines.set(
      this.machines.value.map((one) => (one.id === machine ? { ...one, terminals: to(one.terminals) } : one)),
    );
  }
}

class DemoTerminal implements TerminalSession {
  readonly view;
  readonly input;
  readonly grid: Cell<Grid>;
  readonly exit;
  private run: Parameters<TerminalSession["onOutput"]>[0] | null = null;
  private readonly encoder = new TextEncoder();

  constructor(
    private readonly scene: Scene,
    terminal: Terminal | undefined,
    grid: Grid,
  ) {
    this.view = new Cell(scene.view ?? { kind: "streaming" as const });
    this.input = new Cell(scene.input ?? { kind: "driver" as const });
    this.grid = new Cell(scene.foreign === true ? { cols: 160, rows: 44 } : grid);
    this.exit = new Cell(terminal?.exit ?? null);
  }

  onOutput(run: Parameters<TerminalSession["onOutput"]>[0]): void {
    this.run = run;
    if (this.scene.view?.kind === "connecting") return;
    this.say(SCREENS[this.scene.screen ?? "shell"], this.grid.value);
    document.addEventListener("demo-output", (event) => {
      const { text, reset } = (event as CustomEvent<{ text: string; reset: Grid | null }>).detail;
      this.say(text, reset);
    });
  }

  type(bytes: Uint8Array): void {
    this.tell("type", new TextDecoder().decode(bytes));
    if (this.input.value.kind !== "driver") this.input.set({ kind: "driver" });
    const text = new TextDecoder().decode(bytes);
    this.say(
      text
        .replaceAll("\r", "\r\n\u001b[1;36m~/src/lanyard\u001b[0m \u001b[32m❯\u001b[0m ")
        .replaceAll("\u007f", "\b \b"),
      null,
    );
  }

  report(): void {
    // Nobody asked.
  }

  watchAgain(): void {
    this.tell("watchAgain", "");
  }

  resize(grid: Grid): void {
    this.tell("resize", `${grid.cols}x${grid.rows}`);
    if (this.input.value.kind === "driver") this.grid.set(grid);
  }

  takeOver(): void {
    this.tell("takeOver", "");
    this.input.set({ kind: "driver" });
  }

  resolveUnsent(send: boolean): void {
    this.tell("resolveUnsent", String(send));
    this.input.set({ kind: "driver" });
  }

  close(): void {
    this.run = null;
  }

  /** For whoever looks at the demo from outside. */
  private tell(what: string, text: string): void {
    document.dispatchEvent(new CustomEvent("demo", { detail: `${what} ${text}` }));
  }

  private say(text: string, reset: Grid | null): void {
    this.run?.(this.encoder.encode(text), reset, () => undefined);
  }
}
