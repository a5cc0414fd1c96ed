//! Every bound of the holder, in one place. All of them are checked before anything is allocated.

use std::time::Duration;

/// Output kept for viewers that come back, in bytes. A power of two.
pub const RING_BYTES: usize = 2 * 1024 * 1024;

/// How far, in bytes, a pacing connection may lag behind before the PTY is no longer read. Below [`RING_BYTES`].
pub const PACE_WINDOW: u64 = 1024 * 1024;

/// How far, in bytes, the screen may lag behind the ring while output is flooding. Below [`RING_BYTES`].
pub const SCREEN_LAG: u64 = 1024 * 1024;

/// Output emulated between two looks at the PTY, in bytes.
pub const SCREEN_SLICE: usize = 32 * 1024;

/// Output taken from the PTY before connections are served, in bytes.
pub const READ_BURST: usize = 64 * 1024;

/// Payload of one `output`, `snapshot_chunk` or `input` message, in bytes.
pub const PAYLOAD_BYTES: usize = 60 * 1024;

/// One whole message without its length prefix, in bytes.
pub const MESSAGE_BYTES: usize = 61 * 1024;

/// Input accepted but not yet taken by the PTY, in bytes; beyond it connections are not read.
/// One message of [`PAYLOAD_BYTES`] may overshoot it.
pub const INPUT_BACKLOG: usize = 1024 * 1024;

/// Writers whose last input number is remembered; the least recently used one is forgotten first.
pub const WRITERS: usize = 64;

/// Connections served at once.
pub const CONNECTIONS: usize = 64;

/// Control messages waiting for a connection that does not read, in bytes; beyond it the connection ends.
pub const CONTROL_BACKLOG: usize = 256 * 1024;

/// How long accepting pauses when it failed.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time for a new connection to say hello.
pub const HELLO_WAIT: Duration = Duration::from_secs(5);

/// Widest terminal, in columns.
pub const MAX_COLS: u16 = 1000;

/// Highest terminal, in rows.
pub const MAX_ROWS: u16 = 500;

/// Lines above the primary screen that a snapshot brings back.
pub const SCROLLBACK_LINES: usize = 1000;

/// The same, in bytes of formatted text; whichever bound is met first.
pub const SCROLLBACK_BYTES: usize = 512 * 1024;

/// Window title, in bytes of UTF-8.
pub const TITLE_BYTES: usize = 1000;

/// Titles remembered by programs that push and pop them.
pub const TITLE_STACK: usize = 10;

/// Combining characters kept on one cell, in bytes of UTF-8.
pub const MARKS_BYTES: usize = 64;

/// The sentence of a refusal, in bytes of UTF-8.
pub const SENTENCE_BYTES: usize = 1000;

/// The configuration a holder reads from its standard input, in bytes of JSON.
pub const CONFIG_BYTES: u64 = 1024 * 1024;

/// `meta.json`, in bytes.
pub const META_BYTES: u64 = 64 * 1024;

/// The line by which a starting holder says that it is ready, or why it is not, in bytes.
pub const READY_LINE_BYTES: u64 = 4096;

/// Longest path of a Unix socket that the kernel takes, in bytes.
pub const SOCKET_PATH_BYTES: usize = 107;

/// How long an ended terminal waits to be forgotten, if the configuration does not say.
pub const LINGER: Duration = Duration::from_secs(600);

/// How long nobody may come for a terminal before it ends, if the configuration does not say.
pub const ORPHAN: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often the clock is looked at while nobody comes.
pub const ORPHAN_LOOK: Duration = Duration::from_secs(3600);

/// From asking a shell to end (`SIGHUP`) to making it (`SIGKILL`).
pub const KILL_GRACE: Duration = Duration::from_secs(2);

/// After the child has ended, how long output of processes it left behind may still precede the exit status.
pub const DRAIN_GRACE: Duration = Duration::from_millis(200);

/// How long a leaving holder tries to hand the last messages to its connections.
pub const FAREWELL: Duration = Duration::from_secs(1);

/// Bound on waiting for a started holder to say that it is ready.
pub const START_WAIT: Duration = Duration::from_secs(10);

/// Age after which the half-made directory of a holder that never came up is removed.
pub const HALF_MADE: Duration = Duration::from_secs(60);

/// What an empty backlog keeps of its memory, in bytes.
pub const BACKLOG_KEPT: usize = 4 * 1024;

/// What an empty queue keeps of its memory, in bytes.
pub const QUEUE_KEPT: usize = 4 * 1024;

/// Sizes waiting for the screen to get there; a storm of them while it lags loses the oldest.
pub const PENDING_RESIZES: usize = 64;

/// What is read at once. Small, so that an idle connection costs little.
pub const SERVER_READ_BYTES: usize = 2 * 1024;

/// What is read at once. Small, so that an idle connection costs little.
pub const CLIENT_READ_BYTES: usize = 4 * 1024;

/// Bytes given to the parser at once. It looks for the next escape after every byte that is not UTF-8; short parts keep that linear.
pub const PART_BYTES: usize = 1024;

/// Less than this many bytes are not worth a look.
pub const SKIP_WORTH_IT: usize = 128 * 1024;

/// One segment of what is kept of a terminal on disk, in bytes.
pub const HISTORY_SEGMENT_BYTES: u64 = 1024 * 1024;

/// Segments kept of one terminal; the oldest is dropped for the next.
pub const HISTORY_SEGMENTS: usize = 8;

/// What is kept of terminals leaves so much of its disk free, in bytes: what the agent must be able to write there, a revocation above all, comes
/// first.
pub const HISTORY_LEAVES_FREE: u64 = 64 * 1024 * 1024;

/// Output in one record on disk, in bytes.
pub const HISTORY_RECORD_BYTES: usize = 32 * 1024;

/// Length and sum before a record, in bytes.
pub const HISTORY_FRAME_BYTES: usize = 4 + 4;

/// Kind and time of a record, in bytes.
pub const HISTORY_HEAD_BYTES: usize = 1 + 8;

/// The offset before output in a record, in bytes.
pub const HISTORY_OFFSET_BYTES: usize = 8;

/// Output written to disk at once, in bytes.
pub const HISTORY_BATCH_BYTES: usize = 256 * 1024;

/// How long output is gathered before it is written to disk.
pub const HISTORY_GATHER: Duration = Duration::from_millis(250);

/// So much of it, in bytes, is written without gathering more.
pub const HISTORY_GATHER_BYTES: u64 = 64 * 1024;

/// Output that came within this time is kept under one time.
pub const HISTORY_MOMENT: Duration = Duration::from_millis(10);

/// Times that wait to be written. Of more, the oldest are forgotten; their output is not.
pub const HISTORY_MOMENTS: usize = 1024;

/// How long what was written may be lost with the machine's power.
pub const HISTORY_SYNC: Duration = Duration::from_secs(2);

/// How long a disk that refused is left alone.
pub const HISTORY_RETRY: Duration = Duration::from_secs(2);

const _: () = assert!(RING_BYTES.is_power_of_two());
const _: () = assert!(
    HISTORY_BATCH_BYTES as u64 * 2 < HISTORY_SEGMENT_BYTES
        && HISTORY_BATCH_BYTES < RING_BYTES
        && HISTORY_RECORD_BYTES * 2 < HISTORY_BATCH_BYTES
);
const _: () = assert!(
    PACE_WINDOW < RING_BYTES as u64 && SCREEN_LAG + READ_BURST as u64 * 2 < RING_BYTES as u64
);
const _: () = assert!(PAYLOAD_BYTES + 64 < MESSAGE_BYTES);
