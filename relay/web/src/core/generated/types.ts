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

/** One request for approval. */
export type ApprovalId = string;

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
export type Scope = "view" | "files.read" | "terminal" | "run" | "files.write" | "prompt" | "approve" | "devices";

/** What a token is wanted for: a purpose, and what it is about. */
export type Wanted = { "purpose": "view",
  /** Which. */
  terminal: TerminalId, }
  | { "purpose": "files.read",
  /** An absolute path: only what is below it. */
  root: string, }
  | { "purpose": "terminal",
  /** Which. */
  terminal: TerminalId, }
  | { "purpose": "run",
  /** An absolute path: where they run. */
  root: string, }
  | { "purpose": "files.write",
  /** An absolute path: only what is below it. */
  root: string, }
  | { "purpose": "prompt",
  /** An absolute path: where it works. */
  root: string, }
  | { "purpose": "approve",
  /** Which. */
  request: ApprovalId, }
  | { "purpose": "devices", };

/** What a device's purposes reach. What lies outside does not exist for it; `None` bounds nothing. */
export type Reach = {
  /** Only what is below this folder: terminals that were started there, files. */
  root: string | null,
  /** Only this terminal. */
  terminal: TerminalId | null, };

/** A paired device, as lists show it. */
export type DeviceEntry = {
  /** Its id. */
  id: DeviceId,
  /** How it calls itself. */
  name: string,
  /** What it may ask tokens for. */
  scopes: Array<Scope>,
  /** What those reach. */
  reach: Reach,
  /** When it was paired. */
  paired: UnixMs,
  /** When it last said hello. */
  seen: UnixMs,
  /** From where, in the relay's words; empty if it was never told. */
  from: string,
  /** When its grant ends unless it is used. */
  expires: UnixMs,
  /** When it ends whatever happens: a share. */
  until: UnixMs | null,
  /** When its keys end unless they are rotated, which happens by itself. */
  keys_end: UnixMs,
  /** Links on which it has a session now. */
  sessions: number,
  /** It was seen twice at once, as only a copy is: it may only watch until a person at the machine has decided. */
  suspended: boolean,
  /** Its keys are to be changed, and it has not come back with others yet. */
  changing_keys: boolean,
  /** Whether it is the device that is told this. */
  yours: boolean, };

/** A live token, as lists show it. */
export type TokenEntry = {
  /** The token. */
  jti: TokenId,
  /** For what. */
  purpose: Scope,
  /** For whom. */
  device: DeviceId,
  /** Over which link. */
  conn: ConnId,
  /** From where that link comes, in the relay's words. */
  from: string,
  /** What it opens: a terminal's name, a folder; may be empty. */
  about: string,
  /** When its present life began. */
  issued: UnixMs,
  /** When it stops working unless it is renewed. */
  expires: UnixMs,
  /** When something last came over its stream. */
  used: UnixMs,
  /** Whether its stream stands. */
  attached: boolean, };

/** What a revocation ends. */
export type Revocation = { "what": "token",
  /** The token. */
  jti: TokenId, }
  | { "what": "purpose",
  /** Which. */
  purpose: Scope,
  /** Of which device; `None` of all. */
  device: DeviceId | null, }
  | { "what": "device",
  /** Which. */
  device: DeviceId, }
  | { "what": "everything", };

/** On a `devices` stream, from the viewer. */
export type DevicesRequest = { "t": "list",
  /** Number of the request, chosen by the viewer; comes back. */
  req: number, }
  | { "t": "revoke",
  /** Number of the request. */
  req: number,
  /** What. */
  revocation: Revocation, }
  | { "t": "lock",
  /** Number of the request. */
  req: number, }
  | { "t": "audit",
  /** Number of the request. */
  req: number,
  /** Those before this line; nothing for the last ones. Counted from 1. */
  before: number | null, };

