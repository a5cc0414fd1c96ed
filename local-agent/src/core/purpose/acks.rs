//! Acknowledgements of input: they say that a key was applied, and travel with its echo.

use super::{Kind, PurposeStream};
use crate::core::Core;
use crate::limits::ACK_WAITS;
use lanyard_shared::ids::{TerminalId, WriterId};
use lanyard_shared::record::AgentRecord;
use lanyard_shared::time::Mono;

impl Core {
    /// The holder has applied inputs of a writer up to `seq`: answers [`Effect::Type`](crate::core::Effect::Type).
    pub fn applied(&mut self, terminal: TerminalId, writer: WriterId, seq: u64, now: Mono) {
        let mut told = Vec::new();
        for (stream, purpose) in &mut self.purposes {
            let Kind::Terminal(typist) = &mut purpose.kind else {
                continue;
            };
            // A stream that is being opened hears of what was applied in the answer to its opening, and of nothing before that.
            if typist.terminal != terminal || typist.writer != Some(writer) || !typist.ready {
                continue;
            }
            let mut cost = 0;
            while let Some((_, held)) = typist.typing.front().filter(|(number, _)| *number <= seq) {
                cost += held;
                typist.typing.pop_front();
            }
            told.push((*stream, cost));
        }
        for (stream, cost) in told {
            self.give_back(stream, cost);
            if let Some(purpose) = self.purposes.get_mut(&stream) {
                purpose.push(AgentRecord::Applied(seq));
                self.acks_due.get_or_insert(now + ACK_WAITS);
            }
        }
    }

    /// Sends acknowledgements that have waited long enough.
    pub(in crate::core) fn look_at_acks(&mut self, now: Mono) {
        if self.acks_due.is_some_and(|due| due <= now) {
            self.acks_due = None;
            self.send_acks(|_| true);
        }
    }

    /// Output of this terminal has just been sent: what its typists are to hear goes with it.
    pub(super) fn acks_travel(&mut self, terminal: TerminalId) {
        if self.acks_due.is_some() {
            self.send_acks(|of| of == Some(terminal));
            // Nobody is to be woken for what has been said.
            if !self.purposes.values().any(PurposeStream::owes_ack) {
                self.acks_due = None;
            }
        }
    }

    fn send_acks(&mut self, of: impl Fn(Option<TerminalId>) -> bool) {
        let streams: Vec<_> = self
            .purposes
            .iter()
            .filter(|(_, purpose)| purpose.owes_ack() && of(purpose.terminal()))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in streams {
            self.flush_purpose(stream);
        }
    }
}

impl PurposeStream {
    fn owes_ack(&self) -> bool {
        matches!(self.kind, Kind::Terminal(_)) && !self.waiting.is_empty()
    }
}
