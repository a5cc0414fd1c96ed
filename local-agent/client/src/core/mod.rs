//! What a viewer decides, without IO: its session, its requests, its streams, and how all of them come back after a cut.
//!
//! Messages, keys, the time and randomness go in; messages, events and deadlines come out. The shell only dials ([`Viewer::poll_dial`])
//! and carries messages. A new link means a new session, new tokens, and streams that go on where the old ones ended.

mod attached;
mod chance;
mod channel;
mod event;
mod keep;
mod leg;
mod link;
mod pairing;
mod request;
mod screen;
mod sealed;
mod session;
#[cfg(test)]
mod tests;
mod typed;
mod typist;
mod view;

pub use event::{
    Answer, Event, Greeting, Half, HandleId, InputState, Memory, Mode, News, OwnKeys, PastPage,
    State, TerminalEvent, Unsent,
};
pub use pairing::{Pairing, PairingEvent};

use crate::failure::Failure;
use attached::Attached;
use bytes::Bytes;
use chance::Chance;
use channel::Channel;
use ed25519_dalek::SigningKey;
use keep::Recall;
use lanyard_dial::Backoff;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{AgentId, ConnId, TerminalId, WriterId};
use lanyard_shared::limits::{HEARTBEAT, LIVE_FOR};
use lanyard_shared::link::Link;
use lanyard_shared::msg::Grid;
use lanyard_shared::noise::StaticKey;
use lanyard_shared::time::{Mono, Now};
use request::Request;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Who talks to whom.
#[derive(Clone, Debug)]
pub struct Party {
    /// The machine.
    pub agent: AgentId,
    /// The machine's static Noise key.
    pub remote: [u8; 32],
    /// The device's signing key: the one its links prove.
    pub key: Arc<SigningKey>,
    /// The device's static Noise key.
    pub noise: StaticKey,
    /// How the device calls itself, at most 64 characters.
    pub name: String,
}

/// Where dialling stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dial {
    Wait(Mono),
    Asked,
    Up,
    Over,
}

/// One viewer of one machine.
pub struct Viewer {
    party: Party,
    memory: Memory,
    /// What was learned and is not on disk yet.
    unkept: VecDeque<News>,
    recall: Option<Recall>,
    /// The grant that opened the present session, or the one before.
    shown: String,
    dial: Dial,
    backoff: Backoff,
    /// When the relay wants to be asked again, if it said so as it ended the link.
    told: Option<Duration>,
    /// The present wait is what the relay asked for.
    told_to_wait: bool,
    link: Option<Link>,
    conn: Option<ConnId>,
    channel: Option<Channel>,
    /// When to open a session again, while the link stands without one.
    session_again: Option<Mono>,
    session_backoff: Backoff,
    chance: Chance,
    /// The agent has proven itself in this session and was told hello: it may be asked, and answers after its welcome.
    introduced: bool,
    /// The agent said welcome in this session.
    greeted: bool,
    requests: BTreeMap<u32, Request>,
    next_request: u32,
    next_ping: Mono,
    /// The ping that is on its way, and since when.
    ping: Option<(u32, Mono)>,
    heard: Option<Mono>,
    rtt: Option<Duration>,
    attached: BTreeMap<HandleId, Attached>,
    state: State,
    events: VecDeque<Event>,
}

impl Viewer {
    /// A viewer that wants to dial at once. `memory` is what is kept of the machine; where it says other keys than `party`, they count.
    #[must_use]
    pub fn new(party: Party, memory: Memory, now: Mono) -> Self {
        let chance = Chance::of(party.key.verifying_key().as_bytes());
        Self {
            party: memory.applied_to(party),
            memory,
            unkept: VecDeque::new(),
            recall: None,
            shown: String::new(),
            dial: Dial::Wait(now),
            backoff: Backoff::default(),
            told: None,
            told_to_wait: false,
            link: None,
            conn: None,
            channel: None,
            session_again: None,
            session_backoff: Backoff::default(),
            chance,
            introduced: false,
            greeted: false,
            requests: BTreeMap::new(),
            next_request: 1,
            next_ping: now,
            ping: None,
            heard: None,
            rtt: None,
            attached: BTreeMap::new(),
            state: State::Connecting,
            events: VecDeque::new(),
        }
    }

    /// True, once, when the shell should dial; it then calls [`Viewer::dialled`] or [`Viewer::dial_failed`].
    pub fn poll_dial(&mut self, now: Mono) -> bool {
        let due = matches!(self.dial, Dial::Wait(at) if at <= now);
        if due {
            self.dial = Dial::Asked;
        }
        due
    }

    /// Where the viewer stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// When the machine last answered, end to end.
    #[must_use]
    pub fn heard(&self) -> Option<Mono> {
        self.heard
    }