/** On a `devices` stream, from the agent. */
export type DevicesReply = { "t": "listed",
  /** From the request. */
  req: number,
  /** The machine's clock. */
  time: UnixMs,
  /** Some devices. */
  devices: Array<DeviceEntry>,
  /** Some tokens. */
  tokens: Array<TokenEntry>,
  /** Whether another part follows. */
  more: boolean, }
  | { "t": "done",
  /** From the request. */
  req: number,
  /** How many tokens ended. */
  ended: number, }
  | { "t": "audited",
  /** From the request. */
  req: number,
  /** The number of the first of the lines; 0 if there are none. */
  first: number,
  /** The lines as they stand, or a piece of them that ends anywhere. */
  text: string,
  /** Whether another piece follows. */
  more: boolean,
  /** Whether there are lines before these. */
  earlier: boolean,
  /** How far the log goes. */
  head: AuditHead, }
  | { "t": "refused",
  /** From the request. */
  req: number,
  /** Why. */
  reason: Reason, };

/** A request, and everything that will happen if it is approved. */
export type ApprovalRequest = {
  /** Its name. Chosen by chance, so that two requests for the same are two. */
  id: ApprovalId,
  /** Who asks. */
  asker: Asker,
  /** What would run, as a shell reads it. Never empty. */
  line: string,
  /** The programs that the line starts, as far as they are known, in its order. */
  programs: Array<Program>,
  /** Where it would start: an absolute path. */
  folder: string,
  /** What it may change: an absolute path. */
  workspace: string,
  /** What it would be kept to. */
  fences: Fences,
  /** Why it is asked about, in a sentence. */
  reason: string,
  /** The literal rules that would allow it the next time; none where no rule may be offered. */
  rules: Array<string>,
  /** The file in which they would be saved; empty where they cannot be. */
  saved_in: string,
  /** When it was asked. */
  asked: UnixMs,
  /** From then on it is denied. */
  until: UnixMs, };

/** Who asks. */
export type Asker = { "by": "script",
  /** Its process id. */
  pid: number,
  /** What it calls itself; may be empty. */
  name: string, }
  | { "by": "agent",
  /** The process id of its hook. */
  pid: number,
  /** What it is called. */
  name: string,
  /** Its own name for the session. */
  session: string, };

/** A program that a name means now. */
export type Program = {
  /** As the line has it. */
  name: string,
  /** The file. */
  path: string, };

/** What a command is kept to. */
export type Fences = { "fences": "workspace",
  /** It reaches the network. */
  network: boolean,
  /** It writes repositories. */
  repository: boolean, }
  | { "fences": "outside", };

/** A request as people are shown it: what is worth a word is said, and what hides is seen. */
export type Card = {
  /** What is asked. An answer is about its hash. */
  request: ApprovalRequest,
  /** What comes of it, in capitals and few words. */
  consequence: string,
  /** How bad that can be. */
  risk: Risk,
  /** The line with every character that hides shown as its number. */
  shown: string,
  /** What to beware of in the line, a sentence each. */
  careful: Array<string>,
  /** The commands of the line, as far as it could be read. */
  parts: Array<ApprovalPart>, };

/** How bad it can be if the person errs. */
export type Risk = "low" | "medium" | "high";

/** One command of a line. */
export type ApprovalPart = {
  /** Its words, with what hides shown. */
  shown: string,
  /** Whether it would run without asking if it stood alone. */
  allowed: boolean,
  /** Why, or why not. */
  reason: string, };

/** What somebody answers. */
export type ApprovalVerdict = "approved" | "denied";

/** What a device answers to a request, on a stream of purpose `approve`. */
export type ApprovalAnswer = {
  /** Of the request that the person was shown. */
  hash: Bytes,
  /** The answer. */
  verdict: ApprovalVerdict,
  /** For how long it holds. */
  holds: ApprovalHolds,
  /** By the device key, over transcript `lanyard/approval/v1`. */
  signature: Bytes, };

/** What became of a request. */
export type Settled = {
  /** Which. */
  id: ApprovalId,
  /** What it was about. */
  hash: Bytes,
  /** The end of it. */
  end: ApprovalEnd,
  /** When. */
  at: UnixMs, };

/** For how long a yes holds. */
export type ApprovalHolds = { "for": "once", }
  | { "for": "time",
  /** From 1 to [`GRANT_MINUTES_MAX`]. */
  minutes: number, }
  | { "for": "always", };

/** What is done with what no rule decides, as a person has chosen it for now. */
export type WorkMode = "plan" | "ask" | "accept-edits";

