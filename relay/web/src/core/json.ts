/**
 * Untrusted JSON becomes a typed value or nothing. An object has exactly the fields named: unknown, missing and repeated
 * ones are refused, as on the other side. `undefined` means refused; JSON itself has no such value.
 */
import { decodeExactly } from "./b64";
import { fromUtf8 } from "./bytes";

export type Check<T> = (value: unknown) => T | undefined;

/** One check for every field of `T`: a new field in the protocol does not compile until it is checked here. */
export type Shape<T> = { readonly [K in keyof T]-?: Check<T[K]> };

export function parse<T>(bytes: Uint8Array, check: Check<T>): T | undefined {
  const text = fromUtf8(bytes);
  if (text === null) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return repeatsAField(text) ? undefined : check(value);
}

export function object<T extends object>(shape: Shape<T>): Check<T> {
  const names = Object.keys(shape) as (keyof T & string)[];
  return (value) => {
    if (!isRecord(value) || Object.keys(value).length !== names.length) return undefined;
    const out: Partial<T> = {};
    for (const name of names) {
      const field = Object.hasOwn(value, name) ? shape[name](value[name]) : undefined;
      if (field === undefined) return undefined;
      out[name] = field;
    }
    return out as T;
  };
}

type Without<U, K extends keyof U, T> = Omit<Extract<U, Record<K, T>>, K>;

/** A union told apart by one field. Every variant must have its shape. */
export function variants<K extends string, U extends Record<K, string>>(
  key: K,
  shapes: { readonly [T in U[K]]: Shape<Without<U, K, T>> },
): Check<U> {
  const checks = new Map<string, Check<object>>(
    Object.entries<Shape<object>>(shapes).map(([name, shape]) => [name, object({ ...shape, [key]: literal(name) })]),
  );
  return (value) => {
    const name = isRecord(value) ? value[key] : undefined;
    return typeof name === "string" ? (checks.get(name)?.(value) as U | undefined) : undefined;
  };
}

/** A union told apart by field `t`. */
export function tagged<U extends { t: string }>(shapes: {
  readonly [T in U["t"]]: Shape<Without<U, "t", T>>;
}): Check<U> {
  return variants<"t", U>("t", shapes);
}

export function list<T>(check: Check<T>, most: number): Check<T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > most) return undefined;
    const out: T[] = [];
    for (const item of value as unknown[]) {
      const checked = check(item);
      if (checked === undefined) return undefined;
      out.push(checked);
    }
    return out;
  };
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value) => (value === null ? null : check(value));
}

export function integer(least: number, most: number): Check<number> {
  return (value) =>
    Number.isSafeInteger(value) && inside(value as number, least, most) ? (value as number) : undefined;
}

/** Well-formed text: half a surrogate pair, which no other side can read, is refused. */
export const text: Check<string> = (value) =>
  typeof value === "string" && !/\p{Surrogate}/u.test(value) ? value : undefined;

export const flag: Check<boolean> = (value) => (typeof value === "boolean" ? value : undefined);

export function bytes(length: number): Check<string> {
  return (value) => (typeof value === "string" && decodeExactly(value, length) !== null ? value : undefined);
}

export function oneOf<T extends string>(...values: readonly T[]): Check<T> {
  return (value) => values.find((one) => one === value);
}

function literal(expected: string): Check<string> {
  return (value) => (value === expected ? expected : undefined);
}

function inside(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `JSON.parse` lets the last of two equal names win; here that is an error. The text is known to be JSON. */
function repeatsAField(json: string): boolean {
  const open: ({ names: Set<string>; nameNext: boolean } | null)[] = [];
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    const inner = open.at(-1);
    if (token === "{") open.push({ names: new Set(), nameNext: true });
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (inner === null || inner === undefined) continue;
    else if (token === ",") inner.nameNext = true;
    else if (inner.nameNext) {
      const name = JSON.parse(token) as string;
      if (inner.names.has(name)) return true;
      inner.names.add(name);
      inner.nameNext = false;
    }
  }
  return false;
}
