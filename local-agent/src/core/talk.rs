//! Streams in which Noise runs, sessions and pairings alike: the handshake, and whole messages under it.

use super::Core;
use super::devices::Device;
use super::pairing::QuestionId;
use crate::limits::{TALK_WAITING_MAX, TALK_WINDOW};
use bytes::BytesMut;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Origin, StreamId};
use lanyard_shared::ids::{ApprovalId, DeviceId, RendezvousId, TokenId};
use lanyard_shared::limits::{
    FRAME_HEADER, HANDSHAKE_TIME, HANDSHAKES_PENDING, SESSION_VERSIONS, SESSIONS_MAX,
    SESSIONS_PER_DEVICE, TAG,
};
use lanyard_shared::msg::{self, FromAgent};
use lanyard_shared::noise::{Prologue, Responder, Session, StaticKey, Unconfirmed};
use lanyard_shared::time::{Mono, Now};
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

/// One such stream.
pub(super) struct Talk {
    pub origin: Origin,
    pub device: DeviceId,
    pub purpose: TalkPurpose,
    pub versions: Vec<u16>,
    pub phase: Phase,
    /// When it was opened.
    pub since: Mono,
    /// When the viewer last said anything.
    pub heard: Mono,
    /// When a person at the viewer last did something.
    pub present: Option<Mono>,
    /// The list of terminals has changed since this viewer was told.
    pub list_is_old: bool,
    /// Requests for approval of which this viewer has not heard yet what has come of them.
    pub approvals_owed: VecDeque<ApprovalId>,
    /// What a person lets stand has changed since this viewer was told.
    pub permissions_are_old: bool,
    /// It keeps how far the audit log goes.
    pub hears_of_audit: bool,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TalkPurpose {
    /// With the id of the grant that opened it; younger ones go on under the same.
    Session(TokenId),
    Pair(RendezvousId),
}

pub(super) enum Phase {
    /// Nothing has come yet.
    Message1,
    /// Perhaps a replay.
    Unconfirmed(Unconfirmed),
    /// The viewer is there, now.
    Standing(Session),
    /// It waits for a person's answer.
    Asking(Session, Box<Device>, QuestionId),
    /// Failed; about to be closed.
    Over,
}

impl Talk {
    pub fn is_session(&self) -> bool {
        matches!(
            (self.purpose, &self.phase),
            (TalkPurpose::Session(_), Phase::Standing(_))
        )
    }

    /// What the two devices' handshake came to.
    pub fn handshake_hash(&self) -> Option<&[u8; 32]> {
        match &self.phase {
            Phase::Standing(session) | Phase::Asking(session, ..) => Some(session.handshake_hash()),
            Phase::Message1 | Phase::Unconfirmed(_) | Phase::Over => None,
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Message1 | Phase::Unconfirmed(_))
    }

    fn channel(&mut self) -> Option<&mut Session> {
        match &mut self.phase {
            Phase::Standing(session) | Phase::Asking(session, ..) => Some(session),
            Phase::Message1 | Phase::Unconfirmed(_) | Phase::Over => None,
        }
    }
}

impl Core {
    /// Accepts a stream in which Noise will run.
    pub(super) fn accept_talk(
        &mut self,
        stream: StreamId,
        origin: Origin,
        device: DeviceId,
        purpose: TalkPurpose,
        versions: Vec<u16>,
        now: Now,
    ) -> Result<(), CloseCode> {
        if !versions
            .iter()
            .any(|version| SESSION_VERSIONS.contains(version))
        {
            return Err(CloseCode::Version);
        }
        let pending = self.talks.values().filter(|talk| talk.is_pending()).count();
        // One device must not take the places of others.
        let its = self
            .talks
            .values()
            .filter(|talk| talk.device == device)
            .count();
        if pending >= HANDSHAKES_PENDING
            || its >= SESSIONS_PER_DEVICE
            || self.talks.len() >= SESSIONS_MAX + HANDSHAKES_PENDING
        {
            return Err(CloseCode::Busy);
        }
        let talk = Talk {
            origin,
            device,
            purpose,
            versions,
            phase: Phase::Message1,
            since: now.mono,
            heard: now.mono,
            present: None,
            list_is_old: false,
            approvals_owed: VecDeque::new(),
            permissions_are_old: false,
            hears_of_audit: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        };
        self.talks.insert(stream, talk);
        if let Some(link) = &mut self.link {
            link.accept(stream, TALK_WINDOW, SESSION_VERSIONS);
        }
        Ok(())
    }

