//! The viewer's side of pairing, without IO: one link, one stream, one question to a person at the machine.

use super::Memory;
use super::Party;
use super::channel::{Channel, Ends, Heard};
use crate::failure::{Failure, clean};
use bytes::Bytes;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Target};
use lanyard_shared::ids::ConnId;
use lanyard_shared::link::{Dialler, Event as LinkEvent, Link};
use lanyard_shared::msg::{self, Offer, PairReply, PairRequest, Scope};
use lanyard_shared::pair::{PairingSecret, sign_pairing};
use lanyard_shared::time::{Mono, Now};
use lanyard_shared::words::check_words;
use std::collections::VecDeque;
use std::sync::Arc;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairingEvent {
    /// The machine has introduced itself. The person compares the words on both screens. Texts are cleaned of control characters.
    Offered {
        /// What the link grants, and by whom.
        offer: Offer,
        /// The check words.
        words: [&'static str; 4],
    },
    /// A person at the machine is being asked.
    Waiting,
    /// Paired. Nothing follows.
    Granted {
        /// What is to be kept of the machine.
        memory: Memory,
        /// What was granted.
        scopes: Vec<Scope>,
    },
    /// Not paired. Nothing follows.
    Failed(Failure),
}

/// One attempt at pairing over one link.
pub struct Pairing {
    party: Party,
    secret: PairingSecret,
    link: Link,
    conn: Option<ConnId>,
    channel: Option<Channel>,
    over: bool,
    events: VecDeque<PairingEvent>,
}

impl Pairing {
    /// A pairing over a WebSocket that has just been opened to the authority `host`.
    #[must_use]
    pub fn new(party: Party, secret: PairingSecret, host: String, now: Mono) -> Self {
        let dialler = Dialler::Viewer {
            agent: party.agent,
            key: Arc::clone(&party.key),
        };
        let link = Link::new(dialler, host, now);
        Self {
            party,
            secret,
            link,
            conn: None,
            channel: None,
            over: false,
            events: VecDeque::new(),
        }
    }

    /// Takes one message of the relay.
    pub fn handle(&mut self, message: Bytes, now: Now) {
        self.link.handle(message, now);
        self.drain(now.mono);
    }

    /// The WebSocket is gone.
    pub fn disconnected(&mut self) {
        self.fail(cut());
    }

    /// The next message to the relay.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.link.poll_output()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<PairingEvent> {
        self.events.pop_front()
    }

    /// When [`Pairing::on_timeout`] wants to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let channel = self.channel.as_ref().and_then(Channel::deadline);
        self.link.poll_timeout().into_iter().chain(channel).min()
    }

    /// Looks at the clock.
    pub fn on_timeout(&mut self, now: Mono) {
        self.link.on_timeout(now);
        if self
            .channel
            .as_ref()
            .and_then(Channel::deadline)
            .is_some_and(|at| at <= now)
        {
            self.fail(CloseCode::HandshakeTimeout.into());
        }
        self.drain(now);
    }

    fn drain(&mut self, now: Mono) {
        while let Some(event) = self.link.poll_event() {
            let outcome = match event {
                LinkEvent::Welcome {
                    conn, first: true, ..
                } => {
                    self.conn = Some(conn);
                    let target = Target::Pair(self.secret.rendezvous());
                    let psk = Some(&self.secret.psk());
                    let party = &self.party;
                    let opened =
                        Channel::open(&mut self.link, target, Ends { party, conn, psk }, now);
                    opened.map(|channel| self.channel = channel)
                }
                LinkEvent::Accepted(_, accept) => match (&mut self.channel, self.conn) {
                    (Some(channel), Some(conn)) => {
                        let psk = Some(&self.secret.psk());
                        let party = &self.party;
                        channel.accepted(&mut self.link, Ends { party, conn, psk }, &accept)
                    }
                    _ => Ok(()),
                },
                LinkEvent::Data(_, data) => self.data(&data),
                LinkEvent::Room(_) => match &mut self.channel {
                    Some(channel) => channel.flush(&mut self.link),
                    None => Ok(()),
                },
                LinkEvent::Closed(_, close) => {
                    self.closed(&close);
                    Ok(())
                }
                LinkEvent::Ended(close) => {
                    self.fail(Failure::from(&close));
                    Ok(())
                }
                LinkEvent::Welcome { first: false, .. }
                | LinkEvent::Wake
                | LinkEvent::TakenIn(_)
                | LinkEvent::Open(..) => Ok(()),
            };
            if let Err(code) = outcome {
                self.fail(code.into());
            }
        }
    }

    fn data(&mut self, data: &[u8]) -> Result<(), CloseCode> {
        let Some(channel) = &mut self.channel else {
            return Ok(());
        };
        match channel.data(&mut self.link, data)? {
            Heard::Established(payload) => {
                let offer: Offer = msg::decode(&payload).map_err(|_| CloseCode::BadMessage)?;
                let hash = *channel
                    .session()
                    .ok_or(CloseCode::Internal)?
                    .handshake_hash();
                let signature = sign_pairing(
                    &self.party.key,
                    &hash,
                    self.party.agent,
                    self.party.noise.public(),
                );
                let request = PairRequest {
                    name: self.party.name.clone(),
                    key: b64::Bytes(self.party.key.verifying_key().to_bytes()),
                    signature: b64::Bytes(signature),
                };
                channel.say(&mut self.link, &request)?;
                let offer = Offer {
                    machine: clean(&offer.machine),
                    user: clean(&offer.user),
                    ..offer
                };
                self.events.push_back(PairingEvent::Offered {
                    offer,
                    words: check_words(&hash),
                });
            }
            Heard::Message(plain) => {
                match msg::decode(&plain).map_err(|_| CloseCode::BadMessage)? {
                    PairReply::Waiting {} => self.events.push_back(PairingEvent::Waiting),
                    PairReply::Granted {
                        grant,
                        scopes,
                        reach: _,
                        expires,
                        until: _,
                        identity,
                        serial,
                    } => {
                        let memory = Memory {
                            grant,
                            expires,
                            remote: self.party.remote,
                            serial,
                            identity: Some(identity.0),
                            generation: 0,
                            keys: None,
                        };
                        self.finish(PairingEvent::Granted { memory, scopes });
                    }
                    PairReply::Refused { reason } => self.fail(Failure::from(&reason)),
                }
            }
        }
        Ok(())
    }

    /// A close that the agent did not announce, sealed, before.
    fn closed(&mut self, close: &Close) {
        let asked = self.channel.as_ref().is_some_and(Channel::stands);
        let why = match close.code {
            // The agent reads message 1 only from who knows the secret.
            Some(CloseCode::HandshakeFailed) => Failure::from(CloseCode::PairUnknown),
            _ if asked => cut(),
            _ => Failure::from(close),
        };
        self.fail(why);
    }

    fn fail(&mut self, why: Failure) {
        self.finish(PairingEvent::Failed(why));
    }

    fn finish(&mut self, event: PairingEvent) {
        if !std::mem::replace(&mut self.over, true) {
            self.link.end(CloseCode::Done);
            self.events.push_back(event);
        }
    }
}

fn cut() -> Failure {
    Failure::from(CloseCode::Cut).with_hint("run `lanyard pair` on the machine for a new link")
}