/** Rules that a person lets stand for a time, until the agent ends at the latest. */
export type Granted = {
  /** The request to which it was the answer. */
  id: ApprovalId,
  /** As the person has read them. */
  rules: Array<string>,
  /** Where they count. */
  workspace: string,
  /** For what is kept to these, or to more. */
  fences: Fences,
  /** Until when. */
  until: UnixMs,
  /** Who has said so: a device's name, or empty for the machine itself. */
  by: string, };

/** How far a log goes: how many lines, and the hash of them all. */
export type AuditHead = {
  /** Lines so far. */
  count: number,
  /** Of them all. */
  hash: Bytes, };

/** How a request ends. */
export type ApprovalEnd = { "end": "answered",
  /** What. */
  verdict: ApprovalVerdict,
  /** For how long. */
  holds: ApprovalHolds,
  /** Who. */
  by: ApprovalBy, }
  | { "end": "expired", }
  | { "end": "withdrawn", }
  | { "end": "overtaken", };

/** Who answers. */
export type ApprovalBy = { "at": "machine", }
  | { "at": "device",
  /** How it called itself then. */
  name: string,
  /** Its key, after which it is called. */
  key: Bytes,
  /** What it has signed: see [`Answer`]. */
  signature: Bytes, };

/** One identity hands over to the next. */
export type IdentityCert = {
  /** The identity before. */
  from: Bytes,
  /** The identity after it. */
  to: Bytes,
  /** By `from`, over transcript `lanyard/identity/v1`. */
  signature: Bytes, };

/** A Noise key of the agent, certified by its identity. */
export type NoiseCert = {
  /** The key. */
  key: Bytes,
  /** Rises with every key: a viewer never goes back. */
  serial: number,
  /** Since when, Unix seconds. */
  since: number,
  /** Until when, Unix seconds. */
  expires: number,
  /** By the identity, over transcript `lanyard/noise-key/v1`. */
  signature: Bytes, };

/** What a device shows to change its keys: both signatures cover the session, so that nobody can show them elsewhere. */
export type NewKeys = {
  /** Its next Ed25519 key. */
  key: Bytes,
  /** Its next X25519 key. */
  noise_key: Bytes,
  /** By the present key, over transcript `lanyard/rekey/v1`. */
  old: Bytes,
  /** By the next key, over the same. */
  new: Bytes, };

/** What waits at the rendezvous. Payload of Noise message 2 in pairing. */
export type Offer = {
  /** The machine's name. */
  machine: string,
  /** The user whose machine it is. */
  user: string,
  /** What the link grants. */
  scopes: Array<Scope>,
  /** What that reaches. */
  reach: Reach,
  /** For how long the device may stay, in milliseconds; `null` while it is used. */
  stays: number | null,
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
  /** What that reaches. */
  reach: Reach,
  /** When the grant ends unless used, by the machine's clock. */
  expires: UnixMs,
  /** When it ends whatever happens: a share. */
  until: UnixMs | null,
  /** The machine's identity key: it certifies later Noise keys. */
  identity: Bytes,
  /** The serial of the machine's Noise key. */
  serial: number, }
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

/** A terminal that has ended and whose output is still kept, as the history shows it. */
export type PastTerminal = {
  /** Its id, that of the terminal. A `view` token for it plays what is kept. */
  id: TerminalId,
  /** The name it had last. */
  name: string,
  /** Where it was started. */
  cwd: string,
  /** When it was started. */
  started: UnixMs,
  /** When it ended, or the last that was heard of it. */
  ended: UnixMs,
  /** How its program ended; `None` if nobody was there to see it: its holder was killed, or the power failed. */
  exit: Exit | null,
  /** Its last size. */
  grid: Grid,
  /** Bytes of output from the first that is kept to the last, holes included: what a disk refused or damage took in between counts too. */
  kept: number,
  /** Bytes of output before those, which are no longer kept. */
  dropped: number, };

/** A place in the history, which is sorted by when terminals ended, the latest first. */
export type PastPlace = {
  /** When the terminal of this place ended. */
  ended: UnixMs,
  /** That terminal. */
  id: TerminalId, };

