/** Packs what the build wrote, once, so that the relay never has to: `.br` and `.gz` beside every text file that gets smaller. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = /\.(?:html|js|css|svg|webmanifest)$/;

export function pack(): Plugin {
  let folder = "dist";
  return {
    name: "pack",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = readFileSync(path);
        const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        const packed = { br: brotliCompressSync(plain, { params: quality }), gz: gzipSync(plain, { level: 9 }) };
        for (const [suffix, bytes] of Object.entries(packed)) {
          if (bytes.length < plain.length) writeFileSync(`${path}.${suffix}`, bytes);
        }
      }
    },
  };
}
