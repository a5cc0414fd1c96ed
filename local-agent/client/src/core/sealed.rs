//! The viewer's end of a purpose stream: sealed records both ways, credit for what was consumed.

use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{StreamId, Target};
use lanyard_shared::ids::TokenId;
use lanyard_shared::limits::{FRAME_HEADER, TAG};
use lanyard_shared::link::Link;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::seal::{Direction, Opener, Sealer, StreamSecret};
use lanyard_shared::time::UnixMs;

/// One such stream: its token is spent with it.
pub(super) struct Sealed {
    stream: StreamId,
    jti: TokenId,
    /// When the present token stops working, by the machine's clock.
    pub expires: UnixMs,
    accepted: bool,
    sealer: Sealer,
    opener: Opener,
    /// Bytes consumed that the agent has no credit for yet.
    owed: u32,
    window: u32,
}

/// What `minted` brings.
pub(super) struct Minted {
    pub jti: TokenId,
    pub token: String,
    pub secret: StreamSecret,
    pub expires: UnixMs,
}

impl Sealed {
    /// Opens a stream with a token and its first record, ready to receive `credit` bytes of a whole window of `window`.
    pub fn open(
        link: &mut Link,
        minted: Minted,
        opening: &ViewerRecord,
        credit: u32,
        window: u32,
    ) -> Result<Self, CloseCode> {
        let mut sealer = Sealer::new(&minted.secret, minted.jti, Direction::ToAgent);
        let mut framed = opening.encode();
        sealer.seal(&mut framed, FRAME_HEADER)?;
        let first = framed.freeze().slice(FRAME_HEADER..);
        let target = Target::Purpose(minted.token);
        let stream = link.open(target, credit, &[], first);
        Ok(Self {
            stream: stream.ok_or(CloseCode::TooManyStreams)?,
            jti: minted.jti,
            expires: minted.expires,
            accepted: false,
            sealer,
            opener: Opener::new(&minted.secret, minted.jti, Direction::ToViewer),
            owed: 0,
            window,
        })
    }

    pub fn stream(&self) -> StreamId {
        self.stream
    }

    pub fn jti(&self) -> TokenId {
        self.jti
    }

    /// Whether the agent has accepted the stream.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The agent accepted the stream.
    pub fn accepted(&mut self, link: &mut Link) {
        self.accepted = true;
        self.consumed(link, 0);
    }

    /// Seals a record and sends it, if there is room for it now. False when there is none; the record was not numbered then.
    pub fn send(&mut self, link: &mut Link, record: &ViewerRecord) -> Result<bool, CloseCode> {
        let mut framed = record.encode();
        if !self.accepted || framed.len() - FRAME_HEADER + TAG > link.room(self.stream) as usize {
            return Ok(false);
        }
        self.sealer.seal(&mut framed, FRAME_HEADER)?;
        link.send(self.stream, framed)?;
        Ok(true)
    }

    /// Opens one record.
    pub fn read(&mut self, data: Bytes) -> Result<AgentRecord, CloseCode> {
        let plain = self.opener.open_bytes(data)?;
        AgentRecord::decode(&plain).ok_or(CloseCode::Malformed)
    }

    /// So many bytes of payload were consumed; the agent gets credit for them in steps.
    pub fn consumed(&mut self, link: &mut Link, bytes: u32) {
        self.owed = self.owed.saturating_add(bytes);
        if self.accepted && self.owed >= self.window / 8 {
            link.grant(self.stream, std::mem::take(&mut self.owed));
        }
    }
}
