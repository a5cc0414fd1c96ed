//! What the relay bounds beyond the protocol's own limits (`lanyard_shared::limits`). Lengths are bytes.

use lanyard_shared::limits::{FRAME_MAX, PING_EVERY, RELAY_WINDOW};
use std::time::Duration;

/// Connections of one address that have proven nothing yet. One household or office behind one address needs a few dozen.
pub const UNPROVEN_PER_ADDRESS: usize = 64;
/// Connections that have proven nothing yet, from everywhere. One more makes the oldest go.
pub const UNPROVEN_TOTAL: usize = 4096;
/// Below it a port is for privileged processes, unless the system was told otherwise.
pub const LOW_PORTS_END: u16 = 1024;
/// When a stranger that found no place is told to come back, at the least,
pub const AGAIN_LEAST: Duration = Duration::from_secs(1);
/// and at the most, when all places are taken.
pub const AGAIN_MOST: Duration = Duration::from_secs(30);
/// A relay that stops spreads the return of its links: so much for each of them, which is what the next relay takes to let one in.
pub const RETURN_OF_ONE: Duration = Duration::from_micros(500);
/// The queue of connections the kernel has accepted for us.
pub const ACCEPT_BACKLOG: u32 = 4096;

/// How long accepting pauses when the system has no descriptors left.
pub const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// A whole request head. The smallest that hyper takes.
pub const HTTP_HEAD_MAX: usize = 8 * 1024;
/// Header fields of one request.
pub const HTTP_HEADERS_MAX: usize = 64;
/// A connection that serves pages ends after this time, however slowly its peer reads.
pub const PAGES_TIME: Duration = Duration::from_secs(120);

/// Read buffer of a WebSocket. Every idle link keeps one.
pub const WS_READ_BUFFER: usize = 2 * 1024;
/// What one read takes of a flooded socket. A link keeps it only while it is flooded; a stranger never has it.
pub const BURST_READ: usize = 32 * 1024;
/// Frames are gathered up to this size before they go to TLS.
pub const WS_WRITE_BUFFER: usize = 32 * 1024;
/// What may wait below the fair queue: the gathered frames, one more, and a pong.
pub const WS_WRITE_BUFFER_MAX: usize = WS_WRITE_BUFFER + FRAME_MAX + 4 * 1024;
/// How long a closing link waits for its close frame to be written and answered.
pub const CLOSE_TIME: Duration = Duration::from_secs(2);
/// Links that have lost their place in a hub and are being told why. Beyond it they are dropped without a word, but for those
/// who were replaced or hear that the relay stops: they hold a socket each, and a
/// peer that comes again and again without reading would gather them.
pub const CLOSING_TOTAL: usize = 1024;
/// How long a stopping relay waits for its links to end.
pub const STOP_TIME: Duration = Duration::from_secs(4);
/// Tasks that run before the runtime looks for new input. Few, so that links that flood do not keep a key waiting in its socket; not fewer,
/// for each look costs every key of a quiet relay a system call.
pub const EVENT_INTERVAL: u32 = 16;
/// Messages a link handles before other links get their turn. Few, for the same reason.
pub const MESSAGES_PER_TURN: u32 = 8;

/// Frames of one stream that wait in one direction. The smallest sealed record is 26 bytes, so a window holds fewer of them than this;
/// it only bounds the bookkeeping for someone who sends single bytes.
pub const QUEUED_FRAMES: u32 = 10_240;
/// Below this much credit a source gets whatever there is; above it, credit is gathered so that it does not cost a frame for every frame.
pub const CREDIT_GATHER: u32 = RELAY_WINDOW / 4;
/// Frames of the link itself that wait for a peer that does not read.
pub const QUEUED_LINK_FRAMES: u32 = 256;
/// What may wait on all streams of one agent and its viewers together: a full window for each viewer it may have, twice. Beyond it the link for
/// which most waits ends.
pub const HELD_PER_AGENT: usize = 256 * 1024 * 1024;
/// What a frame that waits costs beside its bytes.
pub const HELD_FRAME: usize = 128;
/// Viewers that may want one agent at once.
pub const VIEWERS_PER_AGENT: usize = 512;
/// An agent that was not heard for so long before its connection ended was not there any more: it says something every [`PING_EVERY`].
pub const AGENT_QUIET: Duration = PING_EVERY.saturating_add(Duration::from_secs(5));
/// How long it is remembered how an agent left.
pub const PARTING_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Tokens one viewer link may have used up and that have not expired yet.
pub const USED_TOKENS: usize = 4096;

/// The longest life of an enrolment code an operator can ask for.
pub const ENROL_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Enrolment codes that are waiting to be used.
pub const CODES_WAITING: usize = 1024;
/// How long a write waits for another one to the store.
pub const STORE_WAIT: Duration = Duration::from_secs(5);
/// One line on the operator's socket.
pub const OPERATOR_LINE: u64 = 4096;
/// How long one request on the operator's socket may take.
pub const OPERATOR_TIME: Duration = Duration::from_secs(10);
/// An answer of the operator's socket, as its caller reads it: an agent takes a few hundred bytes of it.
pub const OPERATOR_ANSWER: u64 = 64 << 20;
/// How often "last seen" goes to disk.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Descriptors that the relay's service may have: one for each link, and a few.
pub const SERVICE_DESCRIPTORS: u32 = 524_288;
/// How often a service manager that waits for no sign of life hears how much there is.
pub const STATUS_EVERY: Duration = Duration::from_secs(60);

/// The longest life of an operator token.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Operator tokens that stand at once.
pub const TOKENS_STANDING: usize = 256;
/// How long an operator token that has ended is remembered, so that the log and the list can name it.
pub const TOKEN_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// What an operator may write to a token, in characters.
pub const TOKEN_NOTE_MAX: usize = 200;
/// The body of a request with an operator token.
pub const OPERATOR_BODY: usize = 1024;
/// Proofs from one address in [`WRONGS_TIME`] that did not hold. Beyond it they are dropped without a word and not written down.
pub const WRONG_PROOFS: u32 = 60;
/// The same for proofs that name one machine, wherever they come from.
pub const WRONG_PROOFS_OF_AGENT: u32 = 600;
/// Requests of one address in [`WRONGS_TIME`] that were refused for their token. Beyond it they are turned away and not written down.
pub const WRONG_TOKENS: u32 = 20;
/// How long what was wrong is counted.
pub const WRONGS_TIME: Duration = Duration::from_secs(60);
/// Addresses, or machines, whose wrongs are counted at once.
pub const WRONGS_COUNTED: usize = 4096;

/// How often the files of the certificate are looked at.
pub const TLS_LOOK: Duration = Duration::from_secs(2);
/// A certificate that ends sooner than this is warned about,
pub const TLS_ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 3600);
/// so often.
pub const TLS_WARN_EVERY: Duration = Duration::from_secs(24 * 3600);
/// A file with a certificate chain or its key.
pub const TLS_FILE_MAX: u64 = 1 << 20;
