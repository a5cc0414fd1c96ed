// Generated from `shared/` by `LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test generated`. Do not edit.

/** A machine. Derived from its first identity key; stays when the key rotates. */
export type AgentId = string;

/** A browser profile or an `attach` key file, named by its Ed25519 key. */
export type DeviceId = string;

/** One link, named by the relay. */
export type ConnId = string;

/** One token and the stream it opens. */
export type TokenId = string;

/** A meeting point of an unpaired viewer and the agent, derived one-way from the pairing secret. */
export type RendezvousId = string;

/** One terminal on the agent's machine. */
export type TerminalId = string;

/** Whoever numbers inputs: one page or one `attach`, across its streams. */
export type WriterId = string;

/** Exactly `N` bytes, shown as base64 in JSON. */
export type Bytes = string;

/** Milliseconds since 1970-01-01 UTC. */
export type UnixMs = number;

/** The relay's question. */
export type Challenge = {
  /** Fresh for every question. */
  nonce: Bytes,
  /** The link's name; the same for as long as the link lives. */
  conn: ConnId,
  /** The relay's clock. */
  time: UnixMs,
  /** Link versions the relay speaks. */
  versions: Array<number>, };

/** Which of the two dials. */
export type Role = "agent" | "device";

/** The answer to a [`Challenge`]. */
export type Proof = {
  /** Agent or device. */
  role: Role,
  /** The authority that was dialled, `name[:port]`, lower case. */
  host: string,
  /** The agent, or the agent the device wants. */
  agent: AgentId,
  /** The key that signs. */
  key: Bytes,
  /** From the challenge. */
  conn: ConnId,
  /** The prover's clock. */
  time: UnixMs,
  /** The chosen link version. */
  version: number,
  /** Over transcript `lanyard/link-proof/v1`. */
  signature: Bytes, };

/** The relay's yes. */
export type Welcome = {
  /** How long this proof holds, in milliseconds. */
  held: number,
  /** The relay's clock. */
  time: UnixMs,
  /** The agent this link belongs to. */
  agent: AgentId,
  /** The address browsers use; empty for a viewer. */
  web: string,
  /** Something a person should know, or empty. */
  warning: string, };

/** What a device may ask tokens for. Granted at pairing, by name. */
export type Scope = "view" | "terminal";

/** What waits at the rendezvous. Payload of Noise message 2 in pairing. */
export type Offer = {
  /** The machine's name. */
  machine: string,
  /** The user whose machine it is. */
  user: string,
  /** What the link grants. */
  scopes: Array<Scope>,
  /** When the link ends, by the machine's clock. */
  expires: UnixMs, };

/** The first transport message in pairing. */
export type PairRequest = {
  /** How the device calls itself, for example "Chrome on Linux". */
  name: string,
  /** The device's Ed25519 key: the one its link proved. */
  key: Bytes,
  /** Over transcript `lanyard/pair/v1`. */
  signature: Bytes, };

/** What the agent answers to a [`PairRequest`]. */
export type PairReply = { "t": "waiting", }
  | { "t": "granted",
  /** The device grant. */
  grant: string,
  /** What was granted. */
  scopes: Array<Scope>,
  /** When the grant ends unless used, by the machine's clock. */
  expires: UnixMs, }
  | { "t": "refused",
  /** Why. */
  reason: Reason, };

/** A refusal for a person: the code, a sentence and a hint. */
export type Reason = {
  /** The name of a close code. */
  code: string,
  /** What happened. */
  sentence: string,
  /** What to do; may be empty. */
  hint: string, };

/** A size of a terminal in characters. */
export type Grid = {
  /** Columns, 1 to 1000. */
  cols: number,
  /** Rows, 1 to 1000. */
  rows: number, };

/** How a terminal's program ended. */
export type Exit = { "t": "status",
  /** 0 to 255. */
  code: number, }
  | { "t": "signal",
  /** The signal's number. */
  number: number, };

/** Who types into a terminal now. */
export type Driver = {
  /** How the device calls itself. */
  name: string,
  /** Whether it is the device that is told this. */
  yours: boolean, };

/** One terminal, as a list shows it. */
export type Terminal = {
  /** Its id. */
  id: TerminalId,
  /** The name given to it. */
  name: string,
  /** The title its program set; may be empty. */
  title: string,
  /** Where it was started. */
  cwd: string,
  /** When it was started. */
  started: UnixMs,
  /** Its size. */
  grid: Grid,
  /** `None` while it runs. */
  exit: Exit | null,
  /** `None` while nobody types. */
  driver: Driver | null, };

/** From the viewer. */
export type ToAgent = { "t": "hello",
  /** How the device calls itself now. */
  name: string, }
  | { "t": "ping",
  /** Any number; comes back. */
  n: number, }
  | { "t": "mint",
  /** Number of the request, chosen by the viewer; comes back. */
  req: number,
  /** The purpose. */
  purpose: Scope,
  /** The terminal. */
  terminal: TerminalId, }
  | { "t": "create",
  /** Number of the request. */
  req: number,
  /** Idempotency key, fresh per wish. */
  key: Bytes,
  /** Its name; empty lets the machine choose. */
  name: string,
  /** Its first size. */
  grid: Grid, }
  | { "t": "end",
  /** Number of the request. */
  req: number,
  /** The terminal. */
  terminal: TerminalId, }
  | { "t": "rename",
  /** Number of the request. */
  req: number,
  /** The terminal. */
  terminal: TerminalId,
  /** Its new name; empty lets the machine choose. */
  name: string, };

/** From the agent. */
export type FromAgent = { "t": "welcome",
  /** The machine's name. */
  machine: string,
  /** The user whose machine it is. */
  user: string,
  /** The machine's clock. */
  time: UnixMs,
  /** What this device may ask for. */
  scopes: Array<Scope>,
  /** When the device's grant ends unless used, by the machine's clock. */
  expires: UnixMs,
  /** All terminals. */
  terminals: Array<Terminal>, }
  | { "t": "pong",
  /** From the ping. */
  n: number,
  /** The machine's clock. */
  time: UnixMs, }
  | { "t": "minted",
  /** From the request. */
  req: number,
  /** The token's id. */
  jti: TokenId,
  /** The token, to open the stream with. */
  token: string,
  /** The stream secret. */
  secret: Bytes,
  /** When it stops working, by the machine's clock. */
  expires: UnixMs,
  /** Its whole life in milliseconds. */
  life: number, }
  | { "t": "created",
  /** From the request. */
  req: number,
  /** The terminal. */
  terminal: Terminal, }
  | { "t": "done",
  /** From the request. */
  req: number, }
  | { "t": "refused",
  /** From the request. */
  req: number,
  /** Why. */
  reason: Reason, }
  | { "t": "terminals",
  /** All terminals. */
  terminals: Array<Terminal>, }
  | { "t": "lease",
  /** The token. */
  jti: TokenId,
  /** When it stops working now. */
  expires: UnixMs, }
  | { "t": "ended",
  /** The token. */
  jti: TokenId,
  /** Why. */
  reason: Reason, }
  | { "t": "grant",
  /** The new grant. */
  grant: string,
  /** When it ends unless used. */
  expires: UnixMs, };

