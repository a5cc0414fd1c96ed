/** Parts of the page that come later. The relay may have another bundle by then, in which they have other names. */
import { place } from "./state.svelte";

/** What was asked for, or null; then the person is offered to load the page anew. */
export async function lazily<T>(load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch {
    place.outdated = true;
    return null;
  }
}
