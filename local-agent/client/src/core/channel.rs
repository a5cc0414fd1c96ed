//! The viewer's end of a stream in which Noise runs: the handshake, and whole messages under it.

use super::Party;
use crate::limits::{CHANNEL_WAITING_MAX, CHANNEL_WINDOW, SETUP_TIME};
use bytes::BytesMut;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, StreamId, Target};
use lanyard_shared::ids::ConnId;
use lanyard_shared::limits::{FRAME_HEADER, SESSION_VERSIONS};
use lanyard_shared::link::Link;
use lanyard_shared::msg;
use lanyard_shared::noise::{AwaitingReply, Initiator, Prologue, Psk, Session};
use lanyard_shared::proof::common_version;
use lanyard_shared::time::Mono;
use serde::Serialize;
use std::collections::VecDeque;

/// One such stream.
pub(super) struct Channel {
    stream: StreamId,
    phase: Phase,
    since: Mono,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
}

enum Phase {
    /// No accept yet. Message 1 went with the open; it counts if the agent speaks the versions that we do.
    Opening(Box<AwaitingReply>),
    /// Message 1 has arrived, or will.
    AwaitingReply(Box<AwaitingReply>),
    Standing(Box<Session>),
    /// Something failed; about to be closed.
    Over,
}

/// What a message of the agent was.
pub(super) enum Heard {
    /// Message 2, with its payload. The channel stands.
    Established(Vec<u8>),
    /// A transport message.
    Message(Vec<u8>),
}

/// Who speaks on it, and over which link. With a `psk` it is a pairing.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub party: &'a Party,
    pub conn: ConnId,
    pub psk: Option<&'a Psk>,
}

impl Ends<'_> {
    /// Message 1, for an agent that speaks these versions.
    fn begin(&self, agent_versions: &[u16]) -> Result<(Vec<u8>, Box<AwaitingReply>), CloseCode> {
        let prologue = Prologue {
            agent: self.party.agent,
            conn: self.conn,
            viewer_versions: SESSION_VERSIONS,
            agent_versions,
        };
        let Party { noise, remote, .. } = self.party;
        let (message1, awaiting) = match self.psk {
            Some(psk) => Initiator::pair(&prologue, noise, remote, psk)?,
            None => Initiator::session(&prologue, noise, remote)?,
        };
        Ok((message1, Box::new(awaiting)))
    }
}

impl Channel {
    /// Opens the stream, and the handshake with it. `None` when the link has no room for one more.
    pub fn open(
        link: &mut Link,
        target: Target,
        ends: Ends<'_>,
        now: Mono,
    ) -> Result<Option<Self>, CloseCode> {
        let (message1, awaiting) = ends.begin(SESSION_VERSIONS)?;
        let opened = link.open(target, CHANNEL_WINDOW, SESSION_VERSIONS, message1.into());
        Ok(opened.map(|stream| Self {
            stream,
            phase: Phase::Opening(awaiting),
            since: now,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }))
    }

    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// When it was opened.
    pub fn since(&self) -> Mono {
        self.since
    }

    /// True once message 2 has verified.
    pub fn stands(&self) -> bool {
        matches!(self.phase, Phase::Standing(_))
    }

    /// When to give up, unless it stands.
    pub fn deadline(&self) -> Option<Mono> {
        (!self.stands()).then_some(self.since + SETUP_TIME)
    }

    /// The session, once it stands.
    pub fn session(&self) -> Option<&Session> {
        match &self.phase {
            Phase::Standing(session) => Some(session),
            Phase::Opening(_) | Phase::AwaitingReply(_) | Phase::Over => None,
        }
    }

    /// The agent accepted. If it speaks other versions than was thought, message 1 goes out again.
    pub fn accepted(
        &mut self,
        link: &mut Link,
        ends: Ends<'_>,
        accept: &Accept,
    ) -> Result<(), CloseCode> {
        common_version(SESSION_VERSIONS, &accept.versions).ok_or(CloseCode::Version)?;
        let Phase::Opening(awaiting) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return Err(CloseCode::UnexpectedFrame);
        };
        if accept.versions == SESSION_VERSIONS {
            self.phase = Phase::AwaitingReply(awaiting);
            return Ok(());
        }
        let (message1, awaiting) = ends.begin(&accept.versions)?;
        self.phase = Phase::AwaitingReply(awaiting);
        link.send(self.stream, framed(&message1))
    }

    /// Takes one message of the agent and gives its credit back.
    pub fn data(&mut self, link: &mut Link, data: &[u8]) -> Result<Heard, CloseCode> {
        link.grant(self.stream, u32::try_from(data.len()).unwrap_or(0));
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::AwaitingReply(awaiting) => {
                let (session, payload) = awaiting.finish(data)?;
                self.phase = Phase::Standing(Box::new(session));
                Ok(Heard::Established(payload))
            }
            Phase::Standing(mut session) => {
                let plain = session.open(data)?;
                self.phase = Phase::Standing(session);
                Ok(Heard::Message(plain))
            }
            Phase::Opening(_) | Phase::Over => Err(CloseCode::UnexpectedFrame),
        }
    }

    /// Seals a message and sends it as soon as the agent takes it.
    pub fn say(&mut self, link: &mut Link, message: &impl Serialize) -> Result<(), CloseCode> {
        let Phase::Standing(session) = &mut self.phase else {
            return Err(CloseCode::Internal);
        };
        let sealed = session.seal(&msg::encode(message))?;
        self.waiting_bytes += sealed.len();
        self.waiting.push_back(sealed);
        if self.waiting_bytes > CHANNEL_WAITING_MAX {
            return Err(CloseCode::Busy);
        }
        self.flush(link)
    }

    /// Sends what the agent takes now.
    pub fn flush(&mut self, link: &mut Link) -> Result<(), CloseCode> {
        while let Some(message) = self.waiting.front() {
            if message.len() > link.room(self.stream) as usize {
                break;
            }
            link.send(self.stream, framed(message))?;
            self.waiting_bytes -= message.len();
            self.waiting.pop_front();
        }
        Ok(())
    }
}

fn framed(message: &[u8]) -> BytesMut {
    let mut out = BytesMut::with_capacity(FRAME_HEADER + message.len());
    out.resize(FRAME_HEADER, 0);
    out.extend_from_slice(message);
    out
}
