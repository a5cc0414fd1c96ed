//! What a viewer asks inside its session, and how answers find their questions.

use super::channel::Channel;
use super::event::Half;
use super::event::OwnKeys;
use super::sealed::Minted;
use super::{Answer, Event, Failure, HandleId, State, Viewer, events_of};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::{Grid, PastPlace, ToAgent};
use lanyard_shared::rotate;
use lanyard_shared::time::{Mono, Now};

/// What waits for an answer of the agent.
pub(super) enum Request {
    Mint {
        handle: HandleId,
        purpose: Half,
    },
    /// Its key makes it harmless to ask again in the next session.
    Create {
        key: [u8; 16],
        name: String,
        grid: Grid,
    },
    /// The same name twice is the same name: harmless to ask again.
    Rename {
        terminal: TerminalId,
        name: String,
    },
    /// Reading twice is harmless.
    History {
        after: Option<PastPlace>,
    },
    /// `again`: an earlier session may have done it.
    Forget {
        terminal: TerminalId,
        again: bool,
    },
    /// Bound to its session.
    Rekey(OwnKeys),
    /// `again`: an earlier session may have done it.
    End {
        terminal: TerminalId,
        again: bool,
    },
}

impl Viewer {
    /// Asks for a new terminal. `key` must be fresh for every wish; `name` may be empty, then the machine chooses. Returns the request's
    /// number, which [`Event::Answered`] brings back. It survives a lost link: the terminal is created once.
    pub fn create(&mut self, key: [u8; 16], name: String, grid: Grid, now: Now) -> u32 {
        self.ask(Request::Create { key, name, grid }, now)
    }

    /// Asks to end a terminal's program and to forget the terminal. As [`Viewer::create`].
    pub fn end_terminal(&mut self, terminal: TerminalId, now: Now) -> u32 {
        self.ask(
            Request::End {
                terminal,
                again: false,
            },
            now,
        )
    }

    /// Asks to call a terminal something else; an empty name lets the machine choose. As [`Viewer::create`].
    pub fn rename_terminal(&mut self, terminal: TerminalId, name: String, now: Now) -> u32 {
        self.ask(Request::Rename { terminal, name }, now)
    }

    /// Asks for a page of the terminals that have ended, the latest first: those after this place, or the first. As [`Viewer::create`].
    pub fn history(&mut self, after: Option<PastPlace>, now: Now) -> u32 {
        self.ask(Request::History { after }, now)
    }

    /// Asks to forget what is kept of a terminal that has ended. As [`Viewer::create`].
    pub fn forget_past(&mut self, terminal: TerminalId, now: Now) -> u32 {
        let again = false;
        self.ask(Request::Forget { terminal, again }, now)
    }

    pub(super) fn ask(&mut self, request: Request, now: Now) -> u32 {
        let req = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        if let State::Over(why) = &self.state {
            self.events
                .push_back(Event::Answered(req, Err(why.clone())));
            return req;
        }
        self.requests.insert(req, request);
        if self.may_ask() {
            self.say_request(req, now.mono);
        }
        req
    }

    pub(super) fn say_request(&mut self, req: u32, now: Mono) {
        let message = match self.requests.get(&req) {
            Some(Request::Create { key, name, grid }) => ToAgent::Create {
                req,
                key: b64::Bytes(*key),
                name: name.clone(),
                grid: *grid,
            },
            Some(Request::Rename { terminal, name }) => ToAgent::Rename {
                req,
                terminal: *terminal,
                name: name.clone(),
            },
            Some(Request::Rekey(next)) => {
                let Some(hash) = self.channel.as_ref().and_then(Channel::session) else {
                    return;
                };
                let keys = rotate::rekey(
                    &self.party.key,
                    &next.key,
                    next.noise.public(),
                    self.party.agent,
                    self.party.device(),
                    hash.handshake_hash(),
                );
                ToAgent::Rekey { req, keys }
            }
            Some(Request::End { terminal, .. }) => ToAgent::End {
                req,
                terminal: *terminal,
            },
            Some(Request::History { after }) => ToAgent::History { req, after: *after },
            Some(Request::Forget { terminal, .. }) => ToAgent::Forget {
                req,
                terminal: *terminal,
            },
            Some(Request::Mint { handle, purpose }) => match self.attached.get(handle) {
                Some(attached) => ToAgent::Mint {
                    req,
                    wanted: purpose.wanted(attached.terminal),
                },
                None => return,
            },
            None => return,
        };
        self.say(&message, now);
    }

