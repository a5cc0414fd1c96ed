//! Every bound of the protocol, in one place. Lengths are bytes, times are durations.

use std::time::Duration;

/// Versions of the link protocol this build speaks.
pub const LINK_VERSIONS: &[u16] = &[1];
/// Versions of the end-to-end protocol this build speaks.
pub const SESSION_VERSIONS: &[u16] = &[1];

/// A whole frame, header included.
pub const FRAME_MAX: usize = 64 * 1024;
/// `stream u32 | kind u8`.
pub const FRAME_HEADER: usize = 5;
/// The payload of a frame.
pub const PAYLOAD_MAX: usize = FRAME_MAX - FRAME_HEADER;
/// The authentication tag of AES-GCM.
pub const TAG: usize = 16;
/// What an open may carry for the stream that it opens: message 1 of a handshake, or a sealed opening.
pub const FIRST_MAX: usize = 256;
/// One sealed record, kind byte included.
pub const RECORD_MAX: usize = PAYLOAD_MAX - TAG;
/// One JSON message inside a session.
pub const MESSAGE_MAX: usize = 65_000;
/// A sentence in a close frame or an `end` record.
pub const SENTENCE_MAX: usize = 256;

/// All that a peer may send before its first proof.
pub const UNPROVEN_BYTES: usize = 4096;
/// How long a peer may take to its first proof, TLS and HTTP included.
pub const UNPROVEN_TIME: Duration = Duration::from_secs(5);
/// How long who dialled waits for the relay's first welcome.
pub const WELCOME_TIME: Duration = Duration::from_secs(15);
/// How long one proof holds a link.
pub const PROOF_HELD: Duration = Duration::from_secs(600);
/// The share of `PROOF_HELD`, in percent, after which the relay asks again; a jitter of up to `PROOF_JITTER_PERCENT` is added.
pub const PROOF_RENEW_PERCENT: u32 = 55;
/// See `PROOF_RENEW_PERCENT`.
pub const PROOF_JITTER_PERCENT: u32 = 10;

/// Frames of the link itself, credit included, that may wait for a socket that takes nothing.
pub const LINK_FRAMES_WAITING: usize = 4096;
/// Who dialled pings this often, so that both ends hear something.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// Who dialled gives the link up after this much silence.
pub const DIALLER_SILENCE: Duration = Duration::from_secs(45);
/// After the network changed, who dialled gives a link up on which nothing is heard for this long.
pub const PROBE_TIME: Duration = Duration::from_secs(3);
/// The relay gives a link up after this much silence. Longer than a hidden tab's throttled timer (60 s).
pub const RELAY_SILENCE: Duration = Duration::from_secs(90);

/// A difference between agent and relay above this is warned about.
pub const CLOCK_WARN: Duration = Duration::from_secs(30);
/// A difference between agent and relay above this ends the link.
pub const CLOCK_REFUSE: Duration = Duration::from_secs(600);

/// Streams one viewer may have open.
pub const STREAMS_PER_VIEWER: usize = 128;
/// Streams an agent's leg may have open.
pub const STREAMS_PER_AGENT: usize = 4096;
/// What the relay is ready to hold of one stream in one direction.
pub const RELAY_WINDOW: u32 = 256 * 1024;
/// What a viewer or agent grants on a stream it reads at once.
pub const STREAM_WINDOW: u32 = 512 * 1024;
/// Credit outstanding in one direction of a stream.
pub const CREDIT_MAX: u32 = 1 << 31;
/// End-to-end versions listed in an open or accept.
pub const VERSIONS_MAX: usize = 8;

/// Signers an agent may announce.
pub const SIGNERS_MAX: usize = 2;
/// Devices an agent may announce.
pub const DEVICES_MAX: usize = 256;
/// Former identities an agent may announce.
pub const FORMER_MAX: usize = 4;
/// Revoked token ids an agent may announce.
pub const REVOKED_MAX: usize = 256;
/// Rendezvous an agent may announce.
pub const RENDEZVOUS_MAX: usize = 16;

