//! The viewer's session: opening it, hello, heartbeat, what the machine says, and losing it.

use super::channel::{Channel, Ends, Heard};
use super::keep::Recall;
use super::sealed::Minted;
use super::{Answer, Event, Failure, Greeting, PastPage, State, Viewer, events_of};
use crate::failure::clean;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Close, Target};
use lanyard_shared::ids::TokenId;
use lanyard_shared::limits::{AWAY_LOOK, HEARTBEAT, SESSION_SILENCE};
use lanyard_shared::msg::{self, FromAgent, Terminal, ToAgent};
use lanyard_shared::seal::StreamSecret;
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::time::Duration;

impl Viewer {
    pub(super) fn open_session(&mut self, now: Mono) {
        let (Some(link), Some(conn)) = (&mut self.link, self.conn) else {
            return;
        };
        self.shown.clone_from(&self.memory.grant);
        let ends = Ends {
            party: &self.party,
            conn,
            psk: None,
        };
        match Channel::open(link, Target::Session(self.shown.clone()), ends, now) {
            Ok(Some(channel)) => self.channel = Some(channel),
            Ok(None) => self.session_again = Some(now + self.session_wait()),
            Err(code) => self.lose_session(code.into(), now),
        }
    }

    pub(super) fn session_accepted(&mut self, accept: &Accept, now: Mono) {
        let (Some(channel), Some(link), Some(conn)) =
            (&mut self.channel, &mut self.link, self.conn)
        else {
            return;
        };
        let ends = Ends {
            party: &self.party,
            conn,
            psk: None,
        };
        if let Err(code) = channel.accepted(link, ends, accept) {
            self.lose_session(code.into(), now);
        }
    }

    pub(super) fn session_data(&mut self, data: &[u8], now: Now) {
        let (Some(channel), Some(link)) = (&mut self.channel, &mut self.link) else {
            return;
        };
        let outcome = match channel.data(link, data) {
            // Message 1 was no replay: this says so, and the welcome that follows says the same of message 2.
            Ok(Heard::Established(_)) => {
                let said = channel.say(
                    link,
                    &ToAgent::Hello {
                        name: self.party.name.clone(),
                        generation: self.memory.generation,
                        serial: self.memory.serial,
                    },
                );
                if said.is_ok() {
                    self.introduced(now.mono);
                }
                said
            }
            Ok(Heard::Message(plain)) => msg::decode(&plain)
                .map_err(|_| CloseCode::BadMessage)
                .and_then(|message| self.heard_message(message, now)),
            Err(code) => Err(code),
        };
        if let Err(code) = outcome {
            self.lose_session(code.into(), now.mono);
        }
    }

