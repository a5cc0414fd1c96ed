//! One attached terminal: the stream that shows it, the stream that types into it, and both coming back after a cut.

use super::leg::{Leg, Stage};
use super::screen::Screen;
use super::sealed::{Minted, Sealed};
use super::typed::Typed;
use super::{InputState, Mode, TerminalEvent, TerminalEvents, Unsent};
use crate::failure::Failure;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, StreamId};
use lanyard_shared::ids::{TerminalId, TokenId, WriterId};
use lanyard_shared::limits::{PRESENCE, STREAM_WINDOW};
use lanyard_shared::link::Link;
use lanyard_shared::msg::{Grid, Scope};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::{Mono, UnixMs};

/// What the agent may have on its way to us in a terminal stream: short answers only.
const ANSWER_WINDOW: u32 = 64 * 1024;

/// One attached terminal.
pub(super) struct Attached {
    pub terminal: TerminalId,
    mode: Mode,
    grid: Grid,
    view: View,
    typist: Typist,
}

struct View {
    leg: Leg,
    screen: Screen,
    /// The opening has not gone out on the present stream.
    opening: bool,
    interrupted: bool,
    /// Payload handed out and not yet consumed: it takes from the window of the next stream.
    outstanding: u32,
}

struct Typist {
    leg: Leg,
    writer: WriterId,
    typed: Typed,
    /// Records that wait for room, ahead of input.
    due: Vec<ViewerRecord>,
    /// The agent has said where this writer stands.
    opened: bool,
    /// A stream is wanted even without input that waits.
    wanted: bool,
    take_over: bool,
    /// When a person last did something here.
    present: Mono,
    state: InputState,
}

impl Attached {
    pub fn new(
        terminal: TerminalId,
        grid: Grid,
        mode: Mode,
        writer: WriterId,
        have: Option<u64>,
        now: Mono,
    ) -> Self {
        let view = View {
            leg: Leg::new(),
            screen: Screen::new(have),
            opening: false,
            interrupted: false,
            outstanding: 0,
        };
        let typist = Typist {
            leg: Leg::new(),
            writer,
            typed: Typed::default(),
            due: Vec::new(),
            opened: false,
            wanted: mode == Mode::Drive,
            take_over: false,
            present: now,
            state: InputState::Opening,
        };
        Self {
            terminal,
            mode,
            grid,
            view,
            typist,
        }
    }

    // What the consumer does.

    pub fn type_bytes(&mut self, bytes: Bytes, events: &mut TerminalEvents<'_>, now: Mono) {
        let typist = &mut self.typist;
        typist.present = now;
        let why = if self.mode == Mode::ViewOnly || typist.leg.is_over() {
            Unsent::Refused
        } else if typist.state == InputState::Watching {
            Unsent::NotDriving
        } else {
            return typist.typed.push(bytes, now);
        };
        events.push(TerminalEvent::Unsent { bytes, why });
    }

    pub fn unapplied(&self) -> usize {
        self.typist.typed.bytes()
    }

    pub fn resize(&mut self, grid: Grid) {
        if self.grid != grid {
            self.grid = grid;
            if self.typist.opened {
                self.typist
                    .due
                    .retain(|record| !matches!(record, ViewerRecord::Resize(_)));
                self.typist.due.push(ViewerRecord::Resize(grid));
            }
        }
    }

    pub fn take_over(&mut self, now: Mono) {
        self.typist.present = now;
        match (self.mode, self.typist.opened) {
            (Mode::ViewOnly, _) => {}
            (Mode::Drive, true) => self.typist.due.push(ViewerRecord::TakeOver),
            (Mode::Drive, false) => self.typist.take_over = true,
        }
    }

    pub fn consumed(&mut self, link: &mut Link, payload: u32) {
        self.consumed_offline(payload);
        if let Some(sealed) = self.view.leg.sealed() {
            sealed.consumed(link, payload);
        }
    }

