//! What a peer did that ends its link.

use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{FrameError, StreamId};
use lanyard_shared::token::SignerFault;

/// The peer at the other end of a link broke the protocol. The name goes to the log, the code to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerMisbehaved {
    /// Not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A text message.
    #[error("a text message came")]
    Text,
    /// The WebSocket below broke its own rules.
    #[error("the WebSocket protocol was broken")]
    WebSocket,
    /// A frame that this party never sends.
    #[error("a {0} frame has no place here")]
    OutOfPlace(&'static str),
    /// An open with an id that is not above all earlier ones.
    #[error("stream {0} was opened out of order")]
    StreamReused(StreamId),
    /// A frame for a stream that was never opened.
    #[error("stream {0} was never opened")]
    UnknownStream(StreamId),
    /// Data or credit before the accept, or a second accept.
    #[error("a {1} frame came for stream {0} out of turn")]
    OutOfTurn(StreamId, &'static str),
    /// Data beyond the credit, or credit beyond the limit.
    #[error("stream {0} went beyond its credit")]
    CreditExceeded(StreamId),
    /// An announced signer is not the agent's.
    #[error("an announced signer was refused: {0}")]
    Signer(#[from] SignerFault),
    /// It does not read what it asks for.
    #[error("too much waits for a peer that does not read")]
    NotReading,
}

impl From<PeerMisbehaved> for CloseCode {
    fn from(fault: PeerMisbehaved) -> Self {
        match fault {
            PeerMisbehaved::Frame(error) => error.into(),
            PeerMisbehaved::Text | PeerMisbehaved::WebSocket => Self::Malformed,
            PeerMisbehaved::OutOfPlace(_) | PeerMisbehaved::OutOfTurn(..) => Self::UnexpectedFrame,
            PeerMisbehaved::StreamReused(_) => Self::StreamReused,
            PeerMisbehaved::UnknownStream(_) => Self::UnknownStream,
            PeerMisbehaved::CreditExceeded(_) => Self::CreditExceeded,
            PeerMisbehaved::Signer(_) => Self::ProofRefused,
            PeerMisbehaved::NotReading => Self::Busy,
        }
    }
}

/// The name of a frame's kind, for a fault.
#[must_use]
pub fn name(frame: &lanyard_shared::frame::Frame) -> &'static str {
    use lanyard_shared::frame::Frame;
    match frame {
        Frame::Challenge(_) => "challenge",
        Frame::Proof(_) => "proof",
        Frame::Enrol(_) => "enrol",
        Frame::Welcome(_) => "welcome",
        Frame::Announce(_) => "announce",
        Frame::Ping(_) => "ping",
        Frame::Pong(_) => "pong",
        Frame::Wake => "wake",
        Frame::Rotate(_) => "rotate",
        Frame::Open(..) => "open",
        Frame::Accept(..) => "accept",
        Frame::Data(..) => "data",
        Frame::Credit(..) => "credit",
        Frame::Renew(..) => "renew",
        Frame::Close(..) => "close",
    }
}
