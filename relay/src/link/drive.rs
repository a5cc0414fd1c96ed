//! A proven link at work: one task, which waits for its socket, its leg and one timer.
//!
//! Reading and writing go on side by side: a peer that does not read is still heard, so two peers that both write first cannot block each
//! other through us.

use super::blame;
use super::held::{Due, Held};
use super::prove::{Proven, check_clock, hand_over, promote, welcome};
use super::socket::{Incoming, incoming};
use crate::clock;
use crate::door::Door;
use crate::limits::{AGENT_QUIET, MESSAGES_PER_TURN};
use crate::route::{AgentClock, How, Output, PeerMisbehaved, Port};
use crate::state::State;
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Leg, Proof, Role, Rotate};
use lanyard_shared::limits::RELAY_SILENCE;
use lanyard_shared::proof::check_proof;
use lanyard_shared::rotate::check_rotate;
use lanyard_shared::time::{Mono, Now};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Sleep;

/// Why a link ends.
enum End {
    /// The peer has gone without a word.
    Gone,
    /// The peer said goodbye, for this reason.
    Said(Option<CloseCode>),
    /// We tell it why.
    With(CloseCode),
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::With(code)
    }
}

impl From<PeerMisbehaved> for End {
    fn from(fault: PeerMisbehaved) -> Self {
        Self::With(blame(fault))
    }
}

/// What a frame asks for beyond its place in the hub.
enum Duty {
    Nothing,
    /// An agent's identity hands over.
    HandOver(Box<Rotate>),
    /// A later proof.
    Reprove(Box<Proof>),
}

/// What wakes a link.
enum Event {
    Incoming(Incoming),
    Timer,
}

struct Driver<'a> {
    state: &'a State,
    socket: Box<WebSocket>,
    port: Port,
    key: [u8; 32],
    /// The key that an agent is about to prove in its place.
    next: Option<[u8; 32]>,
    held: Held,
    door: Arc<Door>,
    heard: Mono,
    /// Since when the socket takes nothing.
    blocked: Option<Mono>,
    /// Something was given to the socket and not flushed.
    unflushed: bool,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to. It may ring early, never late.
    armed: Mono,
}

/// Carries frames until the link ends. What is left is to tell the peer why, if it is still there.
pub async fn drive(
    state: &State,
    proven: Proven,
    socket: Box<WebSocket>,
) -> Option<(CloseCode, Box<WebSocket>)> {
    let mut driver = Driver::new(state, proven, socket);
    let end = driver.run().await;
    let (role, agent, conn) = (driver.port.role(), driver.port.agent(), driver.port.conn());
    match role {
        Role::Agent => {
            state.agents.saw(agent, clock::unix());
            let (how, since) = driver.parting(&end, clock::mono());
            driver.port.parts(how, since);
        }
        Role::Device => {}
    }
    // Leaving the driver leaves the hub: the others hear of it now, however long the goodbye takes.
    match end {
        End::Gone | End::Said(_) => {
            tracing::info!(?role, %agent, %conn, "link gone");
            None
        }
        End::With(code) => {
            tracing::info!(?role, %agent, %conn, code = code.name(), "link closed");
            Some((code, driver.socket))
        }
    }
}

impl<'a> Driver<'a> {
    fn new(state: &'a State, proven: Proven, socket: Box<WebSocket>) -> Box<Self> {
        let Proven {
            port,
            key,
            held,
            door,
        } = proven;
        let heard = clock::mono();
        let armed = held.deadline().min(heard + RELAY_SILENCE);
        let timer = Box::pin(clock::sleep_until(armed));
        Box::new(Self {
            state,
            socket,
            port,
            key,
            next: None,
            held,
            door,
            heard,
            blocked: None,
            unflushed: false,
            timer,
            armed,
        })
    }

    /// What the end of an agent's link says of the agent, and since when.
    fn parting(&self, end: &End, now: Mono) -> (How, Mono) {
        match end {
            End::Said(Some(CloseCode::GoingAway)) => (How::Stopped, now),
            // Who is there says something now and then. A machine that sleeps does not, and whatever stands between gives its link up.
            End::Gone if now.since(self.heard) >= AGENT_QUIET => (How::Silent, self.heard),
            End::With(CloseCode::Silent) => (How::Silent, self.heard),
            End::Gone => (How::Lost, now),
            End::Said(_) | End::With(_) => (How::Other, now),
        }
    }

