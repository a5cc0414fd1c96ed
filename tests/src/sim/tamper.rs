//! What a hostile relay, or whoever sits on its wire, does to messages on their way.

use super::wire::{Millis, Pipe};
use bytes::{BufMut as _, Bytes, BytesMut};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Announce, Close, Frame, Open, Origin, StreamId, Target, kind};
use lanyard_shared::ids::ConnId;
use lanyard_shared::limits::FRAME_HEADER;
use std::collections::VecDeque;
use std::net::Ipv6Addr;

/// Messages that a hostile relay keeps to replay.
const KEPT: usize = 128;

/// One act on the next message of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// One of its bytes is another; the place is a share of the payload in 256ths.
    Corrupt(u8, u8),
    /// Its end is missing.
    Truncate(u8),
    /// It arrives so much later, and later messages before it.
    Hold(u16),
    /// It arrives as if it were of another stream.
    Restream(u8),
    /// An old message arrives in front of it: so many messages ago, of any link.
    Replay(u8),
    /// A frame of the relay's own making arrives in front of it.
    Forge(Forgery),
}

/// A frame that nobody honest sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Bytes that may be no frame.
    Garbage(Vec<u8>),
    /// A close of a stream, or of the link for 0, with any code.
    Close(u8, u16),
    /// Credit.
    Credit(u8, u32),
    /// Opaque bytes.
    Data(u8, Vec<u8>),
    /// A stream stands.
    Accept(u8, u32),
    /// A stream with a token that is none, of any link and device.
    Open(u8),
    /// The machine is back.
    Wake,
    /// The agent's state, emptied.
    Announce,
}

/// What waits for the next message of one way.
#[derive(Default)]
pub struct Armed(VecDeque<Tamper>);

impl Armed {
    /// One act more.
    pub fn add(&mut self, tamper: Tamper) {
        self.0.push_back(tamper);
    }

    /// Sends a message, with everything that waits for it done to it.
    pub fn send(&mut self, message: Bytes, at: Millis, pipe: &mut Pipe, kept: &mut Kept) {
        let mut message = Some(message);
        let mut late = None;
        if let Some(message) = &message {
            kept.keep(message.clone());
        }
        while let Some(tamper) = self.0.pop_front() {
            match tamper {
                Tamper::Drop => message = None,
                Tamper::Duplicate => {
                    if let Some(message) = &message {
                        pipe.push(message.clone(), at);
                    }
                }
                Tamper::Corrupt(place, mask) => {
                    message = message.map(|message| corrupt(&message, place, mask))
                }
                Tamper::Truncate(by) => {
                    message = message
                        .map(|message| message.slice(..message.len().saturating_sub(by.into())))
                }
                Tamper::Hold(by) => late = Some(at + Millis::from(by)),
                Tamper::Restream(by) => {
                    message = message.map(|message| restream(&message, by));
                }
                Tamper::Replay(ago) => {
                    if let Some(old) = kept.get(ago) {
                        pipe.push(old, at);
                    }
                }
                Tamper::Forge(forgery) => pipe.push(forgery.encode(), at),
            }
        }
        match (message, late) {
            (Some(message), Some(late)) => pipe.push_late(message, late),
            (Some(message), None) => pipe.push(message, at),
            (None, _) => {}
        }
    }
}

/// Messages that went by.
#[derive(Default)]
pub struct Kept(VecDeque<Bytes>);

impl Kept {
    fn keep(&mut self, message: Bytes) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    fn get(&self, ago: u8) -> Option<Bytes> {
        let place = self.0.len().checked_sub(1 + usize::from(ago) % KEPT)?;
        self.0.get(place).cloned()
    }
}

impl Forgery {
    fn encode(&self) -> Bytes {
        let id = |stream: u8| StreamId::from(stream);
        match self {
            Self::Garbage(bytes) => Bytes::copy_from_slice(bytes),
            Self::Close(stream, code) => {
                let close = Close {
                    code: CloseCode::from_number(*code),
                    sentence: "forged".into(),
                };
                Frame::Close(id(*stream), close).encode()
            }
            Self::Credit(stream, amount) => Frame::Credit(id(*stream), *amount).encode(),
            Self::Data(stream, bytes) => {
                let mut frame = BytesMut::new();
                frame.put_u32(id(*stream));
                frame.put_u8(kind::DATA);
                frame.put_slice(bytes);
                frame.freeze()
            }
            Self::Accept(stream, credit) => {
                let (credit, versions) = (*credit, Vec::new());
                Frame::Accept(id(*stream), Accept { credit, versions }).encode()
            }
            Self::Open(stream) => {
                let open = Open {
                    target: Target::Purpose("e30.e30.e30".into()),
                    credit: 1 << 20,
                    versions: Vec::new(),
                    origin: Some(Origin {
                        conn: ConnId([*stream; 16]),
                        device: [*stream; 32],
                        from: Ipv6Addr::LOCALHOST,
                    }),
                    first: Bytes::new(),
                };
                Frame::Open(id(*stream), open).encode()
            }
            Self::Wake => Frame::Wake.encode(),
            Self::Announce => Frame::Announce(Announce::default()).encode(),
        }
    }
}

fn corrupt(message: &Bytes, place: u8, mask: u8) -> Bytes {
    let mut bytes = message.to_vec();
    let payload = bytes.len().saturating_sub(FRAME_HEADER);
    let at = FRAME_HEADER + payload * usize::from(place) / 256;
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask.max(1);
    }
    bytes.into()
}

fn restream(message: &Bytes, by: u8) -> Bytes {
    let mut bytes = message.to_vec();
    if let Some(byte) = bytes.get_mut(3) {
        *byte = byte.wrapping_add(by.max(1));
    }
    bytes.into()
}
