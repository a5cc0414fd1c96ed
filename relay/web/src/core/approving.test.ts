import { expect, test } from "vitest";
import { webCrypto } from "../net/webcrypto";
import { signAnswer } from "./approving";
import type { ApprovalAnswer, ApprovalRequest } from "./generated";
import { fixedSignKey, hex } from "./testing/keys";
import { readVectors } from "./testing/vectors";

interface Answers {
  agent: string;
  seed: string;
  key: string;
  cases: { request: ApprovalRequest; answer: ApprovalAnswer }[];
}

test("answers are as written down", async () => {
  const { agent, seed, key, cases } = readVectors("approval/answers.json") as Answers;
  const sign = await fixedSignKey(hex(seed), hex(key));
  expect(cases.length).toBeGreaterThan(0);
  for (const { request, answer } of cases)
    expect(await signAnswer(webCrypto, sign, agent, request, answer)).toEqual(answer);
});
