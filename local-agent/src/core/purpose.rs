//! Streams for one purpose: a token opened each, and the present permit is asked at every use.
//!
//! What is common to all of them is here; what a stream of one purpose takes and gives is in the file of that purpose.

mod acks;
mod answering;
mod devices;
mod reserved;
mod typing;
mod view;
mod wheel;

use super::Core;
use crate::audit::Event;
use crate::limits::INPUT_WINDOW;
use answering::ApproveStream;
use bytes::Bytes;
use devices::DevicesStream;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Origin, StreamId};
use lanyard_shared::ids::{DeviceId, TerminalId, TokenId};
use lanyard_shared::limits::TAG;
use lanyard_shared::link::Link;
use lanyard_shared::msg::Wanted;
use lanyard_shared::record::{AgentRecord, OUTPUT_OVERHEAD, ViewerRecord};
use lanyard_shared::seal::{Direction, Opener, Sealer};
use lanyard_shared::time::{Mono, Now, UnixMs};
use lanyard_shared::token::{self, AnyPermit, Expected};
use reserved::ReservedStream;
use std::collections::VecDeque;
use std::time::Duration;
use typing::TerminalStream;
use view::ViewStream;

/// One such stream.
pub(super) struct PurposeStream {
    jti: TokenId,
    session: StreamId,
    sealer: Sealer,
    opener: Opener,
    waiting: VecDeque<AgentRecord>,
    kind: Kind,
}

/// What a stream does. Each holds the permit of its own purpose.
enum Kind {
    View(ViewStream),
    Terminal(TerminalStream),
    Devices(DevicesStream),
    Approve(ApproveStream),
    Reserved(ReservedStream),
}

impl Core {
    /// A viewer opens a stream with a token. It stands only if the token verifies and its lease waits for it.
    pub(super) fn open_purpose(
        &mut self,
        stream: StreamId,
        origin: Origin,
        raw: &str,
        now: Now,
    ) -> Result<(), CloseCode> {
        let device = DeviceId::of_key(&origin.device);
        let epoch = self
            .devices
            .get(device)
            .ok_or(CloseCode::UnknownDevice)?
            .epoch;
        let conn = Some(origin.conn);
        let expected = Expected {
            agent: self.agent,
            device,
            conn,
            epoch,
            early: Duration::ZERO,
        };
        let permit =
            token::verify_any(now.unix, raw, &self.signer.keys(), &expected).map_err(|fault| {
                tracing::info!(stream, fault = fault.name(), "token refused");
                CloseCode::from(fault)
            })?;
        permit
            .opens(now.unix)
            .map_err(|_| CloseCode::TokenRefused)?;
        let claims = *permit.claims();
        let jti = claims.id;
        let lease = self.leases.get(jti).ok_or(CloseCode::TokenRefused)?;
        // Whoever has stolen the signer could give a token of its own a wider purpose or a longer life: it must be the one that was minted.
        let as_minted = lease.device == device
            && lease.conn == origin.conn
            && lease.purpose().kind() == permit.purpose()
            && lease.issued.secs() == claims.issued
            && lease.expires == claims.expires_at();
        if !as_minted {
            return Err(CloseCode::TokenRefused);
        }
        let (wanted, session) = (lease.wanted.clone(), lease.session);
        let mut secret = None;
        self.leases
            .update(jti, |lease| secret = lease.secret.take());
        let secret = secret.ok_or(CloseCode::TokenUsed)?;
        self.leases.update(jti, |lease| lease.stream = Some(stream));
        let kind = Kind::new(permit, &wanted).ok_or(CloseCode::TokenRefused)?;
        let purpose = PurposeStream {
            jti,
            session,
            sealer: Sealer::new(&secret, jti, Direction::ToViewer),
            opener: Opener::new(&secret, jti, Direction::ToAgent),
            waiting: VecDeque::new(),
            kind,
        };
        self.purposes.insert(stream, purpose);
        if let Some(link) = &mut self.link {
            link.accept(stream, INPUT_WINDOW, &[]);
        }
        Ok(())
    }

    /// Whether a stream has come to its opening: one on which nothing was ever heard is not renewed.
    pub(super) fn is_open(&self, stream: StreamId) -> bool {
        self.purposes
            .get(&stream)
            .is_some_and(|purpose| purpose.kind.is_open())
    }

    /// Takes one sealed record.
    pub(super) fn purpose_data(&mut self, stream: StreamId, data: Bytes, cost: u32, now: Now) {
        if let Err(code) = self.purpose_record(stream, data, cost, now) {
            let jti = self.purposes.get(&stream).map(|purpose| purpose.jti);
            tracing::info!(stream, reason = code.name(), "stream ended");
            if let Some(jti) = jti {
                self.end_lease(jti, code);
            }
        }
    }

