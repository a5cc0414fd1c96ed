// Generated from `shared/` by `LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test generated`. Do not edit.

/** Versions of the link protocol this build speaks. */
export const LINK_VERSIONS = [1] as readonly number[];
/** Versions of the end-to-end protocol this build speaks. */
export const SESSION_VERSIONS = [1] as readonly number[];
/** A whole frame, header included. */
export const FRAME_MAX = 65536;
/** `stream u32 | kind u8`. */
export const FRAME_HEADER = 5;
/** The payload of a frame. */
export const PAYLOAD_MAX = 65531;
/** What an open may carry for the stream that it opens: message 1 of a handshake, or a sealed opening. */
export const FIRST_MAX = 256;
/** The authentication tag of AES-GCM. */
export const TAG = 16;
/** One sealed record, kind byte included. */
export const RECORD_MAX = 65515;
/** One JSON message inside a session. */
export const MESSAGE_MAX = 65000;
/** A sentence in a close frame or an `end` record. */
export const SENTENCE_MAX = 256;
/** Identities one after another that somebody follows. They must fit into what an unproven peer may send. */
export const IDENTITY_CHAIN_MAX = 8;
/** Streams one viewer may have open. */
export const STREAMS_PER_VIEWER = 128;
/** What a viewer or agent grants on a stream it reads at once. */
export const STREAM_WINDOW = 524288;
/** Credit outstanding in one direction of a stream. */
export const CREDIT_MAX = 2147483648;
/** End-to-end versions listed in an open or accept. */
export const VERSIONS_MAX = 8;
/** A token in compact form. */
export const TOKEN_MAX = 1024;
/** Live leases of one session. */
export const LEASES_PER_SESSION = 120;
/** Characters of a name of a device, machine or terminal. */
export const NAME_MAX = 64;
/** Columns or rows of a terminal. */
export const GRID_MAX = 1000;
/** How long who dialled waits for the relay's first welcome. */
export const WELCOME_TIME_MS = 15000;
/** How long one proof holds a link. */
export const PROOF_HELD_MS = 600000;
/** Who dialled pings this often, so that both ends hear something. */
export const PING_EVERY_MS = 20000;
/** Who dialled gives the link up after this much silence. */
export const DIALLER_SILENCE_MS = 45000;
/** How long a handshake may take. */
export const HANDSHAKE_TIME_MS = 10000;
/** How long a viewer waits for the answer to a stream it has opened. Long, for other streams of a slow link may have much on their way. */
export const STREAM_TIME_MS = 30000;
/** A token opens its stream within this time of its issue. */
export const TOKEN_OPENS_WITHIN_MS = 60000;
/** The agent ends a lease this long before its token expires, so that the end arrives sealed. */
export const LEASE_GUARD_MS = 1000;
/** Life of a device grant. */
export const LIFE_DEVICE_MS = 2592000000;
/** Life of an agent's Noise key. */
export const LIFE_NOISE_KEY_MS = 7776000000;
/** A person is present for this long after their last input. */
export const PRESENCE_MS = 300000;
/** Life of a pairing link. */
export const PAIRING_LIFE_MS = 300000;
/** The end-to-end heartbeat of a visible page. */
export const HEARTBEAT_MS = 5000;
/** *live* is shown while the last answer is not older than this. */
export const LIVE_FOR_MS = 12000;
/** The first wait before something is tried again, at most: short, so that a relay's restart costs a fraction of a second. */
export const RETRY_FIRST_MS = 100;
/** The longest wait before something is tried again. */
export const RETRY_LONGEST_MS = 15000;
/** What stood for this long was worth trying; after less waits go on growing, or a relay that accepts and hangs up would be dialled without pause. */
export const RETRY_GOOD_AFTER_MS = 2000;
/** How long a relay may tell a dialler to stay away. */
export const RETRY_TOLD_MOST_MS = 60000;
/** The relay says when a machine is back; who waits for it asks this often, for the day that word gets lost. */
export const AWAY_LOOK_MS = 30000;
/** When the machine owes an answer for a heartbeat, the relay is asked for one; if it gives none for this long, the link is dead. */
export const DOUBT_TIME_MS = 8000;
/** A viewer gives up a session that has not answered for this long, and opens another: longer than the relay takes to notice that an agent is gone, so it only happens when a word was lost on the way. */
export const SESSION_SILENCE_MS = 120000;
/** A driver whose heartbeat is older than this no longer holds back the PTY. */
export const DRIVER_HEARTBEAT_MS = 20000;
/** Unacknowledged input older than this is offered to the person, not sent by itself. */
export const INPUT_RESEND_MS = 10000;
/** Output bytes that fit into one record: kind and offset take nine. */
export const OUTPUT_MAX = 65506;
/** Input bytes in one record; longer pastes are several records. */
export const INPUT_MAX = 32768;

