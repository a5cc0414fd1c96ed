//! The viewer's link: dialling, what the relay says, deadlines.

use super::session::outdated;
use super::{Dial, Event, Failure, State, Viewer, events_of};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Close, StreamId};
use lanyard_shared::limits::LIVE_FOR;
use lanyard_shared::link::{Dialler, Event as LinkEvent, Link};
use lanyard_shared::time::{Mono, Now};
use std::sync::Arc;
use std::time::Duration;

impl Viewer {
    /// A WebSocket to the authority `host` stands.
    pub fn dialled(&mut self, host: String, now: Mono) {
        if self.dial == Dial::Over {
            return;
        }
        self.dial = Dial::Up;
        self.told = None;
        let dialler = Dialler::Viewer {
            agent: self.party.agent,
            key: Arc::clone(&self.party.key),
        };
        self.link = Some(Link::new(dialler, host, now));
    }

    /// No WebSocket came to be. `told` is when the relay wants to be asked again; `random` is uniform over all of `u32`.
    pub fn dial_failed(&mut self, why: Failure, told: Option<Duration>, random: u32, now: Mono) {
        if why.is_lasting() {
            self.over(why);
        } else if self.dial != Dial::Over {
            self.events.push_back(Event::Trouble(why));
            self.wait(told, random, now);
        }
    }

    fn wait(&mut self, told: Option<Duration>, random: u32, now: Mono) {
        self.told_to_wait = told.is_some();
        self.dial = Dial::Wait(now + self.backoff.next_wait_after(told, random));
    }

    /// The WebSocket is gone.
    pub fn disconnected(&mut self, random: u32, now: Mono) {
        self.lose_link(now);
        self.link = None;
        if self.dial != Dial::Over {
            self.set_state(State::Connecting);
            let told = self.told.take();
            self.wait(told, random, now);
        }
    }

    /// The network may be another one: a link that does not answer soon is given up, and a wait that the relay did not ask for is over.
    pub fn network_changed(&mut self, now: Mono) {
        if let Some(link) = &mut self.link {
            link.probe(now);
        } else if matches!(self.dial, Dial::Wait(_)) && !self.told_to_wait {
            self.backoff.reset();
            self.dial = Dial::Wait(now);
        }
    }

