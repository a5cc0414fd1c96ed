/** A page, a relay and a machine in one test. */
import { Machines } from "../lanyard";
import type { LinkState, Machine, PairState, TerminalSession } from "../api";
import { forgetfulStore, type Store } from "../store";
import { TestMachine } from "./machine";
import { TestRelay } from "./relay";
import { settle, VirtualClock } from "./time";

export interface Page {
  clock: VirtualClock;
  relay: TestRelay;
  machine: TestMachine;
  lanyard: Machines;
  store: Store;
}

export async function openPage(): Promise<Page> {
  const clock = new VirtualClock();
  const machine = await TestMachine.start(clock);
  const relay = new TestRelay(clock, machine);
  const store = forgetfulStore();
  return { clock, relay, machine, store, lanyard: new Machines(relay.env(), store, true, []) };
}

/** Pairs, and waits until the session stands. */
export async function openPairedPage(): Promise<Page> {
  const page = await openPage();
  const pairing = page.lanyard.pair(page.machine.fragment);
  await settle();
  pairing.ask("Chrome on Linux");
  await settle();
  return page;
}

export function only({ lanyard }: Page): Machine {
  const [machine] = lanyard.machines.value;
  if (machine === undefined) throw new Error("no machine");
  return machine;
}

export function linkOf(page: Page): LinkState["kind"] {
  return only(page).link.kind;
}

/** Every state a watch has gone through, the present one last. */
export function states<T extends { kind: string }>(watch: { subscribe(run: (value: T) => void): () => void }): T[] {
  const seen: T[] = [];
  watch.subscribe((value) => seen.push(value));
  return seen;
}

export function last<T>(seen: readonly T[]): T {
  const value = seen.at(-1);
  if (value === undefined) throw new Error("nothing was seen");
  return value;
}

export type Pairing = PairState;

/** A screen that parses at once, unless it is told to be slow. */
export class Screen {
  text = "";
  resets = 0;
  slow = false;
  private readonly waiting: (() => void)[] = [];

  constructor(session: TerminalSession) {
    session.onOutput((bytes, reset, done) => {
      if (reset) {
        this.text = "";
        this.resets++;
      }
      this.text += Buffer.from(bytes).toString();
      if (this.slow) this.waiting.push(done);
      else done();
    });
  }

  /** Parses what has come so far. */
  catchUp(): void {
    for (const done of this.waiting.splice(0)) done();
  }
}