    /// How long the last ping to the machine and back took.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Attaches to a terminal, under a name and with a writer id that were never used before. `have` is the output the consumer has
    /// already; `None` asks for the picture.
    #[expect(
        clippy::too_many_arguments,
        reason = "what one attachment is, said once"
    )]
    pub fn open(
        &mut self,
        handle: HandleId,
        terminal: TerminalId,
        grid: Grid,
        mode: Mode,
        writer: WriterId,
        have: Option<u64>,
        now: Now,
    ) {
        let mut attached = Attached::new(terminal, grid, mode, writer, have, now.mono);
        if let State::Over(why) = &self.state {
            attached.give_up(why, &mut events_of(&mut self.events, handle));
        }
        self.attached.insert(handle, attached);
        self.pump(now);
    }

    /// Lets a terminal go. Nothing more is heard of it.
    pub fn close(&mut self, handle: HandleId) {
        if let (Some(mut attached), Some(link)) = (self.attached.remove(&handle), &mut self.link) {
            attached.hang_up(link);
        }
    }

    /// Types into a terminal. What cannot be applied comes back as [`TerminalEvent::Unsent`].
    pub fn type_bytes(&mut self, handle: HandleId, bytes: Bytes, now: Now) {
        if let Some(attached) = self.attached.get_mut(&handle) {
            attached.type_bytes(bytes, &mut events_of(&mut self.events, handle), now.mono);
        }
        self.pump(now);
    }

    /// Bytes typed into a terminal that are not known to be applied.
    #[must_use]
    pub fn unapplied(&self, handle: HandleId) -> usize {
        self.attached.get(&handle).map_or(0, Attached::unapplied)
    }

    /// The viewer's screen has this size now. The terminal follows while this viewer drives.
    pub fn resize(&mut self, handle: HandleId, grid: Grid, now: Now) {
        if let Some(attached) = self.attached.get_mut(&handle) {
            attached.resize(grid);
        }
        self.pump(now);
    }

    /// Drives from now on, whoever drove before.
    pub fn take_over(&mut self, handle: HandleId, now: Now) {
        if let Some(attached) = self.attached.get_mut(&handle) {
            attached.take_over(now.mono);
        }
        self.pump(now);
    }

    /// The consumer has used an [`TerminalEvent::Output`] of so many bytes of payload: its length plus
    /// [`lanyard_shared::record::OUTPUT_OVERHEAD`]. The agent gets credit for it; who does not call this gets 512 KiB and no more.
    pub fn consumed(&mut self, handle: HandleId, payload: u32) {
        if let (Some(attached), Some(link)) = (self.attached.get_mut(&handle), &mut self.link) {
            attached.consumed(link, payload);
        } else if let Some(attached) = self.attached.get_mut(&handle) {
            attached.consumed_offline(payload);
        }
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn set_state(&mut self, state: State) {
        if self.state != state && !matches!(self.state, State::Over(_)) {
            self.state = state.clone();
            self.events.push_back(Event::State(state));
        }
    }

    /// It does not go on by itself: every terminal and request hears why.
    fn over(&mut self, why: Failure) {
        self.dial = Dial::Over;
        self.recall = None;
        if let Some(link) = &mut self.link {
            link.end(CloseCode::Done);
        }
        self.forget_link();
        for (req, _) in std::mem::take(&mut self.requests) {
            self.events
                .push_back(Event::Answered(req, Err(why.clone())));
        }
        for (handle, attached) in &mut self.attached {
            attached.give_up(&why, &mut events_of(&mut self.events, *handle));
        }
        self.set_state(State::Over(why));
    }

    /// Ends the viewer: a close goes out, and nothing is dialled again.
    pub fn shut_down(&mut self) {
        self.over(CloseCode::Done.into());
    }

    /// Whether what is asked goes out at once. It need not wait for the welcome, which would cost a round trip.
    fn may_ask(&self) -> bool {
        self.introduced && self.link.is_some()
    }

    fn is_live(&self) -> bool {
        self.greeted && self.link.is_some()
    }

    /// When a machine that was asked for a session and has said nothing is silent.
    fn owed_at(&self) -> Option<Mono> {
        let asked = self.channel.as_ref().filter(|_| !self.greeted)?.since();
        Some(asked + HEARTBEAT)
    }

    fn look_at_liveness(&mut self, now: Mono) {
        if self.is_live() {
            let silent = self.heard.is_none_or(|heard| now.since(heard) >= LIVE_FOR);
            self.set_state(if silent { State::Silent } else { State::Live });
        } else if self.state != State::Silent
            && self.owed_at().is_some_and(|at| at <= now)
            && let Some(link) = &mut self.link
        {
            // The relay has handed on what was asked. Whether it is still there itself shows at once.
            link.doubt(now);
            self.set_state(State::Silent);
        }
    }
}

/// Where events of one terminal go.
struct TerminalEvents<'a> {
    events: &'a mut VecDeque<Event>,
    handle: HandleId,
}

impl TerminalEvents<'_> {
    fn push(&mut self, event: TerminalEvent) {
        self.events.push_back(Event::Terminal(self.handle, event));
    }
}

fn events_of(events: &mut VecDeque<Event>, handle: HandleId) -> TerminalEvents<'_> {
    TerminalEvents { events, handle }
}