    /// True when the link has ended: the shell writes what [`Viewer::poll_output`] still has, closes the WebSocket and says
    /// [`Viewer::disconnected`].
    #[must_use]
    pub fn is_link_over(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_over)
    }

    /// Takes one message of the relay.
    pub fn handle(&mut self, message: Bytes, now: Now) {
        if let Some(link) = &mut self.link {
            link.handle(message, now);
        }
        self.drain(now);
    }

    /// The next message to the relay.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.link.as_mut()?.poll_output()
    }

    /// When [`Viewer::on_timeout`] wants to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self, now: Mono) -> Option<Mono> {
        let dial = match self.dial {
            Dial::Wait(at) => Some(at),
            Dial::Asked | Dial::Up | Dial::Over => None,
        };
        let silent = self
            .heard
            .filter(|_| self.state == State::Live)
            .map(|heard| heard + LIVE_FOR);
        let ping = self.greeted.then_some(self.next_ping);
        let link = self.link.as_ref().and_then(Link::poll_timeout);
        let channel = self.channel.as_ref().and_then(super::Channel::deadline);
        let looks = self
            .attached
            .values()
            .filter_map(|attached| attached.next_look(now));
        let gives_up = self.silent_at();
        [
            dial,
            silent,
            ping,
            link,
            channel,
            gives_up,
            self.owed_at().filter(|_| self.state != State::Silent),
            self.session_again,
        ]
        .into_iter()
        .flatten()
        .chain(looks)
        .min()
    }

    /// Looks at the clock.
    pub fn on_timeout(&mut self, now: Now) {
        if let Some(link) = &mut self.link {
            link.on_timeout(now.mono);
        }
        for (handle, attached) in &mut self.attached {
            let link = self.link.as_mut();
            attached.on_timeout(link, &mut events_of(&mut self.events, *handle), now.mono);
        }
        self.look_at_session(now);
        self.look_at_liveness(now.mono);
        self.drain(now);
    }

    fn drain(&mut self, now: Now) {
        while let Some(event) = self.link.as_mut().and_then(Link::poll_event) {
            match event {
                LinkEvent::Welcome { conn, first, .. } => {
                    if first {
                        self.conn = Some(conn);
                        self.want_session();
                    }
                }
                LinkEvent::Wake => {
                    if self.channel.is_none() {
                        self.want_session();
                    }
                }
                LinkEvent::Accepted(stream, accept) => self.accepted(stream, &accept, now),
                LinkEvent::Data(stream, data) => self.data(stream, data, now),
                LinkEvent::Room(stream) => self.room(stream, now),
                LinkEvent::Closed(stream, close) => self.closed(stream, &close, now),
                LinkEvent::Ended(close) => self.ended(&close, now.mono),
                // The relay opens nothing at a viewer, and viewers ask for no sign.
                LinkEvent::Open(..) | LinkEvent::TakenIn(_) => {}
            }
        }
        self.pump(now);
    }

    fn accepted(&mut self, stream: StreamId, accept: &Accept, now: Now) {
        if self.is_session(stream) {
            return self.session_accepted(accept, now.mono);
        }
        let Some(link) = &mut self.link else { return };
        for (handle, attached) in &mut self.attached {
            if let Some(purpose) = attached.purpose_of(stream) {
                attached.accepted(purpose, link, &mut events_of(&mut self.events, *handle));
            }
        }
    }

    fn data(&mut self, stream: StreamId, data: Bytes, now: Now) {
        if self.is_session(stream) {
            return self.session_data(&data, now);
        }
        let Some(link) = &mut self.link else { return };
        let mut found = self
            .attached
            .iter_mut()
            .filter_map(|(handle, a)| Some((*handle, a.purpose_of(stream)?, a)));
        if let Some((handle, purpose, attached)) = found.next() {
            attached.data(
                purpose,
                data,
                link,
                &mut events_of(&mut self.events, handle),
                now.mono,
            );
        }
    }

    fn room(&mut self, stream: StreamId, now: Now) {
        if self.is_session(stream)
            && let (Some(channel), Some(link)) = (&mut self.channel, &mut self.link)
            && let Err(code) = channel.flush(link)
        {
            self.lose_session(code.into(), now.mono);
        }
    }

    fn closed(&mut self, stream: StreamId, close: &Close, now: Now) {
        if self.is_session(stream) {
            return self.session_closed(close, now.mono);
        }
        for (handle, attached) in &mut self.attached {
            if let Some(purpose) = attached.purpose_of(stream) {
                attached.cut(
                    purpose,
                    close,
                    &mut events_of(&mut self.events, *handle),
                    now.mono,
                );
            }
        }
    }

    fn ended(&mut self, close: &Close, now: Mono) {
        let why = Failure::from(close);
        self.told = close.again();
        self.lose_link(now);
        if close.code.is_some_and(outdated) {
            self.over_unless_changed(why, self.memory.grant.clone());
        } else if why.is_lasting() {
            self.over(why);
        } else if close.code != Some(CloseCode::Done) {
            self.events.push_back(Event::Trouble(why));
        }
    }

    fn lose_link(&mut self, now: Mono) {
        self.forget_link();
        for (handle, attached) in &mut self.attached {
            attached.session_lost(None, &mut events_of(&mut self.events, *handle), now);
        }
    }

    fn is_session(&self, stream: StreamId) -> bool {
        self.channel
            .as_ref()
            .is_some_and(|channel| channel.stream() == stream)
    }

    /// Sends whatever waits, and asks for the tokens that are wanted.
    pub(super) fn pump(&mut self, now: Now) {
        if self.may_ask() {
            self.mint_wanted(now.mono);
        }
        let Some(link) = &mut self.link else { return };
        for (handle, attached) in &mut self.attached {
            attached.flush(link, &mut events_of(&mut self.events, *handle), now.mono);
        }
    }
}
