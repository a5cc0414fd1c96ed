//! The dialler's end of a link: agent or viewer, sans-IO (`docs/PROTOCOL.md`, section 2).
//!
//! Messages and the time go in through [`Link::handle`] and [`Link::on_timeout`]; what to write, what happened and when to
//! come back come out through [`Link::poll_output`], [`Link::poll_event`] and [`Link::poll_timeout`]. The relay's end routes between
//! links and lives with the relay; both stand on [`crate::frame`] and [`crate::stream`].

#[cfg(test)]
mod tests;

use crate::close::CloseCode;
use crate::frame::{
    Accept, Announce, Challenge, Close, Frame, Leg, Open, Role, StreamId, Target, Welcome, kind,
};
use crate::ids::{AgentId, ConnId};
use crate::limits::{
    DIALLER_SILENCE, DOUBT_TIME, FRAME_HEADER, FRAME_MAX, LINK_FRAMES_WAITING, PING_EVERY,
    PROBE_TIME, STREAMS_PER_AGENT, STREAMS_PER_VIEWER, WELCOME_TIME,
};
use crate::proof;
use crate::rotate::{self, IdentityCert};
use crate::stream::{Credit, Outbox};
use crate::time::{Mono, Now};
use bytes::{Bytes, BytesMut};
use ed25519_dalek::SigningKey;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Who dials, and what for.
#[derive(Clone)]
pub enum Dialler {
    /// An enrolled machine.
    Agent {
        /// Its id.
        agent: AgentId,
        /// Its identity key.
        key: Arc<SigningKey>,
    },
    /// A machine that spends an enrolment code; afterwards it is [`Dialler::Agent`].
    Newcomer {
        /// Its identity key.
        key: Arc<SigningKey>,
        /// The code, once.
        code: [u8; 16],
        /// How the operator will see it.
        name: String,
        /// From its first identity key to `key`: see [`crate::frame::Enrol::chain`].
        chain: Vec<IdentityCert>,
    },
    /// A viewer that wants `agent`.
    Viewer {
        /// The machine it wants.
        agent: AgentId,
        /// Its device key.
        key: Arc<SigningKey>,
    },
}

impl Dialler {
    fn key(&self) -> &Arc<SigningKey> {
        match self {
            Self::Agent { key, .. } | Self::Newcomer { key, .. } | Self::Viewer { key, .. } => key,
        }
    }

    fn leg(&self) -> Leg {
        match self {
            Self::Agent { .. } | Self::Newcomer { .. } => Leg::Agent,
            Self::Viewer { .. } => Leg::Viewer,
        }
    }
}

/// What happened on the link.
#[derive(Debug)]
pub enum Event {
    /// The proof holds, for the first time or again.
    Welcome {
        /// The relay's words.
        welcome: Welcome,
        /// The link's name.
        conn: ConnId,
        /// True the first time.
        first: bool,
        /// The key that was proven.
        proven: [u8; 32],
    },
    /// The agent is back (to a viewer).
    Wake,
    /// A viewer wants a stream (to an agent).
    Open(StreamId, Open),
    /// A stream stands (to a viewer).
    Accepted(StreamId, Accept),
    /// Opaque bytes. The receiver gives credit back with [`Link::grant`] when it has used them.
    Data(StreamId, Bytes),
    /// More may be sent.
    Room(StreamId),
    /// The other side ended a stream.
    Closed(StreamId, Close),
    /// The relay has taken in all that was said before [`Link::ask`] gave this number.
    TakenIn(u64),
    /// The link is over; nothing more comes.
    Ended(Close),
}

/// Where a stream of ours or theirs stands.
#[derive(Debug)]
enum Phase {
    /// Opened by us or offered to us; no accept yet.
    Opening,
    Standing,
}

#[derive(Debug)]
struct Stream {
    phase: Phase,
    /// What we may send.
    send: Credit,
    /// What the peer may send.
    receive: Credit,
    /// What it may hold at most: the credit it was given first.
    window: u32,
    /// What it may send and has not been told.
    owed: u32,
}

/// The dialler's end of one link.
pub struct Link {
    dialler: Dialler,
    host: String,
    conn: Option<ConnId>,
    /// The key of the proof that waits for its welcome. By then the dialler may have rotated to another.
    proving: Option<[u8; 32]>,
    welcomed: bool,
    over: bool,
    streams: BTreeMap<StreamId, Stream>,
    /// The highest stream id seen or used.
    last_stream: StreamId,
    outbox: Outbox,
    events: VecDeque<Event>,
    heard: Mono,
    /// Every ping carries the last number that [`Link::ask`] gave; a relay may answer only the last of several.
    asked: u64,
    /// The highest number that came back.
    taken_in: u64,
    next_ping: Mono,
    /// Until then the relay must have said welcome.
    welcome_by: Mono,
    /// Until then the relay must have said anything.
    probed_until: Option<Mono>,
}