    pub fn consumed_offline(&mut self, payload: u32) {
        self.view.outstanding = self.view.outstanding.saturating_sub(payload);
    }

    // Coming to a stream.

    /// The purposes a token is to be asked for now.
    pub fn wants(&self, now: Mono) -> impl Iterator<Item = Scope> + use<> {
        let typist = &self.typist;
        let types = self.mode == Mode::Drive
            && (typist.wanted || typist.take_over || !typist.typed.is_empty());
        let view = self.view.leg.may_mint(now).then_some(Scope::View);
        let terminal = (types && typist.leg.may_mint(now)).then_some(Scope::Terminal);
        view.into_iter().chain(terminal)
    }

    pub fn next_look(&self, now: Mono) -> Option<Mono> {
        let expires = (!self.typist.opened)
            .then(|| self.typist.typed.expires())
            .flatten();
        let legs = [self.view.leg.next_look(now), self.typist.leg.next_look(now)];
        legs.into_iter().flatten().chain(expires).min()
    }

    pub fn minting(&mut self, purpose: Scope, req: u32) {
        self.leg(purpose).stage = Stage::Minting(req);
    }

    /// The token is there: its stream is opened. False when this request is not waited for any more.
    pub fn minted(
        &mut self,
        purpose: Scope,
        req: u32,
        minted: Minted,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if !self.leg(purpose).is_request(req) {
            return;
        }
        let (credit, window) = match purpose {
            Scope::View => (
                STREAM_WINDOW.saturating_sub(self.view.outstanding),
                STREAM_WINDOW,
            ),
            Scope::Terminal => (ANSWER_WINDOW, ANSWER_WINDOW),
        };
        match Sealed::open(link, minted, credit, window) {
            Some(sealed) => self.leg(purpose).stage = Stage::Open(Box::new(sealed)),
            None => self.broken(purpose, CloseCode::TooManyStreams.into(), events, now),
        }
    }

    pub fn mint_refused(
        &mut self,
        purpose: Scope,
        req: u32,
        why: Failure,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if self.leg(purpose).is_request(req) {
            self.broken(purpose, why, events, now);
        }
    }

    // What comes on streams.

    pub fn purpose_of(&self, stream: StreamId) -> Option<Scope> {
        if self.view.leg.is_stream(stream) {
            Some(Scope::View)
        } else {
            self.typist.leg.is_stream(stream).then_some(Scope::Terminal)
        }
    }

    pub fn accepted(&mut self, purpose: Scope, link: &mut Link, events: &mut TerminalEvents<'_>) {
        let opening = self.typist_opening();
        if let Some(sealed) = self.leg(purpose).sealed() {
            sealed.accepted(link);
        }
        match purpose {
            Scope::View => {
                self.view.screen.restart();
                self.view.opening = true;
                if std::mem::take(&mut self.view.interrupted) {
                    events.push(TerminalEvent::Resumed);
                }
            }
            Scope::Terminal => self.typist.due = vec![opening],
        }
    }

    fn typist_opening(&self) -> ViewerRecord {
        let Typist {
            writer, take_over, ..
        } = self.typist;
        ViewerRecord::TerminalOpening {
            writer,
            grid: self.grid,
            take_over,
        }
    }

    /// Sends what waits and the agent takes.
    pub fn flush(&mut self, link: &mut Link, events: &mut TerminalEvents<'_>, now: Mono) {
        if let Err(code) = self.view.flush(self.grid, link) {
            self.fault(Scope::View, code, link, events, now);
        }
        if let Err(code) = self.typist.flush(link) {
            self.fault(Scope::Terminal, code, link, events, now);
        }
    }

    pub fn data(
        &mut self,
        purpose: Scope,
        data: Bytes,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        let payload = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let Some(sealed) = self.leg(purpose).sealed() else {
            return;
        };
        let outcome = sealed.read(data).and_then(|record| {
            self.leg(purpose).proven();
            match (purpose, record) {
                (_, AgentRecord::End(close)) => {
                    self.ended(purpose, &close, events, now);
                    Ok(())
                }
                (Scope::View, record) => self.view.take(record, payload, link, events),
                (Scope::Terminal, record) => self.typist.take(record, payload, link, events, now),
            }
        });
        if let Err(code) = outcome {
            self.fault(purpose, code, link, events, now);
        }
    }