    /// Takes one Noise message; gives its cost back.
    pub(super) fn talk_data(&mut self, stream: StreamId, data: &[u8], cost: u32, now: Now) {
        let Some(talk) = self.talks.get_mut(&stream) else {
            return;
        };
        talk.heard = now.mono;
        let phase = std::mem::replace(&mut talk.phase, Phase::Over);
        let outcome =
            match phase {
                Phase::Message1 => self.message1(stream, data, now),
                Phase::Unconfirmed(unconfirmed) => self.confirm(stream, unconfirmed, data, now),
                Phase::Standing(mut session) => session
                    .open(data)
                    .map_err(CloseCode::from)
                    .and_then(|plain| {
                        self.stand(stream, Phase::Standing(session));
                        self.session_message(stream, &plain, now)
                    }),
                // Nothing is to be said while a person thinks.
                Phase::Asking(..) => Err(CloseCode::UnexpectedFrame),
                Phase::Over => Ok(()),
            };
        match outcome {
            Ok(()) => {
                if let Some(link) = &mut self.link {
                    link.grant(stream, cost);
                }
            }
            Err(code) => {
                tracing::info!(stream, reason = code.name(), "session stream ended");
                // A try at a pairing may have been its last: who comes later hears that.
                self.announce();
                self.close(stream, code);
            }
        }
    }

    pub(super) fn stand(&mut self, stream: StreamId, phase: Phase) {
        if let Some(talk) = self.talks.get_mut(&stream) {
            talk.phase = phase;
        }
    }

    fn message1(&mut self, stream: StreamId, data: &[u8], now: Now) -> Result<(), CloseCode> {
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let prologue = Prologue {
            agent: self.agent,
            conn: talk.origin.conn,
            viewer_versions: &talk.versions,
            agent_versions: SESSION_VERSIONS,
        };
        let (received, payload) = match talk.purpose {
            TalkPurpose::Session(_) => {
                let read = |key: &StaticKey| Responder::read_session(&prologue, key, data);
                let received = self
                    .with_noise_keys(now, read)
                    .map_err(|fault| self.handshake_failed(talk.device, fault, now))?;
                // The relay named the device; here it is proven by its own Noise key.
                let device = self
                    .devices
                    .get(talk.device)
                    .ok_or(CloseCode::UnknownDevice)?;
                if device.noise_key.0 != *received.remote() {
                    return Err(CloseCode::HandshakeFailed);
                }
                (received, Vec::new())
            }
            TalkPurpose::Pair(rendezvous) => {
                let pairing = self
                    .pairings
                    .try_once(rendezvous, now.unix)
                    .ok_or(CloseCode::PairUsed)?;
                let psk = pairing.secret.psk();
                let key = &self.identity.noise().key;
                let received = Responder::read_pair(&prologue, key, &psk, data);
                let offer = msg::Offer {
                    machine: self.machine.name.clone(),
                    user: self.machine.user.clone(),
                    scopes: pairing.invitation.scopes.clone(),
                    reach: pairing.invitation.reach.clone(),
                    stays: pairing.invitation.stays.map(millis),
                    expires: pairing.expires,
                };
                (received?, msg::encode(&offer))
            }
        };
        let (message2, unconfirmed) = received.reply(&payload)?;
        self.stand(stream, Phase::Unconfirmed(unconfirmed));
        self.send_raw(stream, &message2)
    }

    fn confirm(
        &mut self,
        stream: StreamId,
        handshake: Unconfirmed,
        data: &[u8],
        now: Now,
    ) -> Result<(), CloseCode> {
        let (session, plain) = handshake.confirm(data)?;
        let purpose = self.talks.get(&stream).ok_or(CloseCode::Internal)?.purpose;
        match purpose {
            TalkPurpose::Session(_) => {
                self.stand(stream, Phase::Standing(session));
                self.hello(stream, &plain, now)
            }
            TalkPurpose::Pair(rendezvous) => {
                self.pair_request(stream, session, rendezvous, &plain, now)
            }
        }
    }

