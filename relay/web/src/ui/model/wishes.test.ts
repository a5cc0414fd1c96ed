import { expect, test } from "vitest";
import type { Machine, Waiting } from "../../net/api";
import { waitingWords } from "./wishes";

function machine(name: string, waiting: Waiting[]): Machine {
  return { name, waiting } as Machine;
}

test("where a request is is said, and what only looks is not spoken of", () => {
  const machines = [
    machine("atlas", [
      { kind: "create", at: "page" },
      { kind: "access", at: "machine" },
    ]),
    machine("tower", [{ kind: "end", at: "machine" }]),
  ];
  expect(waitingWords(machines)).toEqual([
    "New terminal: not sent yet. It waits here for atlas.",
    "Ending the terminal: sent. tower has not answered yet.",
  ]);
});
