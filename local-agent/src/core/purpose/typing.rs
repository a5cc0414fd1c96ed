//! `terminal`: keys for one terminal.

use super::{Kind, PurposeStream};
use crate::core::Core;
use crate::core::effect::Effect;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{TerminalId, WriterId};
use lanyard_shared::msg::Grid;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::report;
use lanyard_shared::time::Now;
use lanyard_shared::token::{self, Live, Permit};
use std::collections::VecDeque;

/// Types into one terminal.
pub(super) struct TerminalStream {
    pub permit: Permit<token::Terminal>,
    pub terminal: TerminalId,
    /// `None` until the opening has come.
    pub writer: Option<WriterId>,
    pub grid: Grid,
    wants_wheel: bool,
    /// Whether the holder has said where this writer stands.
    pub ready: bool,
    /// Inputs on their way to the holder, with the credit they hold.
    pub typing: VecDeque<(u64, u32)>,
}

impl TerminalStream {
    pub fn new(permit: Permit<token::Terminal>, terminal: TerminalId) -> Self {
        Self {
            permit,
            terminal,
            writer: None,
            grid: Grid { cols: 80, rows: 24 },
            wants_wheel: false,
            ready: false,
            typing: VecDeque::new(),
        }
    }
}

impl Core {
    pub(super) fn typing_record(
        &mut self,
        stream: StreamId,
        record: ViewerRecord,
        cost: u32,
        now: Now,
    ) -> Result<(), CloseCode> {
        let Some(typist) = self.typist(stream) else {
            return Err(CloseCode::Internal);
        };
        let terminal = typist.terminal;
        match record {
            ViewerRecord::TerminalOpening {
                writer,
                grid,
                take_over,
            } if typist.writer.is_none() => {
                typist.permit.live(now.unix)?;
                typist.writer = Some(writer);
                typist.grid = grid;
                typist.wants_wheel = take_over;
                self.give_back(stream, cost);
                self.effects
                    .push_back(Effect::LastInput { terminal, writer });
                Ok(())
            }
            ViewerRecord::Input { seq, bytes } => {
                let writer = typist
                    .writer
                    .filter(|_| typist.ready)
                    .ok_or(CloseCode::UnexpectedFrame)?;
                let live = typist.permit.live(now.unix)?;
                let by_person = !report::is_report(&bytes);
                let effect = type_text(live, terminal, writer, seq, bytes);
                if by_person {
                    self.note_presence(stream, now.mono);
                }
                self.type_if_driver(stream, seq, cost, effect)
            }
            ViewerRecord::Resize(grid) if typist.ready => {
                typist.permit.live(now.unix)?;
                typist.grid = grid;
                self.give_back(stream, cost);
                if self.terminals.driver(terminal) == Some(stream) {
                    self.effects.push_back(Effect::Resize(terminal, grid));
                }
                Ok(())
            }
            ViewerRecord::TakeOver if typist.ready => {
                typist.permit.live(now.unix)?;
                self.give_back(stream, cost);
                self.note_presence(stream, now.mono);
                self.take_wheel(stream, now);
                Ok(())
            }
            ViewerRecord::ViewOpening { .. }
            | ViewerRecord::TerminalOpening { .. }
            | ViewerRecord::Resize(_)
            | ViewerRecord::TakeOver
            | ViewerRecord::Opening
            | ViewerRecord::Request(_) => Err(CloseCode::UnexpectedFrame),
        }
    }

    pub(super) fn typing_ended(&mut self, stream: StreamId, terminal: TerminalId) {
        if self.terminals.clear_driver(terminal, stream) {
            self.tell_terminals();
        }
        self.repace(terminal, None);
    }

    fn typist(&mut self, stream: StreamId) -> Option<&mut TerminalStream> {
        match &mut self.purposes.get_mut(&stream)?.kind {
            Kind::Terminal(typist) => Some(typist),
            Kind::View(_) | Kind::Devices(_) | Kind::Approve(_) | Kind::Reserved(_) => None,
        }
    }

    fn type_if_driver(
        &mut self,
        stream: StreamId,
        seq: u64,
        cost: u32,
        effect: Effect,
    ) -> Result<(), CloseCode> {
        let terminal = self.typist(stream).ok_or(CloseCode::Internal)?.terminal;
        if self.terminals.driver(terminal) == Some(stream) {
            if let Some(typist) = self.typist(stream) {
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

    /// The holder has said which input of a writer it applied last: answers [`Effect::LastInput`].
    pub fn last_input(&mut self, terminal: TerminalId, writer: WriterId, last: u64, now: Now) {
        let waiting = |purpose: &PurposeStream| matches!(&purpose.kind, Kind::Terminal(t) if t.terminal == terminal && t.writer == Some(writer) && !t.ready);
        let streams: Vec<_> = self
            .purposes
            .iter()
            .filter(|(_, p)| waiting(p))
            .map(|(id, _)| *id)
            .collect();
        for stream in streams {
            let Some(typist) = self.typist(stream) else {
                continue;
            };
            typist.ready = true;
            let wants = typist.wants_wheel;
            let takes = wants
                || self.terminals.driver(terminal).is_none()
                || self.is_drivers_own(stream, terminal, writer);
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

    /// Whether the one who drives is this very page, on a stream of before: nothing says for a while that the link under that one is dead.
    fn is_drivers_own(&self, stream: StreamId, terminal: TerminalId, writer: WriterId) -> bool {
        let driver = self
            .terminals
            .driver(terminal)
            .and_then(|driver| self.purposes.get(&driver));
        let (Some(driver), Some(own)) = (driver, self.purposes.get(&stream)) else {
            return false;
        };
        let writes =
            matches!(&driver.kind, Kind::Terminal(typist) if typist.writer == Some(writer));
        let device =
            |purpose: &PurposeStream| self.talks.get(&purpose.session).map(|talk| talk.device);
        writes && device(driver).is_some() && device(driver) == device(own)
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
