//! The protocol between a holder and its connections, free of IO.
//!
//! A message is `length u32 | kind u8 | body`, big-endian; the length counts kind and body and is at most
//! [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES). The first message of a connection is [`FromClient::Hello`]; both sides then
//! speak its version. A holder that does not know it answers with [`Refusal::Version`] and closes, and the client comes again with an older one. The
//! layout of `hello` and `refused` never changes, so that versions can tell each other.
//!
//! Output carries absolute offsets: byte 0 is the first one the PTY ever gave. History below [`Welcome::head`] is a
//! replay: a viewer feeds it to its terminal but must drop what its terminal answers to queries in it (cursor position, device
//! attributes), or a shell would be typed an answer nobody waits for. Snapshots hold no queries at all.

mod codec;
mod message;
mod refusal;

pub use codec::{Decoder, Message};
pub use message::{ExitStatus, FromClient, FromHolder, Kind, Welcome};
pub use refusal::Refusal;

/// Version that a client of this build offers first. 2 brought [`FromClient::OrphanAfter`]; all else is as in 1.
pub const VERSION: u16 = 2;

/// The oldest version still spoken, by both sides: an agent takes over what an older program holds, and an agent that runs on while its
/// program is replaced starts holders that are newer than itself.
pub const OLDEST: u16 = 1;

/// Whether this build speaks it.
pub(crate) fn is_spoken(version: u16) -> bool {
    (OLDEST..=VERSION).contains(&version)
}

/// A message that cannot be. The connection that brought it is beyond repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The length prefix is above [`crate::limits::MESSAGE_BYTES`].
    #[error("a message of {0} bytes is too long")]
    TooLong(u32),
    /// A message without even a kind.
    #[error("an empty message")]
    Empty,
    /// A kind that this version does not know.
    #[error("unknown message kind {0}")]
    UnknownKind(u8),
    /// The body ends too early.
    #[error("message kind {0} is cut short")]
    CutShort(u8),
    /// Bytes after the end of the body.
    #[error("message kind {0} has bytes left over")]
    LeftOver(u8),
    /// A value that is not allowed where it stands.
    #[error("message kind {0} holds a value out of bounds")]
    OutOfBounds(u8),
}
