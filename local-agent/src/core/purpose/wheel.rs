//! Who drives a terminal, and whose view holds it back.

use super::{Kind, PurposeStream};
use crate::core::Core;
use crate::core::effect::Effect;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::limits::DRIVER_HEARTBEAT;
use lanyard_shared::record::AgentRecord;
use lanyard_shared::time::{Mono, Now};

impl Core {
    pub(super) fn take_wheel(&mut self, stream: StreamId, now: Now) {
        let Some(PurposeStream {
            kind: Kind::Terminal(typist),
            ..
        }) = self.purposes.get(&stream)
        else {
            return;
        };
        let (terminal, grid) = (typist.terminal, typist.grid);
        let already = self.terminals.driver(terminal) == Some(stream);
        if let Some(before) = self.terminals.set_driver(terminal, stream) {
            self.send_record(before, AgentRecord::Driver(false));
        }
        if !already {
            self.send_record(stream, AgentRecord::Driver(true));
            self.tell_terminals();
        }
        self.effects.push_back(Effect::Resize(terminal, grid));
        self.look_at_heartbeats(now);
    }

    /// The view of whoever drives holds back the terminal, as long as that page answers.
    pub(super) fn should_pace(&self, purpose: &PurposeStream, now: Mono) -> bool {
        let driver = purpose
            .terminal()
            .and_then(|terminal| self.terminals.driver(terminal))
            .and_then(|stream| self.purposes.get(&stream));
        let drives = driver.is_some_and(|driver| driver.session == purpose.session);
        drives
            && self
                .talks
                .get(&purpose.session)
                .is_some_and(|t| now.since(t.heard) < DRIVER_HEARTBEAT)
    }

    /// Brings who paces in line with who drives. Without a time nobody new starts to pace.
    pub(super) fn repace(&mut self, terminal: TerminalId, now: Option<Mono>) {
        let views = |p: &PurposeStream| matches!(&p.kind, Kind::View(v) if v.open && v.terminal == terminal);
        let streams: Vec<_> = self
            .purposes
            .iter()
            .filter(|(_, p)| views(p))
            .map(|(id, _)| *id)
            .collect();
        for stream in streams {
            let pace = match (self.purposes.get(&stream), now) {
                (Some(purpose), Some(now)) => self.should_pace(purpose, now),
                _ => false,
            };
            if let Some(PurposeStream {
                kind: Kind::View(view),
                ..
            }) = self.purposes.get_mut(&stream)
                && view.paces != pace
            {
                view.paces = pace;
                self.effects.push_back(Effect::Pace(stream, pace));
            }
        }
    }

    pub(in crate::core) fn look_at_heartbeats(&mut self, now: Now) {
        let mut terminals: Vec<_> = self
            .purposes
            .values()
            .filter_map(PurposeStream::terminal)
            .collect();
        terminals.dedup();
        for terminal in terminals {
            self.repace(terminal, Some(now.mono));
        }
    }

    /// When a driver that has gone silent stops holding back its terminal.
    pub(in crate::core) fn next_heartbeat_look(&self) -> Option<Mono> {
        let pacing = |p: &&PurposeStream| matches!(&p.kind, Kind::View(v) if v.paces);
        let heard = self
            .purposes
            .values()
            .filter(pacing)
            .filter_map(|p| self.talks.get(&p.session));
        heard.map(|talk| talk.heard + DRIVER_HEARTBEAT).min()
    }
}
