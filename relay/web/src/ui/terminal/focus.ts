/** Into the terminal, where one types. A finger opens the keyboard itself. */
export function focusTerminal(id: string): void {
  if (matchMedia("(any-pointer: coarse)").matches) return;
  document.getElementById(`panel-${id}`)?.querySelector("textarea")?.focus();
}
