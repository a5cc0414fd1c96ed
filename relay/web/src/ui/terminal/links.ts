/** Addresses that stand in a terminal. What a program prints is not to be trusted: only the web is opened, and only after a look. */

export interface Link {
  address: string;
  /** What stands on the screen. */
  label: string;
}

/** Whether an address may be opened at all. */
export function isFollowed(address: string): boolean {
  return /^https?:\/\//i.test(address) && URL.canParse(address);
}

/** The host one would really talk to; letters that only look like others show as what they are. */
export function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : "";
}

/** The address as it goes over the wire: a character that would turn the text around shows as its number. */
export function spelledOut(address: string): string {
  return URL.canParse(address) ? new URL(address).href : address;
}

/** Whether the screen says something else than where the link leads. */
export function isDisguised({ address, label }: Link): boolean {
  const bare = (text: string) => text.trim().replace(/\/$/, "");
  return bare(label) !== bare(address);
}