    fn purpose_record(
        &mut self,
        stream: StreamId,
        data: Bytes,
        cost: u32,
        now: Now,
    ) -> Result<(), CloseCode> {
        let purpose = self.purposes.get_mut(&stream).ok_or(CloseCode::Internal)?;
        let plain = purpose.opener.open_bytes(data)?;
        let record = ViewerRecord::decode(&plain).ok_or(CloseCode::Malformed)?;
        if let Some(talk) = self.talks.get_mut(&purpose.session) {
            talk.heard = now.mono;
        }
        self.leases.touch(purpose.jti, now.unix);
        match purpose.kind {
            Kind::View(_) => self.view_record(stream, record, cost, now),
            Kind::Terminal(_) => self.typing_record(stream, record, cost, now),
            Kind::Devices(_) => self.devices_record(stream, record, cost, now),
            Kind::Approve(_) => self.approve_record(stream, &record, cost, now),
            Kind::Reserved(_) => self.reserved_record(stream, &record, cost, now),
        }
    }

    fn note_presence(&mut self, stream: StreamId, now: Mono) {
        if let Some(talk) = self
            .session_of(stream)
            .and_then(|session| self.talks.get_mut(&session))
        {
            talk.present = Some(now);
        }
    }

    /// The session that opened a stream.
    pub(super) fn session_of(&self, stream: StreamId) -> Option<StreamId> {
        self.purposes.get(&stream).map(|purpose| purpose.session)
    }

    fn give_back(&mut self, stream: StreamId, cost: u32) {
        if let Some(link) = &mut self.link {
            link.grant(stream, cost);
        }
    }

    pub(super) fn send_record(&mut self, stream: StreamId, record: AgentRecord) {
        if let Some(purpose) = self.purposes.get_mut(&stream) {
            purpose.push(record);
            self.flush_purpose(stream);
        }
    }

    /// Seals and sends what the viewer takes, then asks the watch for more.
    pub(super) fn flush_purpose(&mut self, stream: StreamId) {
        let (Some(purpose), Some(link)) = (self.purposes.get_mut(&stream), &mut self.link) else {
            return;
        };
        if let Err(code) = purpose.flush(stream, link) {
            let jti = purpose.jti;
            return self.end_lease(jti, code);
        }
        if purpose.is_played_out(link.room(stream) as usize) {
            // Not said in the session too: there it could overtake what is still on its way here.
            return self.finish_purpose(stream, &CloseCode::Done.into());
        }
        self.pull(stream);
    }

    /// Says the last word, sealed, then closes: `end_lease` is the way here.
    pub(super) fn finish_purpose(&mut self, stream: StreamId, close: &Close) {
        if let (Some(purpose), Some(link)) = (self.purposes.get_mut(&stream), &mut self.link) {
            // What there is room for still goes: the last input may have been applied a moment ago.
            let _ = purpose.flush(stream, link);
            purpose.waiting.clear();
            purpose.waiting.push_back(AgentRecord::End(close.clone()));
            // Without room for it the viewer sees an unsealed close, "cut", and asks again.
            let _ = purpose.flush(stream, link);
            link.close(stream, close.clone());
        }
        self.end_purpose(stream);
    }

    /// Forgets a stream and its lease; the viewer closed it or the link is gone.
    pub(super) fn end_purpose(&mut self, stream: StreamId) {
        let Some(purpose) = self.purposes.remove(&stream) else {
            return;
        };
        if let Some(lease) = self.leases.remove(purpose.jti) {
            self.record(Event::Ended {
                jti: lease.jti,
                why: CloseCode::Done.sentence().to_owned(),
            });
        }
        match purpose.kind {
            Kind::View(view) => self.view_ended(stream, &view),
            Kind::Terminal(typist) => self.typing_ended(stream, typist.terminal),
            Kind::Devices(_) | Kind::Approve(_) | Kind::Reserved(_) => {}
        }
    }

    /// Takes a renewed token into the permit that its stream asks.
    pub(super) fn renew_permit(
        &mut self,
        stream: StreamId,
        raw: &str,
        epoch: u32,
        now: UnixMs,
    ) -> Result<(), CloseCode> {
        let keys = self.signer.keys();
        let purpose = self.purposes.get_mut(&stream).ok_or(CloseCode::Internal)?;
        let renewed = match &mut purpose.kind {
            Kind::View(view) => view.permit.renew(now, raw, &keys, epoch),
            Kind::Terminal(typist) => typist.permit.renew(now, raw, &keys, epoch),
            Kind::Devices(devices) => devices.permit.renew(now, raw, &keys, epoch),
            Kind::Approve(approve) => approve.permit.renew(now, raw, &keys, epoch),
            Kind::Reserved(reserved) => reserved.permit.renew(now, raw, &keys, epoch),
        };
        renewed.map_err(|_| CloseCode::TokenRefused)
    }
}

