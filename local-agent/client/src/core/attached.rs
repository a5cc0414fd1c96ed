//! One attached terminal: the stream that shows it, the stream that types into it, and both coming back after a cut.

use super::event::Half;
use super::leg::{Leg, Stage};
use super::sealed::{Minted, Sealed};
use super::typist::Typist;
use super::view::View;
use super::{Mode, TerminalEvent, TerminalEvents, Unsent};
use crate::failure::Failure;
use crate::limits::ANSWER_WINDOW;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, StreamId};
use lanyard_shared::ids::{TerminalId, TokenId, WriterId};
use lanyard_shared::limits::{GRID_MAX, STREAM_WINDOW};
use lanyard_shared::link::Link;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::AgentRecord;
use lanyard_shared::time::{Mono, UnixMs};

/// One attached terminal.
pub(super) struct Attached {
    pub terminal: TerminalId,
    mode: Mode,
    grid: Grid,
    view: View,
    typist: Typist,
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
        Self {
            terminal,
            mode,
            grid: fitting(grid),
            view: View::new(have, &writer.0),
            typist: Typist::new(writer, mode == Mode::Drive, now),
        }
    }

    // What the consumer does.

    pub fn type_bytes(&mut self, bytes: Bytes, events: &mut TerminalEvents<'_>, now: Mono) {
        match self.mode {
            Mode::Drive => self.typist.push(bytes, events, now),
            Mode::ViewOnly => events.push(TerminalEvent::Unsent {
                bytes,
                why: Unsent::Refused,
            }),
        }
    }

    pub fn unapplied(&self) -> usize {
        self.typist.unapplied()
    }

    pub fn resize(&mut self, grid: Grid) {
        let grid = fitting(grid);
        if self.grid != grid {
            self.grid = grid;
            self.typist.resize(grid);
        }
    }

    pub fn take_over(&mut self, now: Mono) {
        if self.mode == Mode::Drive {
            self.typist.take_wheel(now);
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
    pub fn wants(&self, now: Mono) -> impl Iterator<Item = Half> + use<> {
        let types = self.mode == Mode::Drive && self.typist.wants_stream();
        let view = self.view.leg.may_mint(now).then_some(Half::View);
        let terminal = (types && self.typist.leg.may_mint(now)).then_some(Half::Terminal);
        view.into_iter().chain(terminal)
    }

    pub fn next_look(&self, now: Mono) -> Option<Mono> {
        let expires = self.typist.expires();
        let legs = [self.view.leg.next_look(now), self.typist.leg.next_look(now)];
        legs.into_iter().flatten().chain(expires).min()
    }

    pub fn minting(&mut self, purpose: Half, req: u32) {
        self.leg(purpose).stage = Stage::Minting(req);
    }

    /// The token is there: its stream is opened. False when this request is not waited for any more.
    pub fn minted(
        &mut self,
        purpose: Half,
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
            Half::View => (
                STREAM_WINDOW.saturating_sub(self.view.outstanding),
                STREAM_WINDOW,
            ),
            Half::Terminal => (ANSWER_WINDOW, ANSWER_WINDOW),
        };
        let opening = match purpose {
            Half::View => self.view.opening(self.grid),
            Half::Terminal => self.typist.opening(self.grid),
        };
        match Sealed::open(link, minted, &opening, credit, window) {
            Ok(sealed) => self.leg(purpose).open(sealed, now),
            Err(code) => self.broken(purpose, code.into(), events, now),
        }
    }

    pub fn mint_refused(
        &mut self,
        purpose: Half,
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

    pub fn purpose_of(&self, stream: StreamId) -> Option<Half> {
        if self.view.leg.is_stream(stream) {
            Some(Half::View)
        } else {
            self.typist.leg.is_stream(stream).then_some(Half::Terminal)
        }
    }

    pub fn accepted(&mut self, purpose: Half, link: &mut Link, events: &mut TerminalEvents<'_>) {
        if let Some(sealed) = self.leg(purpose).sealed() {
            sealed.accepted(link);
        }
        if purpose == Half::View {
            self.view.accepted(events);
        }
    }

    /// Sends what waits and the agent takes.
    pub fn flush(&mut self, link: &mut Link, events: &mut TerminalEvents<'_>, now: Mono) {
        if let Err(code) = self.typist.flush(link) {
            self.fault(Half::Terminal, code, link, events, now);
        }
    }

    pub fn data(
        &mut self,
        purpose: Half,
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
            self.leg(purpose).proven(now);
            match (purpose, record) {
                (_, AgentRecord::End(close)) => {
                    self.ended(purpose, &close, events, now);
                    Ok(())
                }
                (Half::View, record) => self.view.take(record, payload, link, events),
                (Half::Terminal, record) => self.typist.take(record, payload, link, events, now),
            }
        });
        if let Err(code) = outcome {
            self.fault(purpose, code, link, events, now);
        }
    }

    /// The agent ended the stream, sealed.
    fn ended(&mut self, purpose: Half, close: &Close, events: &mut TerminalEvents<'_>, now: Mono) {
        // A terminal that has ended was played to its end: asked again, it would play again.
        if purpose == Half::View && close.code == Some(CloseCode::Done) {
            return self.give_up(&Failure::from(close), events);
        }
        self.ended_because(purpose, Failure::from(close), events, now);
    }

    fn ended_because(
        &mut self,
        purpose: Half,
        why: Failure,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        let by_key = matches!(why.code(), Some(CloseCode::Lapsed | CloseCode::TokenEnded));
        if purpose == Half::Terminal && by_key {
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

    fn stream_of(&mut self, jti: TokenId) -> Option<(Half, StreamId)> {
        [Half::View, Half::Terminal]
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
        purpose: Half,
        close: &Close,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        if purpose == Half::Terminal && close.code == Some(CloseCode::Lapsed) {
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
        for purpose in [Half::View, Half::Terminal] {
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

    pub fn on_timeout(
        &mut self,
        link: Option<&mut Link>,
        events: &mut TerminalEvents<'_>,
        now: Mono,
    ) {
        self.typist.on_timeout(events, now);
        let Some(link) = link else { return };
        for purpose in [Half::View, Half::Terminal] {
            let leg = self.leg(purpose);
            if leg.gives_up().is_some_and(|at| at <= now)
                && let Some(sealed) = leg.sealed()
            {
                let why = CloseCode::HandshakeTimeout;
                link.cut(sealed.stream(), why.into());
                self.broken(purpose, why.into(), events, now);
            }
        }
    }

    /// The agent broke the protocol, or somebody between changed what it said: the stream ends from this side.
    fn fault(
        &mut self,
        purpose: Half,
        code: CloseCode,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
        _now: Mono,
    ) {
        if let Some(sealed) = self.leg(purpose).sealed() {
            link.cut(sealed.stream(), code.into());
        }
        match purpose {
            Half::View => {
                self.hang_up(link);
                self.give_up(&code.into(), events);
            }
            Half::Terminal => self.typist.refuse(code.into(), events),
        }
    }

    /// A stream or the attempt at one ended: again later, unless that cannot help.
    fn broken(&mut self, purpose: Half, why: Failure, events: &mut TerminalEvents<'_>, now: Mono) {
        match (purpose, why.is_lasting()) {
            (Half::View, true) => self.give_up(&why, events),
            (Half::Terminal, true) => self.typist.refuse(why, events),
            (Half::View, false) => {
                self.view.interrupt(why, events);
                self.view.leg.failed(now);
            }
            (Half::Terminal, false) => {
                self.typist.lost(events, now);
                self.typist.leg.failed(now);
            }
        }
    }

    fn leg(&mut self, purpose: Half) -> &mut Leg {
        match purpose {
            Half::View => &mut self.view.leg,
            Half::Terminal => &mut self.typist.leg,
        }
    }
}

/// A size that the protocol can say.
fn fitting(grid: Grid) -> Grid {
    Grid {
        cols: grid.cols.clamp(1, GRID_MAX),
        rows: grid.rows.clamp(1, GRID_MAX),
    }
}
