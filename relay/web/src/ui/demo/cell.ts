import type { Watch } from "../../net/api";

/** A value one can set and watch. */
export class Cell<T> implements Watch<T> {
  private readonly watchers = new Set<(value: T) => void>();

  constructor(private held: T) {}

  get value(): T {
    return this.held;
  }

  set(value: T): void {
    this.held = value;
    for (const watcher of this.watchers) watcher(value);
  }

  subscribe(run: (value: T) => void): () => void {
    this.watchers.add(run);
    run(this.held);
    return () => this.watchers.delete(run);
  }
}