impl Kind {
    /// A stream that has just been opened with this permit. `None` when the lease is for another purpose than the token.
    fn new(permit: AnyPermit, wanted: &Wanted) -> Option<Self> {
        Some(match (permit, wanted) {
            (AnyPermit::View(permit), Wanted::View { terminal }) => {
                Self::View(ViewStream::new(permit, *terminal))
            }
            (AnyPermit::Terminal(permit), Wanted::Terminal { terminal }) => {
                Self::Terminal(TerminalStream::new(permit, *terminal))
            }
            (AnyPermit::Devices(permit), Wanted::Devices {}) => {
                Self::Devices(DevicesStream::new(permit))
            }
            (AnyPermit::Approve(permit), Wanted::Approve { request }) => {
                Self::Approve(ApproveStream::new(permit, *request))
            }
            (
                permit @ (AnyPermit::FilesRead(_)
                | AnyPermit::Run(_)
                | AnyPermit::FilesWrite(_)
                | AnyPermit::Prompt(_)),
                wanted,
            ) if permit.purpose() == wanted.scope().kind() => {
                Self::Reserved(ReservedStream::new(permit))
            }
            (_, _) => return None,
        })
    }

    fn is_open(&self) -> bool {
        match self {
            Self::View(view) => view.open,
            Self::Terminal(typist) => typist.writer.is_some(),
            Self::Devices(devices) => devices.open,
            Self::Approve(approve) => approve.open,
            Self::Reserved(reserved) => reserved.open,
        }
    }
}

impl PurposeStream {
    /// The terminal behind it, if one is.
    fn terminal(&self) -> Option<TerminalId> {
        match &self.kind {
            Kind::View(view) => Some(view.terminal),
            Kind::Terminal(typist) => Some(typist.terminal),
            Kind::Devices(_) | Kind::Approve(_) | Kind::Reserved(_) => None,
        }
    }

    /// Whether all that is kept was played and sent, and the sealed word of it fits: an end without it would be "cut".
    fn is_played_out(&self, room: usize) -> bool {
        let played = matches!(&self.kind, Kind::View(view) if view.played);
        let end = AgentRecord::End(CloseCode::Done.into());
        played && self.waiting.is_empty() && cost(&end) <= room
    }

    /// Queues a record. Of those that only say how things stand now, the last one of its kind is enough: a viewer that gives no credit fills
    /// no queue with them.
    fn push(&mut self, record: AgentRecord) {
        let replaces = |last: &AgentRecord| {
            matches!(
                (last, &record),
                (AgentRecord::Applied(_), AgentRecord::Applied(_))
                    | (AgentRecord::Driver(_), AgentRecord::Driver(_))
                    | (AgentRecord::Size(_), AgentRecord::Size(_))
                    | (AgentRecord::At(_), AgentRecord::At(_))
            )
        };
        if self.waiting.back().is_some_and(replaces) {
            self.waiting.pop_back();
        }
        self.waiting.push_back(record);
    }

    fn flush(&mut self, stream: StreamId, link: &mut Link) -> Result<(), CloseCode> {
        while let Some(record) = self.waiting.front() {
            if cost(record) > link.room(stream) as usize {
                break;
            }
            let mut framed = record.encode();
            self.sealer
                .seal(&mut framed, lanyard_shared::limits::FRAME_HEADER)?;
            link.send(stream, framed)?;
            self.waiting.pop_front();
        }
        Ok(())
    }
}

/// What a record takes of the stream's credit, at most.
fn cost(record: &AgentRecord) -> usize {
    match record {
        AgentRecord::Output { bytes, .. }
        | AgentRecord::SnapshotChunk(bytes)
        | AgentRecord::Reply(bytes) => bytes.len() + OUTPUT_OVERHEAD,
        AgentRecord::End(close) => 3 + close.sentence.len() + TAG,
        AgentRecord::Snapshot { .. }
        | AgentRecord::Size(_)
        | AgentRecord::Exit(_)
        | AgentRecord::At(_)
        | AgentRecord::Opened { .. }
        | AgentRecord::Applied(_)
        | AgentRecord::Driver(_)
        | AgentRecord::Ready => 32 + TAG,
    }
}
