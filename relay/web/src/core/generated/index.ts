// Generated from `shared/` by `LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test generated`. Do not edit.

export * from "./types";
export * from "./constants";
export * from "./words";
