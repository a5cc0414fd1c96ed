//! `view`: the output of one terminal, live or as it was kept.

use super::{Kind, PurposeStream};
use crate::core::Core;
use crate::core::effect::{Effect, Watched};
use crate::limits::{PLAYED_SMALL, PULL_STEP};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::limits::STREAM_WINDOW;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::Now;
use lanyard_shared::token::{Permit, View};

/// Watches one terminal.
pub(super) struct ViewStream {
    pub permit: Permit<View>,
    pub terminal: TerminalId,
    pub open: bool,
    /// Bytes the watch may still bring.
    pulled: u32,
    pub paces: bool,
    /// It plays what is kept of a terminal that has ended.
    plays: bool,
    /// It has brought all of that: when the viewer has taken it, the stream is done.
    pub played: bool,
}

impl ViewStream {
    pub fn new(permit: Permit<View>, terminal: TerminalId) -> Self {
        Self {
            permit,
            terminal,
            open: false,
            pulled: 0,
            paces: false,
            plays: false,
            played: false,
        }
    }
}

impl Core {
    pub(super) fn view_record(
        &mut self,
        stream: StreamId,
        record: ViewerRecord,
        cost: u32,
        now: Now,
    ) -> Result<(), CloseCode> {
        let Some(view) = self.view_stream(stream) else {
            return Err(CloseCode::Internal);
        };
        let ViewerRecord::ViewOpening { have, grid: _ } = record else {
            return Err(CloseCode::UnexpectedFrame);
        };
        if std::mem::replace(&mut view.open, true) {
            return Err(CloseCode::UnexpectedFrame);
        }
        view.permit.live(now.unix)?;
        self.give_back(stream, cost);
        self.start_watch(stream, have, now);
        Ok(())
    }

    pub(super) fn view_ended(&mut self, stream: StreamId, view: &ViewStream) {
        if view.open {
            self.effects.push_back(Effect::Unwatch(stream));
        }
    }

    fn view_stream(&mut self, stream: StreamId) -> Option<&mut ViewStream> {
        match &mut self.purposes.get_mut(&stream)?.kind {
            Kind::View(view) => Some(view),
            Kind::Terminal(_) | Kind::Devices(_) | Kind::Approve(_) | Kind::Reserved(_) => None,
        }
    }

    fn start_watch(&mut self, stream: StreamId, have: Option<u64>, now: Now) {
        let Some(purpose) = self.purposes.get(&stream) else {
            return;
        };
        let pace = self.should_pace(purpose, now.mono);
        // Asked anew: it may have ended since the token was minted.
        let plays = purpose
            .terminal()
            .is_some_and(|terminal| self.past_terminal(terminal).is_some());
        let Some(view) = self.view_stream(stream) else {
            return;
        };
        (view.paces, view.plays) = (pace && !plays, plays);
        let terminal = view.terminal;
        self.effects.push_back(if plays {
            Effect::Play {
                stream,
                terminal,
                have,
            }
        } else {
            Effect::Watch {
                stream,
                terminal,
                have,
                pace,
            }
        });
        self.pull(stream);
    }

    /// A watch has brought something: answers [`Effect::Watch`].
    pub fn watched(&mut self, stream: StreamId, what: Watched, now: Now) {
        // After a sleep this may come before the timer that ends what has lapsed.
        self.look_at_leases(now);
        let Some(PurposeStream {
            kind: Kind::View(view),
            jti,
            ..
        }) = self.purposes.get_mut(&stream)
        else {
            return;
        };
        let terminal = view.terminal;
        if view.plays && what.is_small() {
            // Else a recording of nothing but changes of size would fill the queue of a viewer that does not read.
            view.pulled = view.pulled.saturating_sub(PLAYED_SMALL);
        }
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
            Watched::At(ms) => AgentRecord::At(ms),
            Watched::Played => {
                view.played = true;
                return self.flush_purpose(stream);
            }
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

    /// Keeps as much on its way from the watch as the viewer has room for. What waits here is bounded by that.
    pub(super) fn pull(&mut self, stream: StreamId) {
        let (Some(purpose), Some(link)) = (self.purposes.get_mut(&stream), &self.link) else {
            return;
        };
        let Kind::View(view) = &mut purpose.kind else {
            return;
        };
        if !view.open || view.played || !purpose.waiting.is_empty() {
            return;
        }
        let room = link.room(stream).min(STREAM_WINDOW);
        let more = room.saturating_sub(view.pulled);
        if more >= PULL_STEP || (view.pulled == 0 && more > 0) {
            view.pulled += more;
            self.effects.push_back(Effect::Pull(stream, more));
        }
    }
}