/// A token in compact form.
pub const TOKEN_MAX: usize = 1024;
/// A token opens its stream within this time of its issue.
pub const TOKEN_OPENS_WITHIN: Duration = Duration::from_secs(60);
/// Measuring an agent's clock may be off by this much.
pub const CLOCK_MEASURE: Duration = Duration::from_secs(5);
/// The agent ends a lease this long before its token expires, so that the end arrives sealed.
pub const LEASE_GUARD: Duration = Duration::from_secs(1);
/// Life of a device grant.
pub const LIFE_DEVICE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Life of a device's keys: they rotate themselves before.
pub const LIFE_DEVICE_KEYS: Duration = Duration::from_secs(90 * 24 * 3600);
/// Life of an agent's identity key.
pub const LIFE_IDENTITY: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long before its end an identity key is replaced.
pub const IDENTITY_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Identities one after another that somebody follows. They must fit into what an unproven peer may send.
pub const IDENTITY_CHAIN_MAX: usize = 8;
/// Life of an agent's Noise key.
pub const LIFE_NOISE_KEY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long a Noise key that was replaced still opens sessions.
pub const NOISE_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);
/// A device is asked to change its keys when they are this old.
pub const DEVICE_KEYS_RENEW: Duration = Duration::from_secs(60 * 24 * 3600);
/// How often a device is given a new generation. Two copies of it are told apart after twice this time.
pub const GENERATION_EVERY: Duration = Duration::from_secs(3600);
/// Life of a `view` token.
pub const LIFE_VIEW: Duration = Duration::from_secs(15 * 60);
/// Life of a `terminal` token.
pub const LIFE_TERMINAL: Duration = Duration::from_secs(5 * 60);
/// Life of a `files.read` token.
pub const LIFE_FILES_READ: Duration = Duration::from_secs(10 * 60);
/// Life of a `run` token.
pub const LIFE_RUN: Duration = Duration::from_secs(5 * 60);
/// Life of a `files.write` token.
pub const LIFE_FILES_WRITE: Duration = Duration::from_secs(5 * 60);
/// Life of a `prompt` token.
pub const LIFE_PROMPT: Duration = Duration::from_secs(5 * 60);
/// Life of an `approve` token.
pub const LIFE_APPROVE: Duration = Duration::from_secs(2 * 60);
/// Life of a `devices` token.
pub const LIFE_DEVICES: Duration = Duration::from_secs(2 * 60);
/// Life of a token signer.
pub const LIFE_SIGNER: Duration = Duration::from_secs(24 * 3600);
/// A person is present for this long after their last input.
pub const PRESENCE: Duration = Duration::from_secs(5 * 60);

/// Life of a pairing link.
pub const PAIRING_LIFE: Duration = Duration::from_secs(5 * 60);
/// How often message 1 may be tried against one pairing secret.
pub const PAIRING_TRIES: u32 = 3;
/// Handshakes an agent keeps pending.
pub const HANDSHAKES_PENDING: usize = 16;
/// How long a handshake may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Life of an enrolment code.
pub const ENROL_LIFE: Duration = Duration::from_secs(600);

/// How long a viewer waits for the answer to a stream it has opened. Long, for other streams of a slow link may have much on their way.
pub const STREAM_TIME: Duration = Duration::from_secs(30);

/// The first wait before something is tried again, at most: short, so that a relay's restart costs a fraction of a second.
pub const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest wait before something is tried again.
pub const RETRY_LONGEST: Duration = Duration::from_secs(15);
/// What stood for this long was worth trying; after less waits go on growing, or a relay that accepts and hangs up would be dialled without
/// pause.
pub const RETRY_GOOD_AFTER: Duration = Duration::from_secs(2);
/// How long a relay may tell a dialler to stay away.
pub const RETRY_TOLD_MOST: Duration = Duration::from_secs(60);
/// The relay says when a machine is back; who waits for it asks this often, for the day that word gets lost.
pub const AWAY_LOOK: Duration = Duration::from_secs(30);
/// When the machine owes an answer for a heartbeat, the relay is asked for one; if it gives none for this long, the link is dead.
pub const DOUBT_TIME: Duration = Duration::from_secs(8);

/// The end-to-end heartbeat of a visible page.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// *live* is shown while the last answer is not older than this.
pub const LIVE_FOR: Duration = Duration::from_secs(12);
/// A viewer gives up a session that has not answered for this long, and opens another: longer than the relay takes to notice that an agent is
/// gone, so it only happens when a word was lost on the way.
pub const SESSION_SILENCE: Duration = Duration::from_secs(120);
/// A driver whose heartbeat is older than this no longer holds back the PTY.
pub const DRIVER_HEARTBEAT: Duration = Duration::from_secs(20);
/// Unacknowledged input older than this is offered to the person, not sent by itself.
pub const INPUT_RESEND: Duration = Duration::from_secs(10);

/// Sessions (viewers at once) an agent serves.
pub const SESSIONS_MAX: usize = 64;
/// Live leases of one session.
pub const LEASES_PER_SESSION: usize = 120;
/// Live leases of one device on one terminal: a few pages, each watching and typing.
pub const LEASES_PER_DEVICE_AND_TERMINAL: usize = 24;
/// Sessions and handshakes of one device.
pub const SESSIONS_PER_DEVICE: usize = 12;
/// Terminals an agent keeps.
pub const TERMINALS_MAX: usize = 48;
/// Characters of a name of a device, machine or terminal.
pub const NAME_MAX: usize = 64;
/// Columns or rows of a terminal.
pub const GRID_MAX: u16 = 1000;

/// For how many minutes rules can be let stand.
pub const GRANT_MINUTES_MAX: u32 = 240;