impl Link {
    /// The end of a link whose WebSocket has just been opened to the authority `host`.
    #[must_use]
    pub fn new(dialler: Dialler, host: String, now: Mono) -> Self {
        Self {
            dialler,
            host,
            conn: None,
            proving: None,
            welcomed: false,
            over: false,
            streams: BTreeMap::new(),
            last_stream: 0,
            outbox: Outbox::default(),
            events: VecDeque::new(),
            heard: now,
            asked: 0,
            taken_in: 0,
            next_ping: now + PING_EVERY,
            welcome_by: now + WELCOME_TIME,
            probed_until: None,
        }
    }

    /// Takes one WebSocket message.
    pub fn handle(&mut self, message: Bytes, now: Now) {
        if self.over {
            return;
        }
        // A relay that asks and does not read must not fill our memory.
        if self.outbox.link_frames() > LINK_FRAMES_WAITING {
            return self.end(CloseCode::Busy);
        }
        self.heard = now.mono;
        self.probed_until = None;
        let outcome = Frame::decode(message, self.dialler.leg())
            .map_err(CloseCode::from)
            .and_then(|frame| self.handle_frame(frame, now));
        if let Err(code) = outcome {
            self.end(code);
        }
    }

    fn handle_frame(&mut self, frame: Frame, now: Now) -> Result<(), CloseCode> {
        match frame {
            Frame::Challenge(challenge) => self.answer(&challenge, now),
            Frame::Welcome(welcome) => self.welcome(welcome),
            Frame::Pong(body) => {
                // A relay that answers what nobody asked is not believed to have heard it.
                let upto = u64::from_be_bytes(body).min(self.asked);
                if upto > self.taken_in {
                    self.taken_in = upto;
                    self.events.push_back(Event::TakenIn(upto));
                }
                Ok(())
            }
            Frame::Wake => {
                self.events.push_back(Event::Wake);
                Ok(())
            }
            Frame::Open(id, open) => self.opened(id, open),
            Frame::Accept(id, accept) => self.accepted(id, accept),
            Frame::Data(id, data) => self.data(id, data),
            Frame::Credit(id, amount) => self.credit(id, amount),
            Frame::Close(0, close) => {
                self.over = true;
                self.events.push_back(Event::Ended(close));
                Ok(())
            }
            Frame::Close(id, close) => {
                if self.known(id)? {
                    self.streams.remove(&id);
                    self.outbox.discard(id);
                    self.events.push_back(Event::Closed(id, close));
                }
                Ok(())
            }
            Frame::Proof(_)
            | Frame::Enrol(_)
            | Frame::Announce(_)
            | Frame::Rotate(_)
            | Frame::Ping(_)
            | Frame::Renew(..) => Err(CloseCode::UnexpectedFrame),
        }
    }

    fn answer(&mut self, challenge: &Challenge, now: Now) -> Result<(), CloseCode> {
        // Of two proofs that wait at once, a welcome would not say which it answers.
        if self.conn.is_some_and(|conn| conn != challenge.conn) || self.proving.is_some() {
            return Err(CloseCode::UnexpectedFrame);
        }
        self.conn = Some(challenge.conn);
        self.proving = Some(self.dialler.key().verifying_key().to_bytes());
        let frame = match &self.dialler {
            Dialler::Agent { agent, key } => Frame::Proof(proof::prove(
                key,
                Role::Agent,
                &self.host,
                *agent,
                challenge,
                now.unix,
            )?),
            Dialler::Viewer { agent, key } => Frame::Proof(proof::prove(
                key,
                Role::Device,
                &self.host,
                *agent,
                challenge,
                now.unix,
            )?),
            Dialler::Newcomer {
                key,
                code,
                name,
                chain,
            } => Frame::Enrol(proof::prove_enrol(
                key, &self.host, code, name, chain, challenge, now.unix,
            )?),
        };
        self.outbox.push_link(frame.encode());
        Ok(())
    }

    fn welcome(&mut self, welcome: Welcome) -> Result<(), CloseCode> {
        let conn = self.conn.ok_or(CloseCode::UnexpectedFrame)?;
        let proven = self.proving.take().ok_or(CloseCode::UnexpectedFrame)?;
        if let Dialler::Newcomer { key, .. } = &self.dialler {
            self.dialler = Dialler::Agent {
                agent: welcome.agent,
                key: Arc::clone(key),
            };
        }
        let first = !std::mem::replace(&mut self.welcomed, true);
        self.events.push_back(Event::Welcome {
            welcome,
            conn,
            first,
            proven,
        });
        Ok(())
    }

