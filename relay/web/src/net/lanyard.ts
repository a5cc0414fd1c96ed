import type { Lanyard } from "./api";

/** The network of this page. `fragment` is what stood behind `#pair=`, already gone from the address bar, or null. */
export interface Network {
  lanyard: Lanyard;
  fragment: string | null;
}

/** Opens the store, dials the relay the page came from, and goes on dialling. */
export function openNetwork(): Promise<Network> {
  return Promise.reject(new Error("not built yet"));
}