    /// The agent ended the stream, sealed.
    fn ended(&mut self, purpose: Scope, close: &Close, events: &mut TerminalEvents<'_>, now: Mono) {
        self.ended_because(purpose, Failure::from(close), events, now);
    }

    fn ended_because(
        &mut self,
        purpose: Scope,
        why: Failure,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if purpose == Scope::Terminal && why.code() == Some(CloseCode::Lapsed) {
            self.typist.lapsed(events, now);
        } else {
            self.broken(purpose, why, events, now);
        }
    }

    /// The session says that a token has ended; its stream may not have had room to say so itself.
    pub fn token_ended(
        &mut self,
        jti: TokenId,
        why: Failure,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if let Some((purpose, stream)) = self.stream_of(jti) {
            link.close(stream, CloseCode::Done.into());
            self.ended_because(purpose, why, events, now);
        }
    }

    pub fn token_renewed(&mut self, jti: TokenId, until: UnixMs, events: &mut TerminalEvents<'_>) {
        if let Some((purpose, _)) = self.stream_of(jti) {
            if let Some(sealed) = self.leg(purpose).sealed() {
                sealed.expires = until;
            }
            events.push(TerminalEvent::Renewed {
                purpose,
                expires: until,
            });
        }
    }

    fn stream_of(&mut self, jti: TokenId) -> Option<(Scope, StreamId)> {
        [Scope::View, Scope::Terminal]
            .into_iter()
            .find_map(|purpose| {
                let sealed = self
                    .leg(purpose)
                    .sealed()
                    .filter(|sealed| sealed.jti() == jti)?;
                Some((purpose, sealed.stream()))
            })
    }

    /// A close without a sealed end before it: made by the relay or the network, so all that is known is that it was cut.
    pub fn cut(
        &mut self,
        purpose: Scope,
        close: &Close,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if purpose == Scope::Terminal && close.code == Some(CloseCode::Lapsed) {
            // Believing this costs no more than a key that asks for a new token.
            self.typist.lapsed(events, now);
        } else {
            self.broken(purpose, CloseCode::Cut.into(), events, now);
        }
    }

    /// The session is gone, and its streams with it.
    pub fn session_lost(
        &mut self,
        link: Option<&mut Link>,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if let Some(link) = link {
            self.hang_up(link);
        }
        if !self.view.leg.is_over() {
            self.view.interrupt(CloseCode::Cut.into(), events);
            self.view.leg.reset();
        }
        if !self.typist.leg.is_over() {
            self.typist.lost(events, now);
            self.typist.leg.reset();
        }
    }

    /// Closes the streams there are.
    pub fn hang_up(&mut self, link: &mut Link) {
        for purpose in [Scope::View, Scope::Terminal] {
            if let Some(sealed) = self.leg(purpose).sealed() {
                link.close(sealed.stream(), CloseCode::Done.into());
            }
        }
    }

    /// Nothing comes back by itself.
    pub fn give_up(&mut self, why: &Failure, events: &mut TerminalEvents<'_>) {
        self.typist.refuse(why.clone(), events);
        if !self.view.leg.is_over() {
            self.view.leg.end();
            events.push(TerminalEvent::Ended(why.clone()));
        }
    }

    pub fn on_timeout(&mut self, events: &mut TerminalEvents<'_>, now: Mono) {
        if !self.typist.opened
            && let Some(bytes) = self.typist.typed.expire(now)
        {
            events.push(TerminalEvent::Unsent {
                bytes,
                why: Unsent::TooOld,
            });
        }
    }

