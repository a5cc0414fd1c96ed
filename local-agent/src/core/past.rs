//! The terminals that have ended and whose output is kept: what a device is told of them, and forgetting.
//!
//! The output itself is on disk and never comes here but through a stream that plays it, see [`super::Effect::Play`].

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::session::cleaned;
use super::terminals::Wish;
use crate::audit::Event;
use crate::limits::{LISTED_TEXT, PAST_AT_ONCE, PAST_MAX};
use crate::text::shortened;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::{FromAgent, PastPlace, PastTerminal, Scope};
use lanyard_shared::time::{Now, UnixMs};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Where one is in the list: the latest first.
type Place = (Reverse<UnixMs>, TerminalId);

/// The list of them, at most [`PAST_MAX`].
#[derive(Debug, Default)]
pub struct Past {
    listed: BTreeMap<Place, PastTerminal>,
    places: BTreeMap<TerminalId, Place>,
}

impl Past {
    /// One of them.
    #[must_use]
    pub fn get(&self, id: TerminalId) -> Option<&PastTerminal> {
        self.listed.get(self.places.get(&id)?)
    }

    /// Adds or replaces one. Returns the earliest when there is no place for it any more.
    pub fn put(&mut self, past: PastTerminal) -> Option<TerminalId> {
        self.remove(past.id);
        let place = (Reverse(past.ended), past.id);
        self.places.insert(past.id, place);
        self.listed.insert(place, past);
        if self.listed.len() <= PAST_MAX {
            return None;
        }
        let (_, earliest) = self.listed.pop_last()?;
        self.places.remove(&earliest.id);
        Some(earliest.id)
    }

    /// Takes one from the list. True when it was there.
    pub fn remove(&mut self, id: TerminalId) -> bool {
        let place = self.places.remove(&id);
        place.is_some_and(|place| self.listed.remove(&place).is_some())
    }

    /// All that come after a place, the latest first.
    fn after(&self, place: Option<PastPlace>) -> impl Iterator<Item = &PastTerminal> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = place.map_or(Unbounded, |place| {
            Excluded((Reverse(place.ended), place.id))
        });
        self.listed.range((from, Unbounded)).map(|(_, past)| past)
    }
}

impl Device {
    /// Whether this terminal, which has ended, exists for it: as [`Device::reaches`] says while it lives.
    fn reaches_past(&self, past: &PastTerminal) -> bool {
        self.reaches_place(past.id, &past.cwd)
    }
}

impl Core {
    /// The output of a terminal is kept, or there is more of it. To be said before [`Core::terminal_gone`], so that it never is nowhere;
    /// while the terminal is listed as a live one the history does not show it.
    pub fn put_past(&mut self, mut past: PastTerminal) {
        // A page fits into one message, whatever lies on the disk.
        past.name = cleaned(&past.name);
        past.cwd = shortened(&past.cwd, LISTED_TEXT).to_owned();
        if let Some(earliest) = self.past.put(past) {
            self.end_playing(earliest);
            self.effects.push_back(Effect::ForgetPast {
                terminal: earliest,
                wish: None,
            });
        }
    }

    /// The output of a terminal is no longer kept: its time was over, or the owner forgot it.
    pub fn past_gone(&mut self, id: TerminalId) {
        if self.past.remove(id) {
            self.end_playing(id);
        }
    }

    /// What was kept of a terminal is off the disk, or could not be removed: answers [`Effect::ForgetPast`].
    pub fn forgot(&mut self, id: TerminalId, wish: Option<Wish>, outcome: Result<(), CloseCode>) {
        if outcome.is_ok() {
            self.past_gone(id);
        }
        if let Some(Wish { session, req }) = wish {
            if let (Ok(()), Some(by)) = (outcome, self.who_of(session)) {
                self.record(Event::HistoryRemoved { terminal: id, by });
            }
            let answer = match outcome {
                Ok(()) => FromAgent::Done { req },
                Err(code) => FromAgent::Refused {
                    req,
                    reason: code.into(),
                },
            };
            self.say(session, &answer);
        }
    }

    /// What is kept of this terminal, if it is there and no longer a live one.
    pub(super) fn past_terminal(&self, id: TerminalId) -> Option<&PastTerminal> {
        let past = self.past.get(id)?;
        self.terminals.get(id).is_none().then_some(past)
    }

    /// Whether what is kept of this terminal exists for a device.
    pub(super) fn past_exists_for(&self, device: &Device, id: TerminalId) -> bool {
        self.past_terminal(id)
            .is_some_and(|past| device.reaches_past(past))
    }

    /// One page of the history, as it is for the device that asks.
    pub(super) fn history(
        &self,
        stream: StreamId,
        req: u32,
        after: Option<PastPlace>,
        now: Now,
    ) -> Result<FromAgent, CloseCode> {
        let (device, _) = self.allowed(stream, Scope::View, now)?;
        let mut seen = self
            .past
            .after(after)
            .filter(|past| self.past_exists_for(device, past.id));
        let past = seen.by_ref().take(PAST_AT_ONCE).cloned().collect();
        let more = seen.next().is_some();
        Ok(FromAgent::History { req, past, more })
    }

    /// The answer comes when it is off the disk.
    pub(super) fn forget_past(
        &mut self,
        stream: StreamId,
        req: u32,
        terminal: TerminalId,
        now: Now,
    ) -> Result<(), CloseCode> {
        let (device, _) = self.allowed(stream, Scope::Terminal, now)?;
        if !self.past_exists_for(device, terminal) {
            return Err(CloseCode::TerminalGone);
        }
        let wish = Wish {
            session: stream,
            req,
        };
        self.effects.push_back(Effect::ForgetPast {
            terminal,
            wish: Some(wish),
        });
        Ok(())
    }

    /// Ends the streams that play what is not kept any more. Those that watch the same terminal live go on.
    fn end_playing(&mut self, id: TerminalId) {
        if self.terminals.get(id).is_none() {
            self.end_leases(
                |lease| lease.wanted.terminal() == Some(id),
                CloseCode::TerminalGone,
            );
        }
    }
}
