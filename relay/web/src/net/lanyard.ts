/** The network of this page: all machines this browser is paired with, each on its own link to the relay the page came from. */
import { reasonFor } from "../core/reasons";
import type { WorkMode, Grid, PastPlace, PastTerminal, Revocation, Terminal } from "../core/generated";
import type { DevicesSession, Lanyard, Machine, Pairing, PastPage, PastSession, Said, TerminalSession } from "./api";
import { browserEnv, watchPage } from "./browser";
import type { Env } from "./env";
import { MachineDriver } from "./machine";
import { PairingRun } from "./pairing";
import { forgetfulStore, openStore, type PairedMachine, type Store } from "./store";
import { Cell } from "./watch";
import { isUsable } from "./webcrypto";
import { Refusal } from "./wishes";

/** Opens the store, dials the relay the page came from, and goes on dialling. */
export async function openNetwork(page: Window): Promise<Lanyard> {
  const supported = await isUsable();
  const store = await openStore(page.indexedDB).catch(() => forgetfulStore());
  const lanyard = new Machines(browserEnv(page), store, supported, await store.all());
  watchPage(page, lanyard);
  return lanyard;
}

export class Machines implements Lanyard {
  readonly machines = new Cell<Machine[]>([]);
  readonly relayHost: string;
  private drivers: MachineDriver[] = [];

  constructor(
    private readonly env: Env,
    private readonly store: Store,
    private readonly supported: boolean,
    paired: readonly PairedMachine[],
  ) {
    this.relayHost = env.host;
    if (supported) for (const machine of paired) this.drive(machine);
    this.publish();
  }

  pair(fragment: string): Pairing {
    return new PairingRun(this.env, fragment, this.supported, async (machine) => {
      await this.store.put(machine);
      this.leave(machine.agent);
      this.drive(machine);
      this.publish();
    });
  }

  openTerminal(machine: string, terminal: string, grid: Grid): TerminalSession {
    return this.known(machine).openTerminal(terminal, grid);
  }

  openDevices(machine: string): DevicesSession {
    return this.known(machine).openDevices();
  }

  acceptAudit(machine: string): void {
    this.find(machine)?.acceptAudit();
  }

  answerApproval(machine: string, id: string, said: Said): void {
    this.find(machine)?.approvals.answer(id, said);
  }

  async setMode(machine: string, mode: WorkMode | null): Promise<void> {
    await this.known(machine).requests.setMode(mode);
  }

  async endGranted(machine: string, id: string): Promise<void> {
    await this.known(machine).requests.endGranted(id);
  }

  dismissApproval(machine: string, id: string): void {
    this.find(machine)?.approvals.dismiss(id);
  }

  async createTerminal(machine: string, name: string, grid: Grid): Promise<Terminal> {
    return this.known(machine).requests.createTerminal(name, grid);
  }

  async endTerminal(machine: string, terminal: string): Promise<void> {
    return this.known(machine).requests.endTerminal(terminal);
  }

  async renameTerminal(machine: string, terminal: string, name: string): Promise<void> {
    return this.known(machine).requests.renameTerminal(terminal, name);
  }

  async history(machine: string, after: PastPlace | null): Promise<PastPage> {
    return this.known(machine).requests.history(after);
  }

  openPast(machine: string, past: PastTerminal): PastSession {
    return this.known(machine).openPast(past);
  }

  async forgetPast(machine: string, terminal: string): Promise<void> {
    return this.known(machine).requests.forgetPast(terminal);
  }

  async readAccess(machine: string): Promise<void> {
    return this.known(machine).readAccess();
  }

  async renew(machine: string, jti: string): Promise<void> {
    return this.known(machine).renew(jti);
  }

  async endOwn(machine: string, revocation: Revocation): Promise<void> {
    return this.known(machine).requests.endOwn(revocation);
  }

  async forget(machine: string): Promise<void> {
    this.leave(machine);
    this.publish();
    await this.store.delete(machine);
  }

  retryNow(): void {
    for (const driver of this.drivers) driver.retryNow();
  }

  returned(slept = false): void {
    for (const driver of this.drivers) driver.probe(slept ? "sleep" : "hiding");
  }

  networkChanged(): void {
    for (const driver of this.drivers) driver.networkChanged();
  }

  visible(visible: boolean): void {
    for (const driver of this.drivers) driver.setVisible(visible);
  }

  private find(machine: string): MachineDriver | undefined {
    return this.drivers.find(({ id }) => id === machine);
  }

  private known(machine: string): MachineDriver {
    const driver = this.find(machine);
    if (driver === undefined) throw new Refusal(reasonFor("unknown-device"));
    return driver;
  }

  private drive(machine: PairedMachine): void {
    const driver = new MachineDriver(this.env, machine, {
      changed: () => this.publish(),
      keep: (device, news) => this.store.update(machine.agent, device, news),
      reload: async () => (await this.store.all()).find(({ agent }) => agent === machine.agent) ?? null,
    });
    this.drivers.push(driver);
  }

  private leave(machine: string): void {
    const driver = this.find(machine);
    this.drivers = this.drivers.filter((one) => one !== driver);
    driver?.close();
  }

  private publish(): void {
    this.machines.set(this.drivers.map(({ cell }) => cell.value));
  }
}
