/** What this browser must have for anything to work. Asked once, before the network is opened. */

export async function isSupported(): Promise<boolean> {
  if (!isSecureContext || !("indexedDB" in globalThis) || !("adoptedStyleSheets" in document)) return false;
  try {
    await Promise.all([
      crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]),
      crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]),
    ]);
    return true;
  } catch {
    return false;
  }
}
