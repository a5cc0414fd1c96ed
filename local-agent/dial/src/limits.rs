//! Every bound of dialling and of files that hold secrets, in one place. Lengths are bytes.

use lanyard_shared::limits::FRAME_MAX;
use std::time::Duration;

/// From a name to a WebSocket.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long the last words to a relay may take: it may be gone.
pub const FINISH_TIME: Duration = Duration::from_secs(1);
/// Addresses of one host that are tried.
pub const ADDRESSES_MAX: usize = 8;
/// An address that has not answered by then is tried on beside the next one: what RFC 8305 recommends.
pub const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// The head of a proxy's answer.
pub const PROXY_HEAD_MAX: usize = 8 * 1024;
/// Read buffer of a WebSocket.
pub const READ_BUFFER: usize = 16 * 1024;
/// Frames are gathered up to this size, one TLS record, before they go out: what is ready together travels together.
pub const WRITE_BUFFER: usize = 16 * 1024;
/// What may wait to be written: what was gathered, one frame that a slow socket left behind, and the next.
pub const WRITE_BUFFER_MAX: usize = WRITE_BUFFER + 2 * FRAME_MAX;
/// What is shown of a refusal that is not a WebSocket.
pub const REFUSAL_SHOWN: usize = 200;

/// What is heard of the network at once.
pub const NETLINK_BUFFER: usize = 16 * 1024;
/// A network changes in many steps; this long after the first one they count as one change.
pub const CHANGE_SETTLES: Duration = Duration::from_millis(500);
/// Changes are not told of more often: each may mean a dial without a wait.
pub const CHANGE_AGAIN: Duration = Duration::from_secs(5);
/// How often the clock is looked at for a sleep.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A look that is this late was held up by a sleep of the machine.
pub const SLEPT: Duration = Duration::from_secs(3);

/// A private file larger than this is not one of ours.
pub const PRIVATE_FILE_MAX: u64 = 1 << 20;
