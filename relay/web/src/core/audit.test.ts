import { describe, expect, it } from "vitest";
import { webCrypto } from "../net/webcrypto";
import { readPage } from "./audit";
import { encode } from "./b64";
import { readVectors } from "./testing/vectors";

const vectors = readVectors("audit/lines.json") as { lines: string[]; hash: string };
const head = { count: 0, hash: "" };
const text = vectors.lines.join("\n") + "\n";

describe("lines of an audit log", () => {
  it("come to the hash that the machine comes to", async () => {
    const page = await readPage(webCrypto, 1, text, false, head);
    expect(page.broken).toBeNull();
    expect(page.end).toEqual({ count: vectors.lines.length, hash: vectors.hash });
    expect(page.start).toEqual({ count: 0, hash: encode(new Uint8Array(32)) });
  });

  it("are checked from where they begin", async () => {
    const rest = vectors.lines.slice(1).join("\n");
    const page = await readPage(webCrypto, 2, rest, true, head);
    expect(page.start.count).toBe(1);
    expect(page.end.hash).toBe(vectors.hash);
  });

  it("break at the one behind an edited, missing or moved one", async () => {
    const [one = "", two = "", three = ""] = vectors.lines;
    const broken = async (...lines: string[]) => (await readPage(webCrypto, 1, lines.join("\n"), false, head)).broken;
    expect(await broken(one.replace("0.1", "0.2"), two, three)).toBe(2);
    expect(await broken(one, three)).toBe(2);
    expect(await broken(one, three, two)).toBe(2);
    expect(await broken(one, "no line", three)).toBe(2);
    // Of the last one only the head tells.
    const edited = await readPage(webCrypto, 1, [one, two, three.replace("}", " }")].join("\n"), false, head);
    expect(edited.end.hash).not.toBe(vectors.hash);
  });

  it("are none at all where there are none", async () => {
    const page = await readPage(webCrypto, 0, "", false, head);
    expect([page.lines, page.broken, page.earlier]).toEqual([[], null, false]);
  });
});
