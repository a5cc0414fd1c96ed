//! The stream that types into a terminal: who drives, what is on its way, and coming back after a cut or a lapse.

use super::leg::Leg;
use super::typed::Typed;
use super::{InputState, TerminalEvent, TerminalEvents, Unsent};
use crate::failure::Failure;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::WriterId;
use lanyard_shared::limits::PRESENCE;
use lanyard_shared::link::Link;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::report::is_report;
use lanyard_shared::time::Mono;

/// See the module.
pub(super) struct Typist {
    pub leg: Leg,
    writer: WriterId,
    typed: Typed,
    /// Records that wait for room, ahead of input.
    due: Vec<ViewerRecord>,
    /// The agent has said where this writer stands.
    opened: bool,
    /// A stream is wanted even without input that waits.
    wanted: bool,
    take_over: bool,
    /// A size that came while an opening with another one may be on its way.
    resized: Option<Grid>,
    /// When a person last did something here.
    present: Mono,
    state: InputState,
}

impl Typist {
    /// With `wanted`, a stream is wanted before anything is typed.
    pub fn new(writer: WriterId, wanted: bool, now: Mono) -> Self {
        Self {
            leg: Leg::new(&writer.0),
            writer,
            typed: Typed::default(),
            due: Vec::new(),
            opened: false,
            wanted,
            take_over: false,
            resized: None,
            present: now,
            state: InputState::Opening,
        }
    }

    pub fn push(&mut self, bytes: Bytes, events: &mut TerminalEvents<'_>, now: Mono) {
        // What the terminal says by itself keeps nothing alive and asks for nothing; it is worth something only while a program waits for it.
        if is_report(&bytes) {
            if self.opened && self.state == InputState::Driving {
                self.typed.push(bytes, now);
            }
            return;
        }
        self.present = now;
        let why = if self.leg.is_over() {
            Unsent::Refused
        } else if self.state == InputState::Watching {
            Unsent::NotDriving
        } else {
            return self.typed.push(bytes, now);
        };
        events.push(TerminalEvent::Unsent { bytes, why });
    }

    /// Bytes not known to be applied.
    pub fn unapplied(&self) -> usize {
        self.typed.bytes()
    }

    /// Without a stream, the next opening says the size; one that is on its way already is followed by it.
    pub fn resize(&mut self, grid: Grid) {
        if self.opened {
            self.due
                .retain(|record| !matches!(record, ViewerRecord::Resize(_)));
            self.due.push(ViewerRecord::Resize(grid));
        } else {
            self.resized = Some(grid);
        }
    }

    pub fn take_wheel(&mut self, now: Mono) {
        self.present = now;
        if self.opened {
            self.due.push(ViewerRecord::TakeOver);
        } else {
            self.take_over = true;
        }
    }

    pub fn wants_stream(&self) -> bool {
        self.wanted || self.take_over || !self.typed.is_empty()
    }

    /// When what waits without a stream is given back.
    pub fn expires(&self) -> Option<Mono> {
        self.typed.expires().filter(|_| !self.opened)
    }

    pub fn on_timeout(&mut self, events: &mut TerminalEvents<'_>, now: Mono) {
        if !self.opened
            && let Some(bytes) = self.typed.expire(now)
        {
            events.push(TerminalEvent::Unsent {
                bytes,
                why: Unsent::TooOld,
            });
        }
    }

    /// What a stream begins with.
    pub fn opening(&mut self, grid: Grid) -> ViewerRecord {
        self.resized = None;
        let Self {
            writer, take_over, ..
        } = *self;
        ViewerRecord::TerminalOpening {
            writer,
            grid,
            take_over,
        }
    }

    /// Sends what waits and the agent takes.
    pub fn flush(&mut self, link: &mut Link) -> Result<(), CloseCode> {
        let Some(sealed) = self.leg.sealed() else {
            return Ok(());
        };
        while let Some(record) = self.due.first() {
            if !sealed.send(link, record)? {
                return Ok(());
            }
            self.due.remove(0);
        }
        while self.opened
            && self.state == InputState::Driving
            && let Some((seq, bytes)) = self.typed.peek()
        {
            if !sealed.send(link, &ViewerRecord::Input { seq, bytes })? {
                return Ok(());
            }
            self.typed.mark_sent();
        }
        Ok(())
    }

