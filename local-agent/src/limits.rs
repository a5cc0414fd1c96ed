//! What the agent bounds beyond the protocol's own limits (`lanyard_shared::limits`), dialling (`lanyard_dial::limits`) and its holders
//! (`lanyard_holder::limits`). Lengths are bytes.

use lanyard_shared::limits::{MESSAGE_MAX, NAME_MAX, STREAM_WINDOW, TERMINALS_MAX};
use std::time::Duration;

/// What a viewer may have on its way to us in a session or pairing stream.
pub const TALK_WINDOW: u32 = 128 * 1024;
/// What we keep for a viewer that does not read its session. Beyond it the stream ends.
pub const TALK_WAITING_MAX: usize = 512 * 1024;
/// What a viewer may have on its way to us in a purpose stream.
pub const INPUT_WINDOW: u32 = 128 * 1024;
/// The least a watch is asked for at once, unless nothing is on its way.
pub const PULL_STEP: u32 = STREAM_WINDOW / 8;

/// Wishes for one terminal to begin, or to end, that wait for its holder.
pub const WISHES_MAX: usize = 64;
/// Bytes of a title or folder in the list of terminals.
pub const LISTED_TEXT: usize = 140;
/// Bytes of the name of a device in the list of terminals.
pub const LISTED_DRIVER: usize = 48;
// A character of a name takes four bytes, a byte of another text may become two in JSON, and what surrounds them takes less than 300.
const LISTED: usize = 4 * NAME_MAX + 2 * (2 * LISTED_TEXT + LISTED_DRIVER) + 300;
// Beside the list, a welcome holds the names of machine and user, and little else.
const _: () = assert!(TERMINALS_MAX * LISTED + 2 * 4 * NAME_MAX + 500 < MESSAGE_MAX);

/// Terminals that have ended in one page of the history.
pub const PAST_AT_ONCE: usize = 32;
// A name, at most four bytes a character; a folder, of which each byte may become six in JSON; numbers and fields.
const _: () = assert!(PAST_AT_ONCE * (4 * NAME_MAX + 6 * LISTED_TEXT + 450) < MESSAGE_MAX);
/// Terminals that have ended and are kept at a time, whatever their size: more make the agent's memory large and its start long.
pub const PAST_MAX: usize = 4096;
/// What a record of a few bytes takes of what a stream that plays a terminal may bring: its seal and frame, and its place in memory.
pub const PLAYED_SMALL: u32 = 64;

/// What all terminals that have ended may take on the disk, in bytes; those that ended first are removed.
pub const HISTORY_TOTAL: u64 = 1024 * 1024 * 1024;
/// How often what is kept too long is looked for.
pub const HISTORY_SWEEP: Duration = Duration::from_secs(3600);

/// How often `lanyard record --follow` looks for more.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// Characters in a line of what `lanyard history show` shows; a longer one is broken.
pub const PLAIN_LINE_MAX: usize = 16 * 1024;

