import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..", "..");

const target = join(process.env["CARGO_TARGET_DIR"] ?? join(ROOT, "target"), "debug");

/** The real programs. A debug relay reads the page from disk. */
export const PROGRAMS = { relay: join(target, "lanyard-relay"), agent: join(target, "lanyard") };
/** What holds a terminal, as the first version of Lanyard did it. */
export const FORMER_HOLDER = join(target, "holder-v1");
export const BUNDLE = join(ROOT, "relay", "web", "dist", "index.html");
/** For people to look at. */
export const SCREENS = join(ROOT, "tests", "browser", "results", "screens");
export const IMAGES = join(ROOT, "docs", "images");
