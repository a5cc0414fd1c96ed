/** The highest version that both lists hold; null when there is none. */
export function commonVersion(ours: readonly number[], theirs: readonly number[]): number | null {
  return ours.filter((version) => theirs.includes(version)).reduce<number | null>((a, b) => Math.max(a ?? b, b), null);
}
