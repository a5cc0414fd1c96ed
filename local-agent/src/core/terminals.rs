//! The terminals there are, and who drives each.

use super::Core;
use super::devices::Device;
use crate::audit::Event;
use crate::limits::{LISTED_DRIVER, LISTED_TEXT, WISHES_MAX};
use crate::text::shortened;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{DeviceId, TerminalId};
use lanyard_shared::limits::TERMINALS_MAX;
use lanyard_shared::msg::{Driver, FromAgent, Reason, Scope, Terminal};
use std::collections::{BTreeMap, VecDeque};

/// A wish that a terminal's holder has not answered yet.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The session that asked.
    pub session: StreamId,
    /// The number of its request.
    pub req: u32,
}

/// The list of terminals.
#[derive(Debug, Default)]
pub struct Terminals {
    known: BTreeMap<TerminalId, Terminal>,
    drivers: BTreeMap<TerminalId, StreamId>,
    wishes: BTreeMap<TerminalId, Vec<Wish>>,
    /// Who wants one to end.
    ends: BTreeMap<TerminalId, Vec<Wish>>,
    /// Ended terminals, so that a repeated wish does not bring one back.
    ended: VecDeque<TerminalId>,
}

impl Terminals {
    /// All of them, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Terminal> {
        let mut list: Vec<_> = self.known.values().cloned().collect();
        list.sort_by_key(|terminal| (terminal.started, terminal.id));
        list
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: TerminalId) -> Option<&Terminal> {
        self.known.get(&id)
    }

    /// Gives one another name. False when it is not there.
    pub fn rename(&mut self, id: TerminalId, name: String) -> bool {
        self.known
            .get_mut(&id)
            .map(|terminal| terminal.name = name)
            .is_some()
    }

    /// Adds or replaces one.
    pub fn put(&mut self, terminal: Terminal) {
        self.known.insert(terminal.id, terminal);
    }

    /// Forgets one for good. True when it was there.
    pub fn remove(&mut self, id: TerminalId) -> bool {
        self.drivers.remove(&id);
        if self.ended.len() >= TERMINALS_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
        self.known.remove(&id).is_some()
    }

    /// Whether it was ended.
    #[must_use]
    pub fn has_ended(&self, id: TerminalId) -> bool {
        self.ended.contains(&id)
    }

    /// Whether no more fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.known.len() + self.wishes.len() >= TERMINALS_MAX
    }

    /// The stream that drives a terminal.
    #[must_use]
    pub fn driver(&self, id: TerminalId) -> Option<StreamId> {
        self.drivers.get(&id).copied()
    }

    /// Makes a stream the driver. Returns who drove before.
    pub fn set_driver(&mut self, id: TerminalId, stream: StreamId) -> Option<StreamId> {
        self.drivers
            .insert(id, stream)
            .filter(|before| *before != stream)
    }

    /// Takes the wheel from a stream that has ended. True when it drove.
    pub fn clear_driver(&mut self, id: TerminalId, stream: StreamId) -> bool {
        let drove = self.driver(id) == Some(stream);
        if drove {
            self.drivers.remove(&id);
        }
        drove
    }

    /// All wheels are free; the link is gone.
    pub fn clear_drivers(&mut self) {
        self.drivers.clear();
        self.wishes.clear();
        self.ends.clear();
    }

    /// Remembers who wants this terminal. True for the first, on whose behalf it must be started.
    ///
    /// # Errors
    /// [`CloseCode::Busy`]: too many wait for it already.
    pub fn wish(&mut self, id: TerminalId, wish: Wish) -> Result<bool, CloseCode> {
        wait_too(self.wishes.entry(id).or_default(), wish)
    }

    /// Remembers who wants this terminal to end.
    ///
    /// # Errors
    /// As [`Terminals::wish`].
    pub fn wish_end(&mut self, id: TerminalId, wish: Wish) -> Result<(), CloseCode> {
        wait_too(self.ends.entry(id).or_default(), wish).map(drop)
    }

    /// Who wanted this terminal to end.
    fn take_ends(&mut self, id: TerminalId) -> Vec<Wish> {
        self.ends.remove(&id).unwrap_or_default()
    }

    /// Who wanted this terminal.
    pub fn take_wishes(&mut self, id: TerminalId) -> Vec<Wish> {
        self.wishes.remove(&id).unwrap_or_default()
    }
}

/// A text as the list shows it. A control character would take six bytes there, and no person can read it.
fn listed(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    shortened(&plain, LISTED_TEXT).to_owned()
}