    fn opened(&mut self, id: StreamId, open: Open) -> Result<(), CloseCode> {
        if self.dialler.leg() != Leg::Agent || !self.welcomed {
            return Err(CloseCode::UnexpectedFrame);
        }
        if id <= self.last_stream {
            return Err(CloseCode::StreamReused);
        }
        if self.streams.len() >= STREAMS_PER_AGENT {
            return Err(CloseCode::TooManyStreams);
        }
        self.last_stream = id;
        let stream = Stream {
            phase: Phase::Opening,
            send: Credit::new(open.credit),
            receive: Credit::default(),
            window: 0,
            owed: 0,
        };
        self.streams.insert(id, stream);
        self.events.push_back(Event::Open(id, open));
        Ok(())
    }

    fn accepted(&mut self, id: StreamId, accept: Accept) -> Result<(), CloseCode> {
        if self.dialler.leg() != Leg::Viewer {
            return Err(CloseCode::UnexpectedFrame);
        }
        if !self.known(id)? {
            return Ok(());
        }
        let stream = self
            .streams
            .get_mut(&id)
            .filter(|s| matches!(s.phase, Phase::Opening));
        let stream = stream.ok_or(CloseCode::UnexpectedFrame)?;
        stream.phase = Phase::Standing;
        stream.send = Credit::new(accept.credit);
        self.events.push_back(Event::Accepted(id, accept));
        Ok(())
    }

    fn data(&mut self, id: StreamId, data: Bytes) -> Result<(), CloseCode> {
        if !self.known(id)? {
            return Ok(());
        }
        let stream = self
            .streams
            .get_mut(&id)
            .filter(|s| matches!(s.phase, Phase::Standing));
        stream
            .ok_or(CloseCode::UnexpectedFrame)?
            .receive
            .take(data.len())?;
        self.events.push_back(Event::Data(id, data));
        Ok(())
    }

    fn credit(&mut self, id: StreamId, amount: u32) -> Result<(), CloseCode> {
        if self.known(id)?
            && let Some(stream) = self.streams.get_mut(&id)
        {
            stream.send.add(amount)?;
            self.events.push_back(Event::Room(id));
        }
        Ok(())
    }

    /// True for a standing or opening stream, false for one that has been closed.
    fn known(&self, id: StreamId) -> Result<bool, CloseCode> {
        if id > self.last_stream {
            Err(CloseCode::UnknownStream)
        } else {
            Ok(self.streams.contains_key(&id))
        }
    }

    /// Opens a stream (a viewer); `first` is what comes first on it, see [`Open::first`]. `None` when [`STREAMS_PER_VIEWER`] are open or the
    /// link is not proven.
    pub fn open(
        &mut self,
        target: Target,
        credit: u32,
        versions: &[u16],
        first: Bytes,
    ) -> Option<StreamId> {
        if self.over || !self.welcomed || self.streams.len() >= STREAMS_PER_VIEWER {
            return None;
        }
        self.last_stream += 1;
        let id = self.last_stream;
        let open = Open {
            target,
            credit,
            versions: versions.to_vec(),
            origin: None,
            first,
        };
        self.outbox.push_link(Frame::Open(id, open).encode());
        let stream = Stream {
            phase: Phase::Opening,
            send: Credit::default(),
            receive: Credit::new(credit),
            window: credit,
            owed: 0,
        };
        self.streams.insert(id, stream);
        Some(id)
    }

