//! Streams for one purpose: a token opened each, one terminal is behind each, and the present permit is asked at every use.

mod acks;
mod wheel;

use super::Core;
use super::effect::{Effect, Watched};
use crate::limits::{INPUT_WINDOW, PULL_STEP};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Origin, StreamId};
use lanyard_shared::ids::{DeviceId, TerminalId, TokenId, WriterId};
use lanyard_shared::limits::{STREAM_WINDOW, TAG};
use lanyard_shared::link::Link;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::{AgentRecord, OUTPUT_OVERHEAD, ViewerRecord};
use lanyard_shared::report;
use lanyard_shared::seal::{Direction, Opener, Sealer};
use lanyard_shared::time::{Mono, Now, UnixMs};
use lanyard_shared::token::{self, AnyPermit, Expected, Live, Permit, View};
use std::collections::VecDeque;
use std::time::Duration;

/// One such stream.
pub(super) struct PurposeStream {
    jti: TokenId,
    terminal: TerminalId,
    session: StreamId,
    sealer: Sealer,
    opener: Opener,
    waiting: VecDeque<AgentRecord>,
    kind: Kind,
}

enum Kind {
    View(ViewStream),
    Terminal(TerminalStream),
}

struct ViewStream {
    permit: Permit<View>,
    open: bool,
    /// Bytes the watch may still bring.
    pulled: u32,
    paces: bool,
}

