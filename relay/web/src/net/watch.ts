import type { Watch } from "./api";

/** A value that tells its watchers when it changes. */
export class Cell<T> implements Watch<T> {
  private readonly watchers = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    this.current = value;
    for (const watcher of [...this.watchers]) watcher(value);
  }

  subscribe(run: (value: T) => void): () => void {
    // A wrapper of its own, so that one function may watch twice.
    const watcher = (value: T): void => run(value);
    this.watchers.add(watcher);
    run(this.current);
    return () => this.watchers.delete(watcher);
  }
}