/// Adds a wish to those that wait for the same thing. True for the first.
fn wait_too(wishes: &mut Vec<Wish>, wish: Wish) -> Result<bool, CloseCode> {
    if wishes.len() >= WISHES_MAX {
        return Err(CloseCode::Busy);
    }
    wishes.push(wish);
    Ok(wishes.len() == 1)
}

impl Core {
    /// A holder stands, or could not be started.
    pub fn spawned(&mut self, id: TerminalId, outcome: Result<Terminal, String>) {
        let wishes = self.terminals.take_wishes(id);
        let message = |req| match &outcome {
            Ok(terminal) => FromAgent::Created {
                req,
                terminal: terminal.clone(),
            },
            Err(sentence) => {
                let reason = Reason::from(CloseCode::Internal);
                FromAgent::Refused {
                    req,
                    reason: Reason {
                        sentence: sentence.clone(),
                        ..reason
                    },
                }
            }
        };
        if let Ok(terminal) = &outcome {
            self.put_terminal(terminal.clone());
        }
        for wish in wishes {
            self.say(wish.session, &message(wish.req));
        }
    }

    /// A terminal is there, or has changed.
    pub fn put_terminal(&mut self, mut terminal: Terminal) {
        // All terminals fit into one message, whatever their programs call themselves.
        terminal.title = listed(&terminal.title);
        terminal.cwd = listed(&terminal.cwd);
        // Its holder knows the name it was started with, and nothing of viewers.
        terminal.driver = None;
        if let Some(known) = self.terminals.get(terminal.id) {
            terminal.name.clone_from(&known.name);
        }
        if self.terminals.get(terminal.id) != Some(&terminal) {
            self.terminals.put(terminal);
            self.tell_terminals();
        }
    }

    /// A terminal is gone for good.
    pub fn terminal_gone(&mut self, id: TerminalId) {
        self.end_leases(
            |lease| lease.wanted.terminal() == Some(id),
            CloseCode::TerminalGone,
        );
        let ends = self.terminals.take_ends(id);
        if self.terminals.remove(id) {
            let by = ends.first().and_then(|wish| self.who_of(wish.session));
            self.record(Event::TerminalEnded { terminal: id, by });
            self.tell_terminals();
        }
        for Wish { session, req } in ends {
            self.say(session, &FromAgent::Done { req });
        }
    }

    /// A terminal's new name is on disk, or could not be written there: answers [`super::Effect::Rename`].
    pub fn renamed(
        &mut self,
        id: TerminalId,
        name: String,
        wish: Wish,
        outcome: Result<(), CloseCode>,
    ) {
        let req = wish.req;
        let outcome = outcome.and_then(|()| {
            let is_there = self.terminals.rename(id, name);
            is_there.then_some(()).ok_or(CloseCode::TerminalGone)
        });
        match outcome {
            Ok(()) => {
                self.tell_terminals();
                self.say(wish.session, &FromAgent::Done { req });
            }
            Err(code) => {
                let reason = code.into();
                self.say(wish.session, &FromAgent::Refused { req, reason });
            }
        }
    }

    /// All terminals, as a list shows them to the machine's owner.
    #[must_use]
    pub fn terminals(&self) -> Vec<Terminal> {
        self.terminals_for(None)
    }

    /// All terminals, as a list shows them to a device.
    pub(super) fn terminals_for(&self, device: Option<DeviceId>) -> Vec<Terminal> {
        let mut list = self.terminals.list();
        if let Some(device) = device.and_then(|id| self.devices.get(id)) {
            let sees = device.scopes.contains(&Scope::View);
            list.retain(|terminal| sees && device.reaches(terminal));
        }
        for terminal in &mut list {
            terminal.driver = self.driver_of(terminal.id).map(|driver| Driver {
                name: shortened(&driver.name, LISTED_DRIVER).to_owned(),
                yours: device == Some(driver.id),
            });
        }
        list
    }

    fn driver_of(&self, terminal: TerminalId) -> Option<&Device> {
        let session = self.session_of(self.terminals.driver(terminal)?)?;
        self.devices.get(self.talks.get(&session)?.device)
    }

    /// Every session hears the list, but no session has more than one waiting: a program that changes its title all the time fills no queue.
    pub(super) fn tell_terminals(&mut self) {
        let sessions: Vec<_> = self
            .talks
            .iter()
            .filter(|(_, talk)| talk.is_session())
            .map(|(id, _)| *id)
            .collect();
        for stream in sessions {
            if let Some(talk) = self.talks.get_mut(&stream) {
                talk.list_is_old = true;
            }
            self.flush_talk(stream);
        }
    }
}