    /// Takes a record, except the end.
    pub fn take(
        &mut self,
        record: AgentRecord,
        payload: u32,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) -> Result<(), CloseCode> {
        if let Some(sealed) = self.leg.sealed() {
            sealed.consumed(link, payload);
        }
        match record {
            AgentRecord::Opened { last, driver } if !self.opened => {
                (self.opened, self.wanted) = (true, false);
                self.due
                    .extend(self.resized.take().map(ViewerRecord::Resize));
                if std::mem::take(&mut self.take_over) && !driver {
                    // Wished for after the opening had gone out.
                    self.due.push(ViewerRecord::TakeOver);
                }
                if let Some((why, bytes)) = self.typed.opened(last, driver, now)? {
                    events.push(TerminalEvent::Unsent { bytes, why });
                }
                let state = if driver {
                    InputState::Driving
                } else {
                    InputState::Watching
                };
                self.set_state(state, events);
                Ok(())
            }
            AgentRecord::Applied(seq) if self.opened => self.typed.applied(seq),
            AgentRecord::Driver(true) if self.opened => {
                self.set_state(InputState::Driving, events);
                Ok(())
            }
            AgentRecord::Driver(false) if self.opened => {
                self.overtaken(link, events);
                Ok(())
            }
            AgentRecord::Opened { .. }
            | AgentRecord::Applied(_)
            | AgentRecord::Driver(_)
            | AgentRecord::Ready
            | AgentRecord::Reply(_)
            | AgentRecord::Snapshot { .. }
            | AgentRecord::SnapshotChunk(_)
            | AgentRecord::Output { .. }
            | AgentRecord::Size(_)
            | AgentRecord::Exit(_)
            | AgentRecord::At(_)
            | AgentRecord::End(_) => Err(CloseCode::UnexpectedFrame),
        }
    }

    /// Another viewer drives. Which of the inputs on their way were applied, only a new opening tells; their numbers depend on it.
    fn overtaken(&mut self, link: &mut Link, events: &mut TerminalEvents<'_>) {
        self.set_state(InputState::Watching, events);
        if self.typed.in_doubt() {
            if let Some(sealed) = self.leg.sealed() {
                link.close(sealed.stream(), CloseCode::Done.into());
            }
            self.typed.stream_lost();
            (self.opened, self.wanted) = (false, true);
            self.leg.reset();
        } else if !self.typed.is_empty() {
            events.push(TerminalEvent::Unsent {
                bytes: self.typed.give_back(),
                why: Unsent::NotDriving,
            });
        }
    }

    /// The stream is gone for another reason than its time. Who was typing a moment ago goes on without another key.
    pub fn lost(&mut self, events: &mut TerminalEvents<'_>, now: Mono) {
        let active = matches!(self.state, InputState::Driving | InputState::Watching)
            && now.since(self.present) < PRESENCE;
        self.wanted |= active;
        self.stream_lost();
        if self.state != InputState::Lapsed {
            self.set_state(InputState::Opening, events);
        }
    }

    /// The token's time is over; the next key asks for another.
    pub fn lapsed(&mut self, events: &mut TerminalEvents<'_>, now: Mono) {
        self.wanted = false;
        self.stream_lost();
        self.leg.failed(now);
        self.set_state(InputState::Lapsed, events);
    }

    /// This viewer does not type here any more.
    pub fn refuse(&mut self, why: Failure, events: &mut TerminalEvents<'_>) {
        if self.leg.is_over() {
            return;
        }
        self.stream_lost();
        self.leg.end();
        let bytes = self.typed.take_all();
        if !bytes.is_empty() {
            events.push(TerminalEvent::Unsent {
                bytes,
                why: Unsent::Refused,
            });
        }
        self.set_state(InputState::Refused(why), events);
    }

    fn stream_lost(&mut self) {
        self.opened = false;
        self.due.clear();
        self.typed.stream_lost();
    }

    fn set_state(&mut self, state: InputState, events: &mut TerminalEvents<'_>) {
        if self.state != state {
            self.state = state.clone();
            events.push(TerminalEvent::Input(state));
        }
    }
}