struct TerminalStream {
    permit: Permit<token::Terminal>,
    /// `None` until the opening has come.
    writer: Option<WriterId>,
    grid: Grid,
    wants_wheel: bool,
    /// Whether the holder has said where this writer stands.
    ready: bool,
    /// Inputs on their way to the holder, with the credit they hold.
    typing: VecDeque<(u64, u32)>,
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
        let jti = permit.claims().id;
        let lease = self.leases.get(jti).ok_or(CloseCode::TokenRefused)?;
        if lease.device != device || lease.conn != origin.conn {
            return Err(CloseCode::TokenRefused);
        }
        let (terminal, session) = (lease.terminal, lease.session);
        let mut secret = None;
        self.leases
            .update(jti, |lease| secret = lease.secret.take());
        let secret = secret.ok_or(CloseCode::TokenUsed)?;
        self.leases.update(jti, |lease| lease.stream = Some(stream));
        let kind = match permit {
            AnyPermit::View(permit) => Kind::View(ViewStream {
                permit,
                open: false,
                pulled: 0,
                paces: false,
            }),
            AnyPermit::Terminal(permit) => Kind::Terminal(TerminalStream {
                permit,
                writer: None,
                grid: Grid { cols: 80, rows: 24 },
                wants_wheel: false,
                ready: false,
                typing: VecDeque::new(),
            }),
        };
        let purpose = PurposeStream {
            jti,
            terminal,
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

    /// Whether a view has come to its opening: a stream on which nothing was ever heard is not renewed.
    pub(super) fn is_watching(&self, stream: StreamId) -> bool {
        let kind = self.purposes.get(&stream).map(|purpose| &purpose.kind);
        matches!(kind, Some(Kind::View(view)) if view.open)
    }

    /// Takes one sealed record.
    pub(super) fn purpose_data(&mut self, stream: StreamId, data: Bytes, now: Now) {
        let cost = u32::try_from(data.len()).unwrap_or(u32::MAX);
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
        match (&mut purpose.kind, record) {
            (Kind::View(view), ViewerRecord::ViewOpening { have, grid: _ }) if !view.open => {
                view.permit.live(now.unix)?;
                view.open = true;
                self.give_back(stream, cost);
                self.start_watch(stream, have, now);
                Ok(())
            }
            (
                Kind::Terminal(typist),
                ViewerRecord::TerminalOpening {
                    writer,
                    grid,
                    take_over,
                },
            ) if typist.writer.is_none() => {
                typist.permit.live(now.unix)?;
                typist.writer = Some(writer);
                typist.grid = grid;
                typist.wants_wheel = take_over;
                let terminal = purpose.terminal;
                self.give_back(stream, cost);
                self.effects
                    .push_back(Effect::LastInput { terminal, writer });
                Ok(())
            }
            (Kind::Terminal(typist), ViewerRecord::Input { seq, bytes }) => {
                let writer = typist
                    .writer
                    .filter(|_| typist.ready)
                    .ok_or(CloseCode::UnexpectedFrame)?;
                let live = typist.permit.live(now.unix)?;
                let by_person = !report::is_report(&bytes);
                let effect = type_text(live, purpose.terminal, writer, seq, bytes);
                if by_person {
                    self.note_presence(stream, now.mono);
                }
                self.type_if_driver(stream, seq, cost, effect)
            }
            (Kind::Terminal(typist), ViewerRecord::Resize(grid)) if typist.ready => {
                typist.permit.live(now.unix)?;
                typist.grid = grid;
                let terminal = purpose.terminal;
                self.give_back(stream, cost);
                if self.terminals.driver(terminal) == Some(stream) {
                    self.effects.push_back(Effect::Resize(terminal, grid));
                }
                Ok(())
            }
            (Kind::Terminal(typist), ViewerRecord::TakeOver) if typist.ready => {
                typist.permit.live(now.unix)?;
                self.give_back(stream, cost);
                self.note_presence(stream, now.mono);
                self.take_wheel(stream, now);
                Ok(())
            }
            (
                Kind::View(_) | Kind::Terminal(_),
                ViewerRecord::ViewOpening { .. }
                | ViewerRecord::TerminalOpening { .. }
                | ViewerRecord::Input { .. }
                | ViewerRecord::Resize(_)
                | ViewerRecord::TakeOver,
            ) => Err(CloseCode::UnexpectedFrame),
        }
    }

    fn type_if_driver(
        &mut self,
        stream: StreamId,
        seq: u64,
        cost: u32,
        effect: Effect,
    ) -> Result<(), CloseCode> {
        let purpose = self.purposes.get_mut(&stream).ok_or(CloseCode::Internal)?;
        if self.terminals.driver(purpose.terminal) == Some(stream) {
            if let Kind::Terminal(typist) = &mut purpose.kind {
                typist.typing.push_back((seq, cost));
            }
            self.effects.push_back(effect);
        } else {
            // Somebody else drives: what was typed is not applied, and the viewer offers it to its person again.
            self.give_back(stream, cost);
            self.send_record(stream, AgentRecord::Driver(false));
        }
        Ok(())
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

    /// The holder has said which input of a writer it applied last: answers [`Effect::LastInput`].
    pub fn last_input(&mut self, terminal: TerminalId, writer: WriterId, last: u64, now: Now) {
        let waiting = |purpose: &PurposeStream| {
            purpose.terminal == terminal
                && matches!(&purpose.kind, Kind::Terminal(t) if t.writer == Some(writer) && !t.ready)
        };
        let streams: Vec<_> = self
            .purposes
            .iter()
            .filter(|(_, p)| waiting(p))
            .map(|(id, _)| *id)
            .collect();
        for stream in streams {
            let Some(PurposeStream {
                kind: Kind::Terminal(typist),
                ..
            }) = self.purposes.get_mut(&stream)
            else {
                continue;
            };
            typist.ready = true;
            let takes = typist.wants_wheel || self.terminals.driver(terminal).is_none();
            self.send_record(
                stream,
                AgentRecord::Opened {
                    last,
                    driver: takes,
                },
            );
            if takes {
                self.take_wheel(stream, now);
            }
        }
    }

    /// The holder refused what its driver typed.
    pub fn input_refused(&mut self, terminal: TerminalId, code: CloseCode) {
        let driver = self
            .terminals
            .driver(terminal)
            .and_then(|stream| self.purposes.get(&stream));
        if let Some(jti) = driver.map(|purpose| purpose.jti) {
            self.end_lease(jti, code);
        }
    }

    fn start_watch(&mut self, stream: StreamId, have: Option<u64>, now: Now) {
        let Some(purpose) = self.purposes.get(&stream) else {
            return;
        };
        let terminal = purpose.terminal;
        let pace = self.should_pace(purpose, now.mono);
        if let Some(PurposeStream {
            kind: Kind::View(view),
            ..
        }) = self.purposes.get_mut(&stream)
        {
            view.paces = pace;
        }
        self.effects.push_back(Effect::Watch {
            stream,
            terminal,
            have,
            pace,
        });
        self.pull(stream);
    }

    /// A watch has brought something: answers [`Effect::Watch`].
    pub fn watched(&mut self, stream: StreamId, what: Watched) {
        let Some(PurposeStream {
            kind: Kind::View(view),
            jti,
            terminal,
            ..
        }) = self.purposes.get_mut(&stream)
        else {
            return;
        };
        let terminal = *terminal;
        let record = match what {
            Watched::Snapshot {
                offset,
                grid,
                total,
            } => AgentRecord::Snapshot {
                offset,
                grid,
                total,
            },
            Watched::Chunk(bytes) => {
                view.pulled = view
                    .pulled
                    .saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                AgentRecord::SnapshotChunk(bytes)
            }
            Watched::Output { offset, bytes } => {
                view.pulled = view
                    .pulled
                    .saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                AgentRecord::Output { offset, bytes }
            }
            Watched::Size(grid) => AgentRecord::Size(grid),
            Watched::Exit(exit) => AgentRecord::Exit(exit),
            Watched::Gone => {
                let jti = *jti;
                return self.end_lease(jti, CloseCode::TerminalGone);
            }
            Watched::Busy => {
                let jti = *jti;
                return self.end_lease(jti, CloseCode::Busy);
            }
        };
        self.send_record(stream, record);
        self.acks_travel(terminal);
    }

    fn send_record(&mut self, stream: StreamId, record: AgentRecord) {
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
        self.pull(stream);
    }

    /// Keeps as much on its way from the watch as the viewer has room for. What waits here is bounded by that.
    fn pull(&mut self, stream: StreamId) {
        let (Some(purpose), Some(link)) = (self.purposes.get_mut(&stream), &self.link) else {
            return;
        };
        let Kind::View(view) = &mut purpose.kind else {
            return;
        };
        if !view.open || !purpose.waiting.is_empty() {
            return;
        }
        let room = link.room(stream).min(STREAM_WINDOW);
        let more = room.saturating_sub(view.pulled);
        if more >= PULL_STEP || (view.pulled == 0 && more > 0) {
            view.pulled += more;
            self.effects.push_back(Effect::Pull(stream, more));
        }
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
        self.leases.remove(purpose.jti);
        match purpose.kind {
            Kind::View(view) if view.open => self.effects.push_back(Effect::Unwatch(stream)),
            Kind::View(_) => {}
            Kind::Terminal(_) => {
                if self.terminals.clear_driver(purpose.terminal, stream) {
                    self.tell_terminals();
                }
                self.repace(purpose.terminal, None);
            }
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
        };
        renewed.map_err(|_| CloseCode::TokenRefused)
    }
}

impl PurposeStream {
    /// Queues a record. Of those that only say how things stand now, the last one of its kind is enough: a viewer that gives no credit fills
    /// no queue with them.
    fn push(&mut self, record: AgentRecord) {
        let replaces = |last: &AgentRecord| {
            matches!(
                (last, &record),
                (AgentRecord::Applied(_), AgentRecord::Applied(_))
                    | (AgentRecord::Driver(_), AgentRecord::Driver(_))
                    | (AgentRecord::Size(_), AgentRecord::Size(_))
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
        AgentRecord::Output { bytes, .. } | AgentRecord::SnapshotChunk(bytes) => {
            bytes.len() + OUTPUT_OVERHEAD
        }
        AgentRecord::End(close) => 3 + close.sentence.len() + TAG,
        AgentRecord::Snapshot { .. }
        | AgentRecord::Size(_)
        | AgentRecord::Exit(_)
        | AgentRecord::Opened { .. }
        | AgentRecord::Applied(_)
        | AgentRecord::Driver(_) => 32 + TAG,
    }
}

/// Typing takes a live permit for a terminal: forgetting to ask does not compile.
fn type_text(
    _live: Live<'_, token::Terminal>,
    terminal: TerminalId,
    writer: WriterId,
    seq: u64,
    bytes: Bytes,
) -> Effect {
    Effect::Type {
        terminal,
        writer,
        seq,
        bytes,
    }
}