    /// Asks for the tokens that attached terminals want.
    pub(super) fn mint_wanted(&mut self, now: Mono) {
        let wanted: Vec<_> = self
            .attached
            .iter()
            .flat_map(|(handle, attached)| attached.wants(now).map(|purpose| (*handle, purpose)))
            .collect();
        for (handle, purpose) in wanted {
            let req = self.next_request;
            self.next_request = self.next_request.wrapping_add(1);
            if let Some(attached) = self.attached.get_mut(&handle) {
                attached.minting(purpose, req);
            }
            self.requests.insert(req, Request::Mint { handle, purpose });
            self.say_request(req, now);
        }
    }

    pub(super) fn minted(&mut self, req: u32, minted: Minted, now: Mono) -> Result<(), CloseCode> {
        let Some(Request::Mint { handle, purpose }) = self.requests.remove(&req) else {
            return Err(CloseCode::UnexpectedFrame);
        };
        // The consumer may have let go meanwhile; a token nobody opens ends by itself within a minute.
        if let (Some(attached), Some(link)) = (self.attached.get_mut(&handle), &mut self.link) {
            attached.minted(
                purpose,
                req,
                minted,
                link,
                &mut events_of(&mut self.events, handle),
                now,
            );
        }
        Ok(())
    }

    pub(super) fn answered(
        &mut self,
        req: u32,
        answer: Result<Answer, Failure>,
        now: Mono,
    ) -> Result<(), CloseCode> {
        let request = self
            .requests
            .remove(&req)
            .ok_or(CloseCode::UnexpectedFrame)?;
        let answer = match (request, answer) {
            (Request::Mint { handle, purpose }, Err(why)) => {
                if let Some(attached) = self.attached.get_mut(&handle) {
                    attached.mint_refused(
                        purpose,
                        req,
                        why,
                        &mut events_of(&mut self.events, handle),
                        now,
                    );
                }
                return Ok(());
            }
            // The machine asks again when it wants to.
            (Request::Rekey(_), _) => return Ok(()),
            (Request::End { again: true, .. } | Request::Forget { again: true, .. }, Err(why))
                if why.code() == Some(CloseCode::TerminalGone) =>
            {
                Ok(Answer::Done)
            }
            (Request::Create { .. }, Ok(Answer::Created(terminal))) => {
                Ok(Answer::Created(terminal))
            }
            (Request::History { .. }, Ok(Answer::History(page))) => Ok(Answer::History(page)),
            (
                Request::End { .. } | Request::Rename { .. } | Request::Forget { .. },
                Ok(Answer::Done),
            ) => Ok(Answer::Done),
            (
                Request::Create { .. }
                | Request::End { .. }
                | Request::Rename { .. }
                | Request::History { .. }
                | Request::Forget { .. },
                Err(why),
            ) => Err(why),
            (
                Request::Mint { .. }
                | Request::Create { .. }
                | Request::End { .. }
                | Request::Rename { .. }
                | Request::History { .. }
                | Request::Forget { .. },
                Ok(_),
            ) => {
                return Err(CloseCode::UnexpectedFrame);
            }
        };
        self.events.push_back(Event::Answered(req, answer));
        Ok(())
    }

    /// What was asked and may be asked again waits for the next session; tokens are asked for anew.
    pub(super) fn forget_requests(&mut self) {
        self.requests.retain(|_, request| match request {
            Request::Mint { .. } | Request::Rekey(_) => false,
            Request::Create { .. } | Request::Rename { .. } | Request::History { .. } => true,
            Request::End { again, .. } | Request::Forget { again, .. } => {
                *again = true;
                true
            }
        });
    }
}