    /// The agent broke the protocol, or somebody between changed what it said: the stream ends from this side.
    fn fault(
        &mut self,
        purpose: Scope,
        code: CloseCode,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
        _now: Mono,
    ) {
        if let Some(sealed) = self.leg(purpose).sealed() {
            link.cut(sealed.stream(), code.into());
        }
        match purpose {
            Scope::View => {
                self.hang_up(link);
                self.give_up(&code.into(), events);
            }
            Scope::Terminal => self.typist.refuse(code.into(), events),
        }
    }

    /// A stream or the attempt at one ended: again later, unless that cannot help.
    fn broken(&mut self, purpose: Scope, why: Failure, events: &mut TerminalEvents<'_>, now: Mono) {
        match (purpose, why.is_lasting()) {
            (Scope::View, true) => self.give_up(&why, events),
            (Scope::Terminal, true) => self.typist.refuse(why, events),
            (Scope::View, false) => {
                self.view.interrupt(why, events);
                self.view.leg.failed(now);
            }
            (Scope::Terminal, false) => {
                self.typist.lost(events, now);
                self.typist.leg.failed(now);
            }
        }
    }

    fn leg(&mut self, purpose: Scope) -> &mut Leg {
        match purpose {
            Scope::View => &mut self.view.leg,
            Scope::Terminal => &mut self.typist.leg,
        }
    }
}

impl View {
    fn flush(&mut self, grid: Grid, link: &mut Link) -> Result<(), CloseCode> {
        if self.opening
            && let Some(sealed) = self.leg.sealed()
        {
            let opening = ViewerRecord::ViewOpening {
                have: self.screen.have(),
                grid,
            };
            self.opening = !sealed.send(link, &opening)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        record: AgentRecord,
        payload: u32,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
    ) -> Result<(), CloseCode> {
        let event = self.screen.take(record)?;
        if matches!(event, Some(TerminalEvent::Output { .. })) {
            self.outstanding += payload;
        } else if let Some(sealed) = self.leg.sealed() {
            sealed.consumed(link, payload);
        }
        if let Some(event) = event {
            events.push(event);
        }
        Ok(())
    }

    fn interrupt(&mut self, why: Failure, events: &mut TerminalEvents<'_>) {
        self.opening = false;
        if !std::mem::replace(&mut self.interrupted, true) {
            events.push(TerminalEvent::Interrupted(why));
        }
    }
}

impl Typist {
    fn flush(&mut self, link: &mut Link) -> Result<(), CloseCode> {
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

    fn take(
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
                if std::mem::take(&mut self.take_over) && !driver {
                    // Wished for after the opening had gone out.
                    self.due.push(ViewerRecord::TakeOver);
                }
                if let Some((why, bytes)) = self.typed.opened(last, driver, now)? {
                    events.push(TerminalEvent::Unsent { bytes, why });
                }
                self.set_state(
                    if driver {
                        InputState::Driving
                    } else {
                        InputState::Watching
                    },
                    events,
                );
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
            | AgentRecord::Snapshot { .. }
            | AgentRecord::SnapshotChunk(_)
            | AgentRecord::Output { .. }
            | AgentRecord::Size(_)
            | AgentRecord::Exit(_)
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
                bytes: self.typed.take_all(),
                why: Unsent::NotDriving,
            });
        }
    }

    /// The stream is gone for another reason than its time. Who was typing a moment ago goes on without another key.
    fn lost(&mut self, events: &mut TerminalEvents<'_>, now: Mono) {
        let active = matches!(self.state, InputState::Driving | InputState::Watching)
            && now.since(self.present) < PRESENCE;
        self.wanted |= active;
        self.stream_lost();
        if self.state != InputState::Lapsed {
            self.set_state(InputState::Opening, events);
        }
    }

    fn lapsed(&mut self, events: &mut TerminalEvents<'_>, now: Mono) {
        self.wanted = false;
        self.stream_lost();
        self.leg.failed(now);
        self.set_state(InputState::Lapsed, events);
    }

    fn refuse(&mut self, why: Failure, events: &mut TerminalEvents<'_>) {
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