/** From the viewer. */
export type ToAgent = { "t": "hello",
  /** How the device calls itself now. */
  name: string,
  /** The generation it was last given; 0 before the first. */
  generation: number,
  /** The highest serial of the machine's Noise keys that it knows. */
  serial: number, }
  | { "t": "keys_taken",
  /** The serial of the Noise key. */
  serial: number, }
  | { "t": "rekey",
  /** Number of the request. */
  req: number,
  /** The keys and their proof. */
  keys: NewKeys, }
  | { "t": "ping",
  /** Any number; comes back. */
  n: number, }
  | { "t": "mint",
  /** Number of the request, chosen by the viewer; comes back. */
  req: number,
  /** What for. */
  wanted: Wanted, }
  | { "t": "renew",
  /** Number of the request. */
  req: number,
  /** The token. */
  jti: TokenId, }
  | { "t": "access",
  /** Number of the request. */
  req: number, }
  | { "t": "revoke",
  /** Number of the request. */
  req: number,
  /** What. */
  revocation: Revocation, }
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
  name: string, }
  | { "t": "history",
  /** Number of the request. */
  req: number,
  /** Only what comes after this place; `None` from the latest on. */
  after: PastPlace | null, }
  | { "t": "audit",
  /** Nothing for who has never heard of it. */
  seen: AuditHead | null, }
  | { "t": "set_mode",
  /** Number of the request. */
  req: number,
  /** Which. */
  mode: WorkMode | null, }
  | { "t": "end_granted",
  /** Number of the request. */
  req: number,
  /** Which. */
  id: ApprovalId, }
  | { "t": "forget",
  /** Number of the request. */
  req: number,
  /** The terminal. */
  terminal: TerminalId, };

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
  /** What that reaches. */
  reach: Reach,
  /** When the device's grant ends unless used, by the machine's clock. */
  expires: UnixMs,
  /** When it ends whatever happens: a share. */
  until: UnixMs | null,
  /** To be kept, and said in the next `hello`: so a copy of this device is told from it. */
  generation: number,
  /** A copy of this device was seen, or it is one: it may only watch until a person at the machine has decided. */
  suspended: boolean,
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
  /** When it was issued, by the machine's clock. */
  issued: UnixMs,
  /** When it stops working unless it is renewed. */
  expires: UnixMs, }
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
  | { "t": "access",
  /** From the request. */
  req: number,
  /** The machine's clock. */
  time: UnixMs,
  /** This device. */
  device: DeviceEntry,
  /** The live tokens of this session. */
  tokens: Array<TokenEntry>, }
  | { "t": "history",
  /** From the request. */
  req: number,
  /** The latest first. */
  past: Array<PastTerminal>,
  /** There are more after the last of these. */
  more: boolean, }
  | { "t": "scopes",
  /** What it may ask for. */
  scopes: Array<Scope>,
  /** What that reaches. */
  reach: Reach, }
  | { "t": "terminals",
  /** All terminals. */
  terminals: Array<Terminal>, }
  | { "t": "approvals",
  /** Which. */
  waiting: Array<ApprovalId>, }
  | { "t": "approval",
  /** For what. */
  card: Card, }
  | { "t": "settled",
  /** How. */
  settled: Settled, }
  | { "t": "audit",
  /** Now. */
  head: AuditHead,
  /** Whether it goes on from where the viewer had seen it end; nothing if that is not known any more, or was not asked. */
  agrees: boolean | null, }
  | { "t": "permissions",
  /** The mode that was chosen; nothing for what settings say. */
  mode: WorkMode | null,
  /** The rules that stand for a time. */
  granted: Array<Granted>, }
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
  | { "t": "keys",
  /** From the identity that the device knows to the present one; oldest first. */
  chain: Array<IdentityCert>,
  /** The present Noise key, by the last identity of the chain. */
  noise: NoiseCert, }
  | { "t": "rekey", }
  | { "t": "rekeyed",
  /** From the request. */
  req: number,
  /** The grant of the next keys. */
  grant: string,
  /** When it ends unless used. */
  expires: UnixMs, }
  | { "t": "grant",
  /** The new grant. */
  grant: string,
  /** When it ends unless used. */
  expires: UnixMs, };