    /// Seals a message and sends it as soon as the viewer takes it.
    pub(super) fn say(&mut self, stream: StreamId, message: &impl Serialize) {
        self.queue(stream, message);
        self.flush_talk(stream);
    }

    fn queue(&mut self, stream: StreamId, message: &impl Serialize) {
        let Some(talk) = self.talks.get_mut(&stream) else {
            return;
        };
        let Some(sealed) = talk
            .channel()
            .and_then(|session| session.seal(&msg::encode(message)).ok())
        else {
            return self.close(stream, CloseCode::Internal);
        };
        talk.waiting_bytes += sealed.len();
        talk.waiting.push_back(sealed);
        if talk.waiting_bytes > TALK_WAITING_MAX {
            self.close(stream, CloseCode::Busy);
        }
    }

    /// What only says how things stand waits until all before it has been taken, so that nothing piles up for who does not read.
    pub(super) fn flush_talk(&mut self, stream: StreamId) {
        self.flush_waiting(stream);
        while let Some(news) = self.next_news(stream) {
            self.queue(stream, &news);
            self.flush_waiting(stream);
        }
    }

    fn next_news(&mut self, stream: StreamId) -> Option<FromAgent> {
        loop {
            let talk = self.talks.get_mut(&stream)?;
            if !talk.waiting.is_empty() {
                return None;
            }
            let device = talk.device;
            if std::mem::take(&mut talk.list_is_old) {
                let terminals = self.terminals_for(Some(device));
                return Some(FromAgent::Terminals { terminals });
            }
            if std::mem::take(&mut talk.permissions_are_old) {
                let device = self.devices.get(device)?;
                if let Some(news) = self.permissions_for(device) {
                    return Some(news);
                }
                continue;
            }
            let approval = talk.approvals_owed.pop_front()?;
            let device = self.devices.get(device)?;
            if let Some(news) = self.approval_news(device, approval) {
                return Some(news);
            }
        }
    }

    fn flush_waiting(&mut self, stream: StreamId) {
        let (Some(talk), Some(link)) = (self.talks.get_mut(&stream), &mut self.link) else {
            return;
        };
        while let Some(message) = talk.waiting.front() {
            if message.len() > link.room(stream) as usize
                || link.send(stream, framed(message)).is_err()
            {
                return;
            }
            talk.waiting_bytes -= message.len();
            talk.waiting.pop_front();
        }
    }

    fn send_raw(&mut self, stream: StreamId, message: &[u8]) -> Result<(), CloseCode> {
        self.link
            .as_mut()
            .ok_or(CloseCode::Internal)?
            .send(stream, framed(message))
    }

    /// Forgets a session or pairing and what hangs on it.
    pub(super) fn end_talk(&mut self, stream: StreamId) {
        let Some(talk) = self.talks.remove(&stream) else {
            return;
        };
        if let Phase::Asking(_, _, question) = talk.phase {
            self.effects.push_back(super::Effect::Withdraw(question));
        }
        self.end_leases(|lease| lease.session == stream, CloseCode::ViewerGone);
    }

    /// When a handshake or a driver's heartbeat wants to be looked at.
    pub(super) fn next_talk_look(&self) -> Option<Mono> {
        let handshakes = self
            .talks
            .values()
            .filter(|talk| talk.is_pending())
            .map(|talk| talk.since + HANDSHAKE_TIME);
        handshakes.chain(self.next_heartbeat_look()).min()
    }

    pub(super) fn look_at_talks(&mut self, now: Now) {
        let slow = |talk: &Talk| talk.is_pending() && now.mono.since(talk.since) >= HANDSHAKE_TIME;
        let slow: Vec<_> = self
            .talks
            .iter()
            .filter(|(_, talk)| slow(talk))
            .map(|(id, _)| *id)
            .collect();
        for stream in slow {
            self.close(stream, CloseCode::HandshakeTimeout);
        }
        self.look_at_heartbeats(now);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn framed(message: &[u8]) -> BytesMut {
    let mut out = BytesMut::with_capacity(FRAME_HEADER + message.len() + TAG);
    out.resize(FRAME_HEADER, 0);
    out.extend_from_slice(message);
    out
}