/// How long `lanyard rotate` waits for the relay or a device to take new keys.
pub const ROTATE_WAIT: Duration = Duration::from_secs(10);
/// Noise keys that were replaced and still open sessions.
pub const NOISE_KEYS_BEFORE: usize = 4;
/// How soon after its last change of keys, which it has not used yet, a device may bring others while the session that brought them stands.
pub const REKEY_AGAIN: Duration = Duration::from_secs(60);
/// Devices and tokens in one part of the list of who has access.
pub const LISTED_AT_ONCE: usize = 32;
// A device: its name, at most four bytes a character, every scope, a folder, an address; a token: a name, a folder. In JSON, with their fields.
const _: () = assert!(
    LISTED_AT_ONCE * (4 * NAME_MAX + 2 * LISTED_TEXT + 700 + 4 * NAME_MAX + 400) < MESSAGE_MAX
);
/// Bytes of replies on a `devices` stream that may wait for a viewer that does not read before it may ask for more.
pub const REPLIES_WAITING_MAX: usize = 64 * 1024;
/// Tokens for `devices` that one device may have at a time: a page needs one, and another while it takes its place.
pub const DEVICES_LEASES: usize = 8;
/// Devices that were ended and are remembered one by one. Of more, only how high their epochs went.
pub const ENDED_MAX: usize = 256;
/// Bytes of the folder that a share is bound to: shorter than what the list shows of a terminal's folder, so that one decides on the other.
pub const ROOT_MAX: usize = 128;
const _: () = assert!(ROOT_MAX < LISTED_TEXT);
/// The shortest share.
pub const SHARE_MIN: Duration = Duration::from_secs(60);
/// The longest share.
pub const SHARE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest time, other than for ever, for which an orphan may wait or what has ended may be kept.
pub const SPAN_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a starting agent waits for the holders it finds. Who takes longer is taken in when it answers.
pub const HOLDERS_WAIT: Duration = Duration::from_secs(2);
/// How often a holder is looked for that is only just starting.
pub const HOLDER_LOOK: Duration = Duration::from_millis(20);
/// As much of an id as a table shows: it tells a few dozen apart and can be typed.
pub const LISTED_ID: usize = 8;
/// Between two columns.
pub const COLUMN_GAP: usize = 2;
/// What a table has room for when nobody looks at it.
pub const ANY_WIDTH: usize = usize::MAX;
/// How often a list that is watched is drawn again.
pub const WATCH_EVERY: Duration = Duration::from_secs(1);
/// An acknowledgement of input waits so long for output to travel with: a key's echo, most times. Alone it would cost as much as the echo.
pub const ACK_WAITS: Duration = Duration::from_millis(5);
/// When a device was last seen is known to this.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);
/// A grant is replaced by a younger one when it is used this long after its issue.
pub const GRANT_SLIDES_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How often sessions that stand are looked at for grants and keys to replace.
pub const SESSIONS_LOOK_EVERY: Duration = Duration::from_secs(3600);
/// Leases that end within this time are looked at together.
pub const LEASE_LOOK_AHEAD: Duration = Duration::from_secs(5);
/// How far behind the latest known time the wall clock may be.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// How long an agent waits after another one with its identity took its place: two that fight would end each other for ever.
pub const AFTER_REPLACED: Duration = Duration::from_secs(60);
/// The longest time in which nothing is looked at.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How long a pairing link waits for the relay to take it in.
pub const PAIR_TIME: Duration = Duration::from_secs(10);
/// A line from an owner's command: a line for a shell, of which every byte may become six in JSON, and what goes with it.
pub const OWNER_LINE: u64 = 6 * (ASKED_LINE_MAX as u64) + 64 * 1024;
/// How long a line may run that was asked for at this machine: for as long as anybody waits for it.
pub const RUN_TIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Bytes of a line that is asked about.
pub const ASKED_LINE_MAX: usize = 32 * 1024;
/// Bytes of a card as it is sent: one message of a session holds it whole.
pub const CARD_MAX: usize = MESSAGE_MAX - 200;
/// What a coding agent says to its hook; a command that is asked about is far shorter.
pub const HOOK_INPUT_MAX: u64 = 16 * 1024 * 1024;
/// A coding agent's settings.
pub const HOOK_SETTINGS_MAX: u64 = 4 * 1024 * 1024;
/// How long a coding agent waits for its hook: the longest that a request can wait by default, and a little more.
pub const HOOK_TIME: Duration = Duration::from_secs(31 * 60);
/// How long whoever reads what the agent says has for the rest of it when it ends.
pub const LAST_WORDS: Duration = Duration::from_secs(1);
/// Requests for approval that wait at a time.
pub const APPROVALS_MAX: usize = 256;
/// Requests that have ended and whose end is still told to whoever answers late.
pub const SETTLED_MAX: usize = 1024;
/// One line of the audit log. Bytes.
pub const AUDIT_LINE_MAX: usize = 512 * 1024;
/// Rules for a time that stand at a time.
pub const GRANTED_MAX: usize = 10;
/// Bytes of the rules that one answer can let stand.
pub const GRANTED_RULES_MAX: usize = 2048;
/// Folders of which it is known whether they are trusted.
pub const TRUSTED_MAX: usize = 1024;
/// One file of the audit log. Bytes; the next one begins behind it.
pub const AUDIT_SEGMENT: u64 = 4 * 1024 * 1024;
/// Files of the audit log that are looked at.
pub const AUDIT_SEGMENTS_MAX: usize = 4096;
/// What the audit log may take on the disk, in bytes. Its oldest files go first.
pub const AUDIT_TOTAL: u64 = 256 * 1024 * 1024;
/// The shortest time for which the audit log is kept.
pub const AUDIT_KEPT_MIN: Duration = Duration::from_secs(24 * 3600);
/// It is known where every so many-th line of the audit log stands.
pub const AUDIT_INDEX_EVERY: u64 = 64;
/// So many lines of the audit log may stand without the machine's signature behind them.
pub const AUDIT_UNSIGNED_MAX: u64 = 64;
/// For so long.
pub const AUDIT_UNSIGNED_TIME: Duration = Duration::from_secs(60);
/// Lines about sessions and tokens that may come at once.
pub const AUDIT_BURST: u32 = 2000;
/// How soon there is room for another of them.
pub const AUDIT_EVERY: Duration = Duration::from_secs(2);
/// Lines of the audit log that are read at a time.
pub const AUDIT_PAGE: u64 = 200;
/// Bytes of them, if it is more than one.
pub const AUDIT_PAGE_BYTES: usize = 128 * 1024;
/// Bytes of them in one record: in JSON each may become two.
pub const AUDIT_PIECE: usize = 24 * 1024;
/// Notices a slow listener on the owner's socket may be behind.
pub const OWNER_BACKLOG: usize = 64;
/// How long accepting on the owner's socket pauses when it failed.
pub const OWNER_PAUSE: Duration = Duration::from_secs(1);
/// Ancestors of a caller that are looked at. More generations than any process tree has.
pub const GENERATIONS: usize = 64;
/// A line that comes sooner than this after the question changed was meant for the one before.
pub const TOO_SOON: Duration = Duration::from_secs(1);
/// Links that one path may go through, as for the kernel.
pub const LINKS_MAX: usize = 40;
/// Of a line that is too long to answer, so much is shown. Bytes.
pub const SHOWN_MAX: usize = 1024;
/// One line of `lanyard policy check`. Bytes: a command of 1 MiB of which every byte is escaped.
pub const CHECK_LINE_MAX: usize = 8 * 1024 * 1024;
/// Names that the patterns of one command may stand for.
pub const NAMES_MAX: usize = 10_000;
/// Bytes of them: fewer than the sandbox and the kernel take of arguments.
pub const NAMES_BYTES_MAX: usize = 768 * 1024;
/// Names in folders that are looked at for the patterns of one command.
pub const LOOKED_AT_MAX: usize = 200_000;
/// Bytes of a sentence about a command that does not run. So much a pipe takes at once or not at all (`PIPE_BUF`).
pub const SENTENCE_MAX: usize = 4096;
/// Bytes of a pipe that are gathered for a program which begins at the end of its input.
pub const WHOLE_INPUT_MAX: usize = 64 * 1024 * 1024;
