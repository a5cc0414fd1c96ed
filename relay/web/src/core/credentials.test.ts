import { describe, expect, test } from "vitest";
import { blocksFirst, ladder, level, shareLeft, type Credential, type Held } from "./credentials";
import { LIFE_DEVICE_MS, PRESENCE_MS, PURPOSES, type Scope } from "./generated";
import type { Lease } from "./session";

const NOW = 1_000_000_000;
const DAY = 86_400_000;
const nowhere = { terminal: null, devices: false };

function lease(purpose: Scope, left: number = PURPOSES[purpose].lifeMs, terminal: string | null = null): Lease {
  return {
    jti: `${purpose}-${terminal ?? ""}`,
    purpose,
    terminal,
    expires: NOW + left,
    life: PURPOSES[purpose].lifeMs,
  };
}

function held(leases: Lease[], part: Partial<Held> = {}, present: number | null = null): Held {
  return {
    device: "d",
    expires: NOW + 29 * DAY,
    until: null,
    began: null,
    session: { conn: "c", heldUntil: NOW + 400_000, held: 600_000, leases, present },
    ...part,
  };
}

/** A share that began ten minutes ago and has twenty left. */
const SHARE: Partial<Held> = { expires: NOW + 1_200_000, until: NOW + 1_200_000, began: NOW - 600_000 };

function rung(list: Credential[], purpose: Credential["purpose"]): Credential {
  const found = list.find((one) => one.purpose === purpose);
  if (found === undefined) throw new Error(`no ${purpose}`);
  return found;
}

describe("the ladder", () => {
  test("has the device first, then the link, then the live tokens", () => {
    const list = ladder(held([lease("view"), lease("terminal"), lease("run", 0)]), NOW);
    expect(list.map(({ purpose }) => purpose)).toEqual(["device", "connection", "view", "terminal"]);
    expect(rung(list, "connection")).toMatchObject({ jti: "c", expires: NOW + 400_000, life: 600_000, goesOn: true });
    expect(rung(list, "device")).toMatchObject({ life: LIFE_DEVICE_MS, goesOn: true, limitedBy: null });
  });

  test("is the device alone while no session stands, and then nobody renews it", () => {
    const list = ladder(held([], { session: null }), NOW);
    expect(list).toMatchObject([{ purpose: "device", goesOn: false }]);
  });

  test("watching goes on by itself, what is never renewed does not", () => {
    const list = ladder(held([lease("view"), lease("approve"), lease("devices"), lease("files.read")]), NOW);
    expect(rung(list, "view").goesOn).toBe(true);
    for (const purpose of ["approve", "devices", "files.read"] as const) expect(rung(list, purpose).goesOn).toBe(false);
  });

  test("typing goes on exactly while somebody will still count as present when it is renewed", () => {
    const left = 200_000;
    const renewedAt = NOW + left - 6000;
    for (const purpose of ["terminal", "run", "files.write", "prompt"] as const) {
      const at = (present: number | null) =>
        rung(ladder(held([lease(purpose, left)], {}, present), NOW), purpose).goesOn;
      expect([at(null), at(renewedAt - PRESENCE_MS), at(renewedAt - PRESENCE_MS + 1)]).toEqual([false, false, true]);
    }
  });

  test("a share goes on for nobody, and bounds what would outlive it", () => {
    const list = ladder(held([lease("view", 1_200_000), lease("terminal", 200_000)], SHARE, NOW), NOW);
    expect(rung(list, "device")).toMatchObject({ goesOn: false, limitedBy: "share", life: 1_800_000 });
    expect(rung(list, "view")).toMatchObject({ goesOn: false, limitedBy: "share" });
    expect(rung(list, "terminal")).toMatchObject({ goesOn: true, limitedBy: null });
  });

  test("a token that ends with its device says so, and goes on when the device does", () => {
    const list = ladder(held([lease("view", 500_000)], { expires: NOW + 500_000 }), NOW);
    expect(rung(list, "view")).toMatchObject({ limitedBy: "device", goesOn: true });
  });
});

describe("what blocks first", () => {
  const typing = lease("terminal", 40_000, "a");

  test("is nothing while all that is there goes on", () => {
    const list = ladder(held([lease("view", 1000, "a"), typing], {}, NOW), NOW);
    expect(blocksFirst(list, NOW, nowhere)).toBeNull();
  });

  test("is typing once nobody has pressed a key for long enough", () => {
    const list = ladder(held([lease("view", 1000, "a"), typing], {}, NOW - PRESENCE_MS), NOW);
    expect(blocksFirst(list, NOW, { terminal: "a", devices: false })).toMatchObject({ jti: typing.jti });
  });

  test("is not what belongs to a terminal that is not on the screen", () => {
    const list = ladder(held([typing]), NOW);
    expect(blocksFirst(list, NOW, { terminal: "b", devices: false })).toBeNull();
    expect(blocksFirst(list, NOW, nowhere)).toMatchObject({ jti: typing.jti });
  });

  test("is a token for devices only where devices are on the screen", () => {
    const list = ladder(held([lease("devices")]), NOW);
    expect(blocksFirst(list, NOW, nowhere)).toBeNull();
    expect(blocksFirst(list, NOW, { terminal: null, devices: true })).toMatchObject({ purpose: "devices" });
  });

  test("is the share and not what ends with it", () => {
    const list = ladder(held([lease("terminal", 1_200_000), lease("view", 1_200_000)], SHARE, NOW), NOW);
    expect(blocksFirst(list, NOW, nowhere)).toMatchObject({ purpose: "device" });
  });

  test("is what ends before the share does", () => {
    const list = ladder(held([typing], SHARE), NOW);
    expect(blocksFirst(list, NOW, nowhere)).toMatchObject({ purpose: "terminal" });
  });

  test("is not what has ended", () => {
    const list = ladder(held([typing]), NOW);
    expect(blocksFirst(list, NOW + 40_000, nowhere)).toBeNull();
  });

  test("of two that end together is the one whose loss is felt first", () => {
    const list = ladder(held([lease("files.read", 9000), lease("run", 9000)]), NOW);
    expect(blocksFirst(list, NOW, nowhere)).toMatchObject({ purpose: "run" });
  });
});

describe("a level", () => {
  const typing = (left: number, goesOn = false): Credential => ({
    jti: "j",
    purpose: "terminal",
    terminal: null,
    expires: NOW + left,
    life: 300_000,
    goesOn,
    limitedBy: null,
  });

  test("warns at a quarter of a life and is critical at a tenth", () => {
    const at = (left: number) => level(typing(left), NOW);
    expect([at(75_001), at(75_000), at(30_001), at(30_000), at(-1)]).toEqual([
      "ok",
      "warn",
      "warn",
      "critical",
      "critical",
    ]);
  });

  test("never warns of what goes on by itself", () => {
    expect(level(typing(1000, true), NOW)).toBe("ok");
  });

  test("the share of a life stays between none and all", () => {
    expect([shareLeft(typing(900_000), NOW), shareLeft(typing(-5), NOW)]).toEqual([1, 0]);
    expect(shareLeft({ expires: NOW + 5, life: 0 }, NOW)).toBe(0);
  });
});