/** What tokens are for: how long one lives, and what keeps it alive. */
export const PURPOSES = {
  "view": { lifeMs: 900000, renewal: "while attached", words: "watch terminals", fullPower: false },
  "files.read": { lifeMs: 600000, renewal: "on use", words: "read files", fullPower: false },
  "terminal": { lifeMs: 300000, renewal: "while a person is present", words: "open terminals and type into them: the full power of the user", fullPower: true },
  "run": { lifeMs: 300000, renewal: "while a person is present", words: "start commands: the full power of the user", fullPower: true },
  "files.write": { lifeMs: 300000, renewal: "while a person is present", words: "change files: the full power of the user", fullPower: true },
  "prompt": { lifeMs: 300000, renewal: "while a person is present", words: "speak to coding agents: the full power of the user", fullPower: true },
  "approve": { lifeMs: 120000, renewal: "never", words: "answer requests for approval", fullPower: false },
  "devices": { lifeMs: 120000, renewal: "never", words: "see and end who has access", fullPower: false },
} as const;

/** Kinds of link frames. */
export const FrameKind = {
  challenge: 0x01,
  proof: 0x02,
  enrol: 0x03,
  welcome: 0x04,
  announce: 0x05,
  ping: 0x06,
  pong: 0x07,
  wake: 0x08,
  rotate: 0x09,
  open: 0x10,
  accept: 0x11,
  data: 0x12,
  credit: 0x13,
  renew: 0x14,
  close: 0x15,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Kinds of records inside the seal of a purpose stream. */
export const RecordKind = {
  viewOpening: 0x01,
  terminalOpening: 0x02,
  input: 0x03,
  resize: 0x04,
  takeOver: 0x05,
  opening: 0x06,
  request: 0x07,
  snapshot: 0x81,
  snapshotChunk: 0x82,
  output: 0x83,
  size: 0x84,
  exit: 0x85,
  opened: 0x86,
  applied: 0x87,
  driver: 0x88,
  end: 0x89,
  ready: 0x8a,
  reply: 0x8b,
  at: 0x8c,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Why a link or stream ended. `number` is on the wire, `name` is for programs, the rest for people. */
export const CLOSE_CODES = [
  { number: 1, name: "done", sentence: "finished", hint: "" },
  { number: 2, name: "viewer-gone", sentence: "the viewer's link ended", hint: "" },
  { number: 3, name: "agent-gone", sentence: "the machine's link to the relay ended", hint: "it comes back by itself when the machine is online again" },
  { number: 4, name: "agent-offline", sentence: "the machine is not connected to the relay", hint: "start `lanyard up` on it, or wait until it is awake and online" },
  { number: 5, name: "agent-clock", sentence: "the machine's clock is more than 10 minutes off, so the relay refuses it", hint: "set the machine's clock, for example with `timedatectl set-ntp true`" },
  { number: 6, name: "replaced", sentence: "another agent with the same identity has taken this place", hint: "stop one of the two; if you did not start it, rotate the identity" },
  { number: 7, name: "going-away", sentence: "the other side is restarting", hint: "it comes back by itself" },
  { number: 8, name: "lapsed", sentence: "the token for this stream has lapsed", hint: "press a key or tap to go on" },
  { number: 9, name: "revoked", sentence: "this access was ended by the owner", hint: "pair again with `lanyard pair`" },
  { number: 10, name: "busy", sentence: "the other side has too much open at once", hint: "close something, or try again in a moment" },
  { number: 11, name: "terminal-gone", sentence: "there is no such terminal any more", hint: "open a new one" },
  { number: 12, name: "not-granted", sentence: "this device was not granted that", hint: "pair again with `lanyard pair --grant terminal`" },
  { number: 13, name: "clock-behind", sentence: "the machine's clock is behind the last time it knew, so it grants nothing", hint: "set the machine's clock; if it was ahead before, run `lanyard clock --accept` on the machine" },
  { number: 14, name: "locked", sentence: "the owner has locked this machine: nobody has access from elsewhere", hint: "run `lanyard unlock` on the machine" },
  { number: 15, name: "not-offered", sentence: "this machine does not offer that yet", hint: "a later version of Lanyard may" },
  { number: 16, name: "not-yours", sentence: "there is no such thing among what this device has", hint: "look at the list again; it may have ended" },
  { number: 17, name: "not-renewed", sentence: "a token of this purpose is never renewed", hint: "a new one is asked for when it is needed" },
  { number: 18, name: "share-ended", sentence: "the time for which this access was shared is over", hint: "ask whoever shared it for another link" },
  { number: 19, name: "token-ended", sentence: "this was ended by the owner", hint: "press a key or tap to ask for it again" },
  { number: 20, name: "key-retired", sentence: "this machine's key was replaced while this device was away", hint: "pair again with `lanyard pair` on the machine" },
  { number: 21, name: "keys-changed", sentence: "this device has changed its keys", hint: "it comes back by itself" },
  { number: 22, name: "suspended", sentence: "a copy of this device was seen, so it may only watch", hint: "at the machine, run `lanyard trust` if it is yours, or `lanyard revoke` if not" },
  { number: 23, name: "keys-overlap", sentence: "too many keys that were replaced still hold", hint: "wait until the first of them ends, or end them all with `--now`" },
  { number: 24, name: "agent-stopped", sentence: "Lanyard was stopped on the machine", hint: "a restart takes seconds; otherwise run `lanyard up` on it" },
  { number: 25, name: "agent-lost", sentence: "Lanyard on the machine ended without a word, or its connection was cut", hint: "it comes back by itself if only the network failed; otherwise run `lanyard up` on it" },
  { number: 26, name: "agent-silent", sentence: "the machine is asleep or has no network", hint: "wake it, or wait until it has a network; it comes back by itself" },
  { number: 27, name: "approval-unknown", sentence: "nobody waits for this answer any more", hint: "look at the list of what waits; it may have been answered, or its time was over" },
  { number: 100, name: "malformed", sentence: "a frame was malformed", hint: "both sides may need the same version" },
  { number: 101, name: "too-large", sentence: "a frame was larger than allowed", hint: "" },
  { number: 102, name: "unknown-kind", sentence: "a frame was of an unknown kind", hint: "both sides may need the same version" },
  { number: 103, name: "unexpected-frame", sentence: "a frame came that has no place here", hint: "both sides may need the same version" },
  { number: 104, name: "unknown-stream", sentence: "a frame named a stream that was never opened", hint: "" },
  { number: 105, name: "stream-reused", sentence: "a stream id was used again or out of order", hint: "" },
  { number: 106, name: "credit-exceeded", sentence: "more data came than credit was given", hint: "" },
  { number: 107, name: "too-many-streams", sentence: "too many streams are open", hint: "" },
  { number: 108, name: "version", sentence: "the two sides have no protocol version in common", hint: "update the older side" },
  { number: 200, name: "handshake-timeout", sentence: "no proof of identity came in time", hint: "" },
  { number: 201, name: "unproven-bytes", sentence: "too much was sent before a proof of identity", hint: "" },
  { number: 202, name: "proof-refused", sentence: "the proof of identity does not hold", hint: "check that the relay's address is the one you dialled" },
  { number: 203, name: "proof-expired", sentence: "the proof of identity was not renewed in time", hint: "" },
  { number: 204, name: "wrong-host", sentence: "the relay is not known by the name that was dialled", hint: "start the relay with `--host NAME`" },
  { number: 205, name: "unknown-agent", sentence: "the relay does not know this machine", hint: "enrol it with `lanyard up --enrol CODE`" },
  { number: 206, name: "clock-skew", sentence: "this machine's clock is more than 10 minutes off the relay's", hint: "set the clock, for example with `timedatectl set-ntp true`" },
  { number: 207, name: "enrol-refused", sentence: "the enrolment code is wrong, used or expired, or the relay knows this machine by another key", hint: "run `lanyard-relay enrol` on the relay for a new code; a machine with another key has to be removed there first: `lanyard-relay agents revoke ID`" },
  { number: 208, name: "silent", sentence: "nothing was heard for too long", hint: "" },
  { number: 300, name: "token-refused", sentence: "a token was refused", hint: "it may have expired; a new one is asked for by itself" },
  { number: 301, name: "token-used", sentence: "a token was used a second time", hint: "" },
  { number: 302, name: "pair-unknown", sentence: "this pairing link is wrong or no longer known", hint: "run `lanyard pair` for a new one" },
  { number: 303, name: "pair-used", sentence: "this pairing link has already been used", hint: "run `lanyard pair` for a new one" },
  { number: 304, name: "pair-expired", sentence: "this pairing link has expired", hint: "run `lanyard pair` for a new one" },
  { number: 305, name: "pair-denied", sentence: "the person at the machine said no", hint: "" },
  { number: 306, name: "handshake-failed", sentence: "the end-to-end handshake failed", hint: "pair again with `lanyard pair`" },
  { number: 307, name: "seal-broken", sentence: "a sealed record did not verify: something between changed it", hint: "" },
  { number: 308, name: "bad-message", sentence: "a message inside the session was malformed", hint: "both sides may need the same version" },
  { number: 309, name: "unknown-device", sentence: "the machine does not know this device", hint: "pair again with `lanyard pair`" },
  { number: 310, name: "input-gap", sentence: "an input was numbered out of order", hint: "" },
  { number: 311, name: "cut", sentence: "the connection was cut", hint: "it comes back by itself" },
  { number: 400, name: "internal", sentence: "something failed inside", hint: "the log says more" },
] as const;
export type CloseCode = (typeof CLOSE_CODES)[number];
export type CloseName = CloseCode["name"];