    fn heard_message(&mut self, message: FromAgent, now: Now) -> Result<(), CloseCode> {
        if matches!(message, FromAgent::Welcome { .. }) == self.greeted {
            return Err(CloseCode::UnexpectedFrame);
        }
        self.heard = Some(now.mono);
        match message {
            FromAgent::Welcome {
                machine,
                user,
                scopes,
                reach,
                expires,
                until,
                generation,
                suspended,
                terminals,
                time: _,
            } => {
                let greeting = Greeting {
                    machine: clean(&machine),
                    user: clean(&user),
                    scopes,
                    reach,
                    expires,
                    until,
                    suspended,
                };
                self.greeted(greeting, terminals, now.mono);
                self.given_generation(generation);
            }
            FromAgent::Pong { n, time: _ } => {
                if let Some((_, sent)) = self.ping.take_if(|(number, _)| *number == n) {
                    self.rtt = Some(now.mono.since(sent));
                }
            }
            FromAgent::Minted {
                req,
                jti,
                token,
                secret,
                expires,
                issued: _,
            } => {
                let secret = StreamSecret::from_bytes(secret.0);
                self.minted(
                    req,
                    Minted {
                        jti,
                        token,
                        secret,
                        expires,
                    },
                    now.mono,
                )?;
            }
            FromAgent::Created { req, terminal } => {
                self.answered(req, Ok(Answer::Created(terminal)), now.mono)?
            }
            FromAgent::Done { req } => self.answered(req, Ok(Answer::Done), now.mono)?,
            FromAgent::Refused { req, reason } => {
                self.answered(req, Err(Failure::from(&reason)), now.mono)?
            }
            FromAgent::Keys { chain, noise } => self.heard_keys(&chain, &noise)?,
            FromAgent::Rekey {} => self.events.push_back(Event::Rekey),
            FromAgent::Rekeyed {
                req,
                grant,
                expires,
            } => self.rekeyed(req, grant, expires)?,
            FromAgent::History { req, past, more } => {
                let page = PastPage::of(past, more)?;
                self.answered(req, Ok(Answer::History(page)), now.mono)?;
            }
            // This viewer never asks.
            FromAgent::Access { .. } => return Err(CloseCode::UnexpectedFrame),
            FromAgent::Scopes { scopes, reach } => {
                self.events.push_back(Event::Scopes(scopes, reach))
            }
            FromAgent::Terminals { terminals } => {
                self.events.push_back(Event::Terminals(terminals))
            }
            // Requests are answered in the web UI, and at the machine.
            FromAgent::Approvals { .. }
            | FromAgent::Approval { .. }
            | FromAgent::Settled { .. }
            | FromAgent::Audit { .. }
            | FromAgent::Permissions { .. } => {}
            FromAgent::Lease { jti, expires } => self.renewed(jti, expires),
            FromAgent::Ended { jti, reason } => {
                self.token_ended(jti, &Failure::from(&reason), now.mono)
            }
            FromAgent::Grant { grant, expires } => {
                self.given_grant(grant, expires);
            }
        }
        self.look_at_liveness(now.mono);
        Ok(())
    }

    fn greeted(&mut self, greeting: Greeting, terminals: Vec<Terminal>, now: Mono) {
        self.greeted = true;
        self.session_backoff.reset();
        self.backoff.reset();
        self.next_ping = now;
        // The list first: who waits for the welcome finds it there.
        self.events.push_back(Event::Terminals(terminals));
        self.events.push_back(Event::Welcome(greeting));
        self.ping_if_due(now);
    }

    /// What waited to be asked is asked.
    fn introduced(&mut self, now: Mono) {
        self.introduced = true;
        let waiting: Vec<_> = self.requests.keys().copied().collect();
        for req in waiting {
            self.say_request(req, now);
        }
    }

    fn renewed(&mut self, jti: TokenId, until: UnixMs) {
        for (handle, attached) in &mut self.attached {
            attached.token_renewed(jti, until, &mut events_of(&mut self.events, *handle));
        }
    }

    fn token_ended(&mut self, jti: TokenId, why: &Failure, now: Mono) {
        let Some(link) = &mut self.link else { return };
        for (handle, attached) in &mut self.attached {
            attached.token_ended(
                jti,
                why.clone(),
                link,
                &mut events_of(&mut self.events, *handle),
                now,
            );
        }
    }

    pub(super) fn say(&mut self, message: &ToAgent, now: Mono) {
        let (Some(channel), Some(link)) = (&mut self.channel, &mut self.link) else {
            return;
        };
        if let Err(code) = channel.say(link, message) {
            self.lose_session(code.into(), now);
        }
    }

