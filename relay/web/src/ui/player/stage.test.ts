import { expect, test, vi } from "vitest";
import type { Recording } from "../../net/api";
import { Playback } from "../model/playback";
import type { Emulator } from "../terminal/emulator";
import { Stage } from "./stage";

test("however much one event prints, the emulator takes it in small pieces, all of it and in order", () => {
  vi.stubGlobal("cancelAnimationFrame", vi.fn());
  const grid = { cols: 80, rows: 24 };
  const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
  const recording: Recording = { title: "", started: null, grid, events: [{ at: 0, kind: "output", bytes }] };
  const taken: Uint8Array[] = [];
  const emulator = {
    write(piece: Uint8Array, _reset: unknown, done: () => void) {
      taken.push(piece);
      done();
    },
    dispose: vi.fn(),
  };
  const stage = new Stage(new Playback(recording), grid, emulator as unknown as Emulator, vi.fn());
  expect(Buffer.concat(taken).equals(bytes)).toBe(true);
  expect(Math.max(...taken.map(({ length }) => length))).toBe(64 * 1024);
  stage.dispose();
  vi.unstubAllGlobals();
});
