import { expect, test } from "vitest";
import { webCrypto } from "../net/webcrypto";
import type { Bytes } from "./bytes";
import { Channel } from "./channel";
import type { Cipher } from "./cipher";
import { sealCipher } from "./seal";
import { hex } from "./testing/keys";
import { readVectors } from "./testing/vectors";

interface Streams {
  jti: string;
  secret: string;
  streams: { direction: 1 | 2; records: { record: string; sealed: string }[] }[];
}
interface Cheats {
  jti: string;
  secret: string;
  cases: { name: string; direction: 1 | 2; fails_at: number; sealed: string[] }[];
}
const { jti, secret, streams } = readVectors("seal/streams.json") as Streams;
const { cases } = readVectors("seal/cheats.json") as Cheats;

function cipher(direction: 1 | 2): Promise<Cipher> {
  return sealCipher(webCrypto, hex(secret), hex(jti), direction === 1 ? "viewerToAgent" : "agentToViewer");
}

interface Heard {
  opened: Bytes[];
  sealed: Bytes[];
  broken: number;
}

async function channel(send: 1 | 2, receive: 1 | 2): Promise<{ lane: Channel; heard: Heard }> {
  const heard: Heard = { opened: [], sealed: [], broken: 0 };
  const lane = new Channel(await cipher(send), await cipher(receive), {
    sealed: (bytes) => heard.sealed.push(bytes),
    opened: (plain) => heard.opened.push(plain),
    broken: () => heard.broken++,
  });
  return { lane, heard };
}

function sent(lane: Channel): Promise<void> {
  return new Promise((resolve) => lane.afterSent(resolve));
}

function read(lane: Channel): Promise<void> {
  return new Promise((resolve) => lane.afterReceived(resolve));
}

for (const { direction, records } of streams) {
  test(`records are sealed and opened as on the other side, direction ${direction}`, async () => {
    const { lane, heard } = await channel(direction, direction);
    for (const { record, sealed } of records) {
      lane.send(hex(record));
      lane.receive(hex(sealed));
    }
    await read(lane);
    await sent(lane);
    expect(heard.sealed).toEqual(records.map(({ sealed }) => hex(sealed)));
    expect(heard.opened).toEqual(records.map(({ record }) => hex(record)));
  });
}

for (const cheat of cases) {
  test(`a cheat ends the stream at the record it touches, and nothing after it is heard: ${cheat.name}`, async () => {
    const { lane, heard } = await channel(1, cheat.direction);
    for (const sealed of cheat.sealed) lane.receive(hex(sealed));
    await read(lane);
    expect([heard.opened.length, heard.broken]).toEqual([cheat.fails_at, 1]);
  });
}

test("an empty record, or less than a tag, is a broken seal", async () => {
  for (const length of [0, 1, 15, 16]) {
    const { lane, heard } = await channel(1, 2);
    lane.receive(new Uint8Array(length));
    await read(lane);
    expect([heard.opened.length, heard.broken]).toEqual([0, 1]);
  }
});

test("records leave in the order they were said, however long each takes to seal", async () => {
  const slowest = { at: 0 };
  const slow = {
    // The first takes the most turns of the queue, the last none.
    seal: async (_nonce: Bytes, _associated: Bytes, plain: Bytes): Promise<Bytes> => {
      for (let turns = 20 - slowest.at++; turns > 0; turns--) await Promise.resolve();
      return plain;
    },
    open: (): Promise<null> => Promise.resolve(null),
  };
  const { Cipher: Counter } = await import("./cipher");
  const heard: number[] = [];
  const lane = new Channel(new Counter(slow), new Counter(slow), {
    sealed: ([byte]) => heard.push(byte ?? -1),
    opened: () => undefined,
    broken: () => undefined,
  });
  for (let byte = 0; byte < 20; byte++) lane.send(Uint8Array.of(byte));
  await sent(lane);
  expect(heard).toEqual(Array.from({ length: 20 }, (_, at) => at));
});
