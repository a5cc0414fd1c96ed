import { encode } from "../b64";
import type { Minted } from "../session";

/** A token and its secret, told apart by a number. */
export function mintedToken(number: number, req = number): Minted {
  const jti = encode(new Uint8Array(16).fill(number));
  const secret = encode(new Uint8Array(32).fill(number));
  return { t: "minted", req, jti, token: `token.${String(number)}`, secret, issued: 700_000, expires: 1_000_000 };
}
