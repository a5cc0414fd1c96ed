import { beforeEach, expect, test, vi } from "vitest";
import type { PastPlace, PastTerminal } from "../../core/generated";
import { reasonFor } from "../../core/reasons";
import type { Lanyard, PastPage } from "../../net/api";
import { Refusal } from "../../net/wishes";
import { Pasts } from "./pasts.svelte";

const notify = vi.hoisted(() => vi.fn());
vi.mock("../state.svelte", () => ({ place: { notify } }));

const MACHINE = "machine";
const one = (id: string, ended: number): PastTerminal => ({
  id,
  name: id,
  cwd: "/src",
  started: 0,
  ended,
  exit: { t: "status", code: 0 },
  grid: { cols: 80, rows: 24 },
  kept: 1,
  dropped: 0,
});
const [a, b, c, d] = [one("a", 40), one("b", 30), one("c", 20), one("d", 50)];

/** Each asks for one page, answered by hand. */
let asked: { after: PastPlace | null; answer: (page: PastPage) => void; refuse: (why: unknown) => void }[];
let forgetPast: (machine: string, terminal: string) => Promise<void>;
let pasts: Pasts;

beforeEach(() => {
  asked = [];
  notify.mockClear();
  forgetPast = () => Promise.resolve();
  const lanyard: Pick<Lanyard, "history" | "forgetPast"> = {
    history: (_machine, after) =>
      new Promise((answer, refuse) => {
        asked.push({ after, answer, refuse });
      }),
    forgetPast: (machine, terminal) => forgetPast(machine, terminal),
  };
  pasts = new Pasts(lanyard as Lanyard, MACHINE);
});

const ids = (): string => pasts.past.map(({ id }) => id).join("");

test("the latest are read first, and what lies behind them when it is asked for", async () => {
  const looking = pasts.look(100);
  expect([pasts.asking, pasts.read]).toEqual([true, null]);
  asked[0]?.answer({ past: [a, b], more: true });
  await looking;
  expect([ids(), pasts.more, pasts.read, pasts.asking]).toEqual(["ab", true, 100, false]);
  const further = pasts.further(200);
  expect(asked[1]?.after).toEqual({ id: "b", ended: 30 });
  asked[1]?.answer({ past: [c], more: false });
  await further;
  expect([ids(), pasts.more, pasts.read]).toEqual(["abc", false, 200]);
  expect([pasts.find("c"), pasts.find("d")]).toEqual([c, null]);
});

test("a first page that is read anew keeps what lay behind it, and how far that goes", async () => {
  const looking = pasts.look(1);
  asked[0]?.answer({ past: [a, b], more: true });
  await looking;
  const further = pasts.further(2);
  asked[1]?.answer({ past: [c], more: false });
  await further;
  const again = pasts.look(3);
  asked[2]?.answer({ past: [d, a], more: true });
  await again;
  expect([ids(), pasts.more]).toEqual(["dabc", false]);
});

test("what changes while it is read is read once more behind that, and only once", async () => {
  const looking = pasts.look(1);
  void pasts.look(2);
  void pasts.look(3);
  void pasts.further(4);
  expect(asked).toHaveLength(1);
  asked[0]?.answer({ past: [a], more: false });
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  asked[1]?.answer({ past: [d, a], more: false });
  await looking;
  expect([ids(), asked.length, pasts.asking]).toEqual(["da", 2, false]);
});

test("a refusal says why and leaves what is there, until a page comes again", async () => {
  const looking = pasts.look(1);
  asked[0]?.answer({ past: [a], more: false });
  await looking;
  const again = pasts.look(2);
  asked[1]?.refuse(new Refusal(reasonFor("not-granted")));
  await again;
  expect([ids(), pasts.trouble?.code, pasts.read, pasts.asking]).toEqual(["a", "not-granted", 1, false]);
  const better = pasts.look(3);
  asked[2]?.answer({ past: [a], more: false });
  await better;
  expect(pasts.trouble).toBe(null);
});

test("what is forgotten leaves the list, and what could not be stays and is told of", async () => {
  const looking = pasts.look(1);
  asked[0]?.answer({ past: [a, b], more: false });
  await looking;
  const forgotten: string[] = [];
  forgetPast = (machine, terminal) => Promise.resolve(void forgotten.push(`${machine} ${terminal}`));
  await pasts.forget("a");
  expect([ids(), forgotten]).toEqual(["b", ["machine a"]]);
  forgetPast = () => Promise.reject(new Refusal(reasonFor("not-granted")));
  await pasts.forget("b");
  expect(ids()).toBe("b");
  expect(notify).toHaveBeenCalledWith(expect.objectContaining({ code: "not-granted" }));
});
