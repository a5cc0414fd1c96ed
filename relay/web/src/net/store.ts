/** What this browser remembers: for each machine its own device keys, which no script can read, and the grant. */
import { EMPTY, type Bytes } from "../core/bytes";
import type { AuditHead, Scope } from "../core/generated";
import type { StoredKey } from "./webcrypto";

export interface PairedMachine {
  agent: string;
  name: string;
  user: string;
  scopes: Scope[];
  /** The device grant: worth nothing without the keys beside it. */
  grant: string;
  /** When the grant ends unless used, by the machine's clock. */
  grantExpires: number;
  /** The machine's static Noise key. */
  noiseKey: Bytes;
  /** The serial of that key: the machine never goes back to an earlier one. */
  serial: number;
  /** The machine's identity key: it certifies later Noise keys. Empty for who was paired before machines told it. */
  identity: Bytes;
  /** What the machine gave this browser last to tell it from a copy; 0 before the first. */
  generation: number;
  /** How far its audit log went when it was last heard of. */
  auditSeen: AuditHead | null;
  /** What had been seen of it and is not there any more. */
  auditMissing: AuditHead | null;
  deviceId: string;
  deviceName: string;
  signKey: StoredKey;
  dhKey: StoredKey;
  /** When it was paired, by this browser's clock; orders the list and nothing else. */
  paired: number;
}

export interface Store {
  all(): Promise<PairedMachine[]>;
  /** Keeps a machine in place of what was kept of it. */
  put(machine: PairedMachine): Promise<void>;
  /**
   * Adds news of a device to what is kept of its machine, and resolves to that. Null where the machine was forgotten, or is kept with
   * another device's keys by now: then nothing changes.
   */
  update(agent: string, device: string, news: Partial<PairedMachine>): Promise<PairedMachine | null>;
  delete(agent: string): Promise<void>;
}

const MACHINES = "machines";

/** Of what was kept before machines told their keys. */
const BEFORE_KEYS = { serial: 1, identity: EMPTY, generation: 0, auditSeen: null, auditMissing: null };

export async function openStore(factory: IDBFactory): Promise<Store> {
  const database = await openDatabase(factory);
  const run = async (mode: IDBTransactionMode, act: (store: IDBObjectStore) => void): Promise<void> => {
    const transaction = database.transaction(MACHINES, mode);
    act(transaction.objectStore(MACHINES));
    return new Promise((resolve, reject) => {
      // Only a completed transaction is on disk; a request may succeed in one that is then undone.
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(storeError(transaction.error));
    });
  };
  return {
    all: async () => {
      let machines: PairedMachine[] = [];
      await run("readonly", (store) => {
        const all = store.getAll() as IDBRequest<PairedMachine[]>;
        all.onsuccess = () => (machines = all.result);
      });
      return machines.map((machine) => ({ ...BEFORE_KEYS, ...machine })).sort((a, b) => a.paired - b.paired);
    },
    put: (machine) => run("readwrite", (store) => store.put(machine)),
    update: async (agent, device, news) => {
      let kept: PairedMachine | null = null;
      await run("readwrite", (store) => {
        const present = store.get(agent) as IDBRequest<PairedMachine | undefined>;
        present.onsuccess = () => {
          kept = merged(present.result, device, news);
          if (kept !== null) store.put(kept);
        };
      });
      return kept;
    },
    delete: (agent) => run("readwrite", (store) => store.delete(agent)),
  };
}

/** Where the browser keeps nothing (some private windows): everything is forgotten with the page. */
export function forgetfulStore(): Store {
  const machines = new Map<string, PairedMachine>();
  return {
    all: () => Promise.resolve([...machines.values()]),
    put: (machine) => {
      machines.set(machine.agent, machine);
      return Promise.resolve();
    },
    update: (agent, device, news) => {
      const kept = merged(machines.get(agent), device, news);
      if (kept !== null) machines.set(agent, kept);
      return Promise.resolve(kept);
    },
    delete: (agent) => {
      machines.delete(agent);
      return Promise.resolve();
    },
  };
}

/** What is told once and never taken back only rises, for another tab may have heard the later of two. */
function merged(stored: PairedMachine | undefined, device: string, news: Partial<PairedMachine>): PairedMachine | null {
  if (stored?.deviceId !== device) return null;
  const kept = { ...BEFORE_KEYS, ...stored };
  const machine = { ...kept, ...news, generation: Math.max(kept.generation, news.generation ?? 0) };
  if ((news.serial ?? 0) > kept.serial) return machine;
  // A key, its serial and who certified it belong together.
  const { noiseKey, serial, identity } = kept;
  return { ...machine, noiseKey, serial, identity };
}

function openDatabase(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open("lanyard", 1);
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => request.result.createObjectStore(MACHINES, { keyPath: "agent" });
    request.onsuccess = () => {
      // Another tab with a newer page wants to change the layout: let go, so that it does not wait for ever.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(storeError(request.error));
  });
}

function storeError(error: DOMException | null): Error {
  return error ?? new Error("the browser's store failed");
}