    /// The session stream was closed by the other side.
    pub(super) fn session_closed(&mut self, close: &Close, now: Mono) {
        let why = Failure::from(close);
        self.channel = None;
        match close.code {
            Some(
                CloseCode::AgentOffline
                | CloseCode::AgentStopped
                | CloseCode::AgentLost
                | CloseCode::AgentSilent
                | CloseCode::AgentClock
                | CloseCode::Locked,
            ) => {
                self.session_lost(now);
                self.session_again = Some(now + AWAY_LOOK);
                self.set_state(State::Offline);
                self.events.push_back(Event::Trouble(why));
            }
            // What a session carries as a token is the grant; asking again with the same one cannot help. It slides while a session stands.
            Some(CloseCode::TokenRefused | CloseCode::Lapsed) => {
                self.session_lost(now);
                let why = why
                    .with_hint("this device's access has run out: pair again with `lanyard pair`");
                self.over_unless_changed(why, self.shown.clone());
            }
            Some(code) if outdated(code) => {
                self.session_lost(now);
                self.over_unless_changed(why, self.memory.grant.clone());
            }
            _ => self.lose_session(why, now),
        }
    }

    /// The session has failed: the next one follows by itself, unless that cannot help.
    pub(super) fn lose_session(&mut self, why: Failure, now: Mono) {
        if let (Some(channel), Some(link)) = (self.channel.take(), &mut self.link) {
            link.cut(
                channel.stream(),
                why.code().unwrap_or(CloseCode::Internal).into(),
            );
        }
        if why.is_lasting() {
            return self.over(why);
        }
        self.session_lost(now);
        self.session_again = Some(now + self.session_wait());
        self.set_state(match why.code() {
            // It was waited for, and nothing came.
            Some(CloseCode::HandshakeTimeout | CloseCode::Silent) => State::Silent,
            _ => State::Connecting,
        });
        self.events.push_back(Event::Trouble(why));
    }

    fn session_wait(&mut self) -> Duration {
        self.session_backoff.next_wait(self.chance.next())
    }

    fn session_lost(&mut self, now: Mono) {
        self.forget_session();
        for (handle, attached) in &mut self.attached {
            attached.session_lost(
                self.link.as_mut(),
                &mut events_of(&mut self.events, *handle),
                now,
            );
        }
    }

    pub(super) fn forget_link(&mut self) {
        // A session cannot be opened any more; a refusal is still to be judged.
        self.recall.take_if(|recall| matches!(recall, Recall::Open));
        self.conn = None;
        self.channel = None;
        self.session_again = None;
        self.session_backoff.reset();
        self.forget_session();
    }

    fn forget_session(&mut self) {
        self.introduced = false;
        self.greeted = false;
        self.ping = None;
        self.forget_requests();
    }

    pub(super) fn look_at_session(&mut self, now: Now) {
        if self
            .channel
            .as_ref()
            .and_then(Channel::deadline)
            .is_some_and(|at| at <= now.mono)
        {
            self.lose_session(CloseCode::HandshakeTimeout.into(), now.mono);
        }
        if self.silent_at().is_some_and(|at| at <= now.mono) {
            self.lose_session(CloseCode::Silent.into(), now.mono);
        }
        if self.channel.is_none() && self.session_again.is_some_and(|at| at <= now.mono) {
            self.want_session();
        }
        if self.is_live() {
            self.ping_if_due(now.mono);
        }
    }

    /// When a session that goes on saying nothing is given up.
    pub(super) fn silent_at(&self) -> Option<Mono> {
        let heard = self.heard.filter(|_| self.greeted)?;
        Some(heard + SESSION_SILENCE)
    }

    fn ping_if_due(&mut self, now: Mono) {
        if now < self.next_ping {
            return;
        }
        self.next_ping = now + HEARTBEAT;
        let n = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        // The machine owes an answer: if the relay owes one too, the link is dead, and its silence would tell so much later.
        if let (Some(_), Some(link)) = (self.ping, &mut self.link) {
            link.doubt(now);
        }
        // The time of an unanswered ping stays: a pong that is late is not taken for a fast one.
        self.ping = Some((n, now));
        self.say(&ToAgent::Ping { n }, now);
    }
}

/// Whether a refusal may be for keys or a grant in whose place this device has others.
pub(super) fn outdated(code: CloseCode) -> bool {
    matches!(
        code,
        CloseCode::KeysChanged
            | CloseCode::UnknownDevice
            | CloseCode::Revoked
            | CloseCode::ShareEnded
    )
}