    /// Accepts a stream that was offered (an agent).
    pub fn accept(&mut self, id: StreamId, credit: u32, versions: &[u16]) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.phase = Phase::Standing;
            stream.receive = Credit::new(credit);
            stream.window = credit;
            self.outbox.push_link(
                Frame::Accept(
                    id,
                    Accept {
                        credit,
                        versions: versions.to_vec(),
                    },
                )
                .encode(),
            );
        }
    }

    /// How many bytes of payload the stream takes now.
    #[must_use]
    pub fn room(&self, id: StreamId) -> u32 {
        self.streams
            .get(&id)
            .filter(|s| matches!(s.phase, Phase::Standing))
            .map_or(0, |s| s.send.left())
    }

    /// Sends a payload that stands behind [`FRAME_HEADER`] bytes of room, which are filled in here.
    ///
    /// # Errors
    /// `CreditExceeded` when [`Link::room`] is smaller, `TooLarge` when no frame holds it. The payload is not sent.
    pub fn send(&mut self, id: StreamId, mut framed: BytesMut) -> Result<(), CloseCode> {
        if framed.len() > FRAME_MAX || framed.len() <= FRAME_HEADER {
            return Err(CloseCode::TooLarge);
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return Ok(());
        };
        stream.send.take(framed.len() - FRAME_HEADER)?;
        framed[..4].copy_from_slice(&id.to_be_bytes());
        framed[4] = kind::DATA;
        self.outbox.push_stream(id, framed.freeze());
        Ok(())
    }

    /// Lets the peer send `amount` more bytes on the stream. It is told when that is worth a frame, so that a key does not cost one.
    pub fn grant(&mut self, id: StreamId, amount: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let owed = stream.owed.saturating_add(amount);
        if owed == 0 || owed < worth_a_frame(stream.window) {
            stream.owed = owed;
        } else if stream.receive.add(owed).is_ok() {
            stream.owed = 0;
            self.outbox.push_link(Frame::Credit(id, owed).encode());
        }
    }

    /// Carries a later token to the relay (an agent).
    pub fn renew(&mut self, id: StreamId, token: String) {
        if self.streams.contains_key(&id) {
            self.outbox.push_link(Frame::Renew(id, token).encode());
        }
    }

    /// Hands over to another identity key (an agent, on a link that was welcomed): the relay asks for a proof by it. Nothing that is signed by
    /// the present key may follow; the welcome to a proof by it may still come.
    pub fn rotate(&mut self, to: &Arc<SigningKey>) {
        if let (Dialler::Agent { agent, key }, Some(conn), true) =
            (&mut self.dialler, self.conn, self.welcomed)
        {
            let rotate = rotate::rotate(key, to, *agent, conn);
            *key = Arc::clone(to);
            self.outbox.push_link(Frame::Rotate(rotate).encode());
        }
    }

    /// Tells the relay the agent's public state.
    pub fn announce(&mut self, announce: Announce) {
        self.outbox.push_link(Frame::Announce(announce).encode());
    }

    /// Ends a stream after what it still had to say.
    pub fn close(&mut self, id: StreamId, close: Close) {
        if self.streams.remove(&id).is_some() {
            self.outbox
                .push_stream(id, Frame::Close(id, close).encode());
        }
    }

    /// Ends a stream at once; what was queued on it is not sent.
    pub fn cut(&mut self, id: StreamId, close: Close) {
        self.outbox.discard(id);
        self.close(id, close);
    }

    /// Ends the link, telling the peer why.
    pub fn end(&mut self, code: CloseCode) {
        if !std::mem::replace(&mut self.over, true) {
            self.outbox.push_link(Frame::Close(0, code.into()).encode());
            self.events.push_back(Event::Ended(code.into()));
        }
    }

    /// The next message to write.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.outbox.pop().map(|out| out.message)
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Link::on_timeout`] wants to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        if self.over {
            return None;
        }
        let silent = self.heard + DIALLER_SILENCE;
        let ends = if self.welcomed {
            silent
        } else {
            silent.min(self.welcome_by)
        };
        let ends = self.probed_until.map_or(ends, |until| ends.min(until));
        Some(self.next_ping.min(ends))
    }

    /// The network under the link may be another one: asks for a sign of the relay, and gives the link up if none comes soon.
    pub fn probe(&mut self, now: Mono) {
        self.probe_for(now, PROBE_TIME);
    }

    /// Who is at the other end of a stream owes an answer: if the relay gives none either within [`DOUBT_TIME`], the link is dead.
    pub fn doubt(&mut self, now: Mono) {
        self.probe_for(now, DOUBT_TIME);
    }

    fn probe_for(&mut self, now: Mono, time: Duration) {
        if !self.over && self.probed_until.is_none() {
            self.probed_until = Some(now + time);
            self.next_ping = now + PING_EVERY;
            self.ping();
        }
    }

    /// Asks for a sign that the relay has taken in what was said so far: [`Event::TakenIn`] with this number or a higher one.
    pub fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.ping();
        self.asked
    }

    fn ping(&mut self) {
        let body = self.asked.to_be_bytes();
        self.outbox.push_link(Frame::Ping(body).encode());
    }

    /// Looks at the clock: pings, and gives the link up after too much silence.
    pub fn on_timeout(&mut self, now: Mono) {
        if self.over {
            return;
        }
        let probed_in_vain = self.probed_until.is_some_and(|until| now >= until);
        if probed_in_vain || now.since(self.heard) >= DIALLER_SILENCE {
            self.end(CloseCode::Silent);
        } else if !self.welcomed && now >= self.welcome_by {
            self.end(CloseCode::HandshakeTimeout);
        } else if now >= self.next_ping {
            self.next_ping = now + PING_EVERY;
            self.ping();
        }
    }

    /// True once [`Event::Ended`] has been queued.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// The credit that is told at once to a peer with this window. Less than it never keeps the peer from sending a whole frame.
fn worth_a_frame(window: u32) -> u32 {
    window.saturating_sub(FRAME_MAX as u32) / 8
}