    async fn run(&mut self) -> End {
        let mut turn = 0;
        loop {
            let event = match poll_fn(|cx| self.poll(cx)).await {
                Ok(event) => event,
                Err(end) => return end,
            };
            let handled = match event {
                Event::Incoming(incoming) => self.incoming(incoming),
                Event::Timer => self.on_timer().map(|()| Duty::Nothing),
            };
            let done = match handled {
                Ok(Duty::Nothing) => Ok(()),
                // Rare, and large while they wait for the disk: not part of every link's memory.
                Ok(Duty::HandOver(rotate)) => Box::pin(self.hand_over(&rotate)).await,
                Ok(Duty::Reprove(proof)) => Box::pin(self.reproven(&proof)).await,
                Err(end) => Err(end),
            };
            if let Err(end) = done {
                return end;
            }
            turn += 1;
            if turn >= MESSAGES_PER_TURN {
                turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, End>> {
        match self.poll_write(cx) {
            Poll::Ready(Ok(())) => self.blocked = None,
            Poll::Ready(Err(end)) => return Poll::Ready(Err(end)),
            Poll::Pending => {
                // A peer that does not read is not what keeps its link from ending.
                if let Some(code) = self.port.ending(cx.waker()) {
                    return Poll::Ready(Err(code.into()));
                }
                if self.blocked.is_none() {
                    let now = clock::mono();
                    self.blocked = Some(now);
                    self.arm(now + RELAY_SILENCE);
                }
            }
        }
        if let Poll::Ready(message) = Pin::new(&mut *self.socket).poll_next(cx) {
            return Poll::Ready(Ok(Event::Incoming(incoming(message))));
        }
        self.timer.as_mut().poll(cx).map(|()| Ok(Event::Timer))
    }

    /// Writes until nothing waits, or the socket takes no more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let gone = |_| End::Gone;
        loop {
            std::task::ready!(Pin::new(&mut *self.socket).poll_ready(cx)).map_err(gone)?;
            match self.port.output(cx.waker()) {
                Output::Message(message) => {
                    Pin::new(&mut *self.socket)
                        .start_send(Message::Binary(message))
                        .map_err(gone)?;
                    self.unflushed = true;
                }
                Output::End(code) => return Poll::Ready(Err(code.into())),
                Output::Nothing => break,
            }
        }
        if self.unflushed {
            std::task::ready!(Pin::new(&mut *self.socket).poll_flush(cx)).map_err(gone)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn incoming(&mut self, incoming: Incoming) -> Result<Duty, End> {
        let now = clock::now();
        self.heard = now.mono;
        match incoming {
            Incoming::Frame(bytes) => self.frame(bytes, now),
            Incoming::Alive => Ok(Duty::Nothing),
            Incoming::Misbehaved(fault) => Err(fault.into()),
            Incoming::Spent | Incoming::Gone => Err(End::Gone),
        }
    }

    fn frame(&mut self, bytes: Bytes, now: Now) -> Result<Duty, End> {
        let leg = match self.port.role() {
            Role::Agent => Leg::Agent,
            Role::Device => Leg::Viewer,
        };
        match Frame::decode(bytes, leg).map_err(PeerMisbehaved::from)? {
            Frame::Ping(body) => self.port.push(&Frame::Pong(body)),
            Frame::Proof(proof) => return Ok(Duty::Reprove(Box::new(proof))),
            Frame::Rotate(rotate) => return Ok(Duty::HandOver(Box::new(rotate))),
            Frame::Close(0, close) => {
                return Err(End::Said(close.code));
            }
            frame @ Frame::Open(..) => {
                self.port.take(frame, now.mono)?;
                // A stream that has just been opened may be the first to end.
                if let Some(deadline) = self.port.deadline() {
                    self.arm(deadline);
                }
            }
            frame @ (Frame::Challenge(_)
            | Frame::Enrol(_)
            | Frame::Welcome(_)
            | Frame::Announce(_)
            | Frame::Pong(_)
            | Frame::Wake
            | Frame::Accept(..)
            | Frame::Data(..)
            | Frame::Credit(..)
            | Frame::Renew(..)
            | Frame::Close(..)) => self.port.take(frame, now.mono)?,
        }
        Ok(Duty::Nothing)
    }

    /// An agent's identity hands over to another key: once both have signed it, it is remembered, and the other is asked to prove itself.
    async fn hand_over(&mut self, rotate: &Rotate) -> Result<(), End> {
        let (agent, conn) = (self.port.agent(), self.port.conn());
        match self.port.role() {
            Role::Agent => {}
            Role::Device => return Err(PeerMisbehaved::OutOfPlace("rotate").into()),
        }
        if !check_rotate(rotate, &self.key, agent, conn) {
            return Err(CloseCode::ProofRefused.into());
        }
        let next = rotate.key.0;
        hand_over(self.state, agent, self.key, next).await?;
        self.next = Some(next);
        // A question that is on its way may be answered by either key.
        if !self.held.is_asked() {
            self.ask(clock::now())?;
        }
        Ok(())
    }

    fn ask(&mut self, now: Now) -> Result<(), End> {
        let challenge = self
            .held
            .ask(self.port.conn(), now)
            .ok_or(CloseCode::Internal)?;
        self.port.push(&Frame::Challenge(challenge));
        Ok(())
    }

    /// A proof on a link that stands: it must answer our question, by the same key for the same agent.
    async fn reproven(&mut self, proof: &Proof) -> Result<(), End> {
        let now = clock::now();
        let asked = self
            .held
            .take_asked()
            .ok_or(PeerMisbehaved::OutOfPlace("proof"))?;
        let by_next = self.next == Some(proof.key.0);
        let same = (proof.key.0 == self.key || by_next)
            && proof.agent == self.port.agent()
            && proof.role == self.port.role();
        if !self.door.names.has_host(&proof.host) {
            return Err(CloseCode::WrongHost.into());
        }
        if !same {
            return Err(CloseCode::ProofRefused.into());
        }
        check_proof(proof, &asked)?;
        if self.state.agents.key(self.port.agent()).is_none() {
            return Err(CloseCode::UnknownAgent.into());
        }
        if by_next {
            promote(self.state, self.port.agent(), proof.key.0).await?;
            self.port.identity_changed(proof.key.0);
            (self.key, self.next) = (proof.key.0, None);
        }
        let warning = match self.port.role() {
            Role::Agent => {
                let warning = check_clock(proof.time, now)
                    .inspect_err(|_| self.state.router.agent_skewed(self.port.agent(), now.mono))?;
                self.port
                    .reproven(AgentClock::measured(now.mono, proof.time));
                warning
            }
            Role::Device => String::new(),
        };
        let [jitter] = crate::random::bytes().ok_or(CloseCode::Internal)?;
        self.held = Held::new(now.mono, jitter);
        self.port.push(&welcome(
            self.state,
            self.port.role(),
            self.port.agent(),
            warning,
        ));
        if self.next.is_some() {
            // The answer was by the key that is about to go.
            self.ask(now)?;
        }
        self.arm(self.held.deadline());
        Ok(())
    }

    fn on_timer(&mut self) -> Result<(), End> {
        let now = clock::now();
        let silent = |since: Mono| now.mono.since(since) >= RELAY_SILENCE;
        if silent(self.heard) || self.blocked.is_some_and(silent) {
            return Err(CloseCode::Silent.into());
        }
        match self.held.due(now.mono) {
            Due::Expired => return Err(CloseCode::ProofExpired.into()),
            Due::Ask => self.ask(now)?,
            Due::Nothing => {}
        }
        self.port.lapse(now.mono);
        let next = [
            Some(self.held.deadline()),
            Some(self.heard + RELAY_SILENCE),
            self.blocked.map(|since| since + RELAY_SILENCE),
            self.port.deadline(),
        ];
        self.armed = Mono(std::time::Duration::MAX);
        self.arm(next.into_iter().flatten().min().unwrap_or(now.mono));
        Ok(())
    }

    /// Sets the timer to `due`, if it would ring later. That a deadline has moved further away is noticed when it rings.
    fn arm(&mut self, due: Mono) {
        if due < self.armed {
            self.armed = due;
            self.timer.as_mut().reset(clock::instant(due));
        }
    }
}
