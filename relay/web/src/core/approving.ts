/** What an answer to a request for approval is about, and what this device signs. */
import type { Said } from "./approvals";
import { decode, encode } from "./b64";
import { EMPTY, u32, u64, utf8, type Bytes } from "./bytes";
import type { Crypto, SignKey } from "./crypto";
import type { ApprovalAnswer, ApprovalHolds, ApprovalRequest, Asker, Fences } from "./generated";
import { parseId, deviceId } from "./ids";
import { transcript } from "./transcript";

/** Over everything that will happen upon a yes: of what is on the screen, not of what somebody says is. */
export async function requestHash(crypto: Crypto, request: ApprovalRequest): Promise<Bytes> {
  const {
    id,
    asker,
    line,
    programs,
    folder,
    workspace,
    fences,
    reason,
    rules,
    saved_in: savedIn,
    asked,
    until,
  } = request;
  const fields = programs.flatMap(({ name, path }) => [utf8(name), utf8(path)]);
  return crypto.sha256(
    transcript(
      "lanyard/approval-request/v1",
      parseId(id) ?? EMPTY,
      ofAsker(asker),
      utf8(line),
      transcript("programs", ...fields),
      utf8(folder),
      utf8(workspace),
      ofFences(fences),
      utf8(reason),
      transcript("rules", ...rules.map(utf8)),
      utf8(savedIn),
      u64(asked),
      u64(until),
    ),
  );
}

function ofAsker(asker: Asker): Bytes {
  const { pid, name } = asker;
  return asker.by === "script"
    ? transcript("script", u32(pid), utf8(name))
    : transcript("agent", u32(pid), utf8(name), utf8(asker.session));
}

function ofFences(fences: Fences): Bytes {
  if (fences.fences === "outside") return transcript("outside");
  const { network, repository } = fences;
  return transcript("workspace", Uint8Array.of(Number(network)), Uint8Array.of(Number(repository)));
}

function ofHolds(holds: ApprovalHolds): Bytes {
  return holds.for === "time" ? transcript("time", u32(holds.minutes)) : transcript(holds.for);
}

/** Signs an answer to `agent`, about just this request. */
export async function signAnswer(
  crypto: Crypto,
  key: SignKey,
  agent: string,
  request: ApprovalRequest,
  { verdict, holds }: Said,
): Promise<ApprovalAnswer> {
  const hash = await requestHash(crypto, request);
  const device = decode(await deviceId(crypto, key.publicKey)) ?? EMPTY;
  const signed = transcript(
    "lanyard/approval/v1",
    parseId(agent) ?? EMPTY,
    device,
    hash,
    utf8(verdict),
    ofHolds(holds),
  );
  return { hash: encode(hash), verdict, holds, signature: encode(await key.sign(signed)) };
}
