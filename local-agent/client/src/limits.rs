//! What a viewer without a browser bounds beyond the protocol's own limits (`lanyard_shared::limits`) and dialling (`lanyard_dial::limits`).
//! Lengths are bytes.

use std::time::Duration;

/// Pieces of output that may wait for a slow terminal.
pub const OUTPUT_WAITING: usize = 8;
/// Characters of a sentence or hint that somebody else wrote.
pub const FAILURE_TEXT_MAX: usize = 256;

/// A prompt is there when a shell has written something and then nothing for this long.
pub const EXEC_QUIET: Duration = Duration::from_millis(150);
/// A shell that shows no prompt is typed into after this long.
pub const EXEC_SILENT: Duration = Duration::from_secs(2);
/// When the first line is typed again: a shell may throw away what was typed while it started.
pub const EXEC_AGAIN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(10)];
/// When a shell is given up that never ran the first line.
pub const EXEC_GIVE_UP: Duration = Duration::from_secs(20);
/// How long the machine may take to end the terminal afterwards.
pub const EXEC_END_TIME: Duration = Duration::from_secs(5);
/// Rows a holder takes at most.
pub const ROWS_MAX: u16 = 500;
/// Pieces of keyboard input that may wait for the loop that sends them.
pub const KEYS_WAITING: usize = 16;
/// Linux takes 128 KiB in one argument.
pub const COMMAND_MAX: usize = 96 * 1024;
/// Bytes of one typed line. Terminals cut lines at 4,096.
pub const COMMAND_LINE_MAX: usize = 1024;

/// Input that may wait to be applied before its typist does.
pub const TYPED_MAX: usize = 256 * 1024;
/// A timer may not count while the machine sleeps, so none runs for long.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A file larger than this is not ours: keys and a few machines take a few kilobytes.
pub const KEY_FILE_MAX: u64 = 1024 * 1024;

/// What the agent may have on its way to us in a terminal stream: short answers only.
pub const ANSWER_WINDOW: u32 = 64 * 1024;
/// What the agent may have on its way to us.
pub const CHANNEL_WINDOW: u32 = 256 * 1024;
/// The opening and the handshake may take this long, the agent's own bound included.
pub const SETUP_TIME: Duration = Duration::from_secs(15);
/// What waits for an agent that does not read. Beyond it the channel ends.
pub const CHANNEL_WAITING_MAX: usize = 512 * 1024;
/// The largest snapshot taken, in bytes. A holder's scrollback and both its screens, each cell with a colour of its own, are far smaller.
pub const SNAPSHOT_MAX: u32 = 32 * 1024 * 1024;
/// Input bytes that go into one record. Well below the window of a terminal stream, so that a paste flows.
pub const INPUT_PIECE: usize = 16 * 1024;
