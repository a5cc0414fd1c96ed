//! What a device keeps of its machine, as keys and grants take each other's place. Nothing is told or used before it is on disk.

use super::event::{Event, Memory, News, OwnKeys};
use super::request::Request;
use super::{Failure, Party, State, Viewer};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg::ToAgent;
use lanyard_shared::rotate::{self, IdentityCert, NoiseCert};
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::sync::Arc;

/// Why what is kept is to be read again.
pub(super) enum Recall {
    /// A session is to be opened.
    Open,
    /// The machine or the relay has refused what was shown.
    Refused {
        why: Failure,
        /// The grant that is of no use any more.
        grant: String,
    },
}

impl Memory {
    /// Adds what was learned. Generation and serial only rise: another viewer of this device may have heard the later of two.
    pub fn learn(&mut self, news: &News) {
        match news {
            News::Grant { grant, expires } => {
                self.grant.clone_from(grant);
                self.expires = *expires;
            }
            News::Generation(generation) => self.generation = self.generation.max(*generation),
            News::MachineKey {
                remote,
                serial,
                identity,
            } => {
                if *serial > self.serial {
                    (self.remote, self.serial, self.identity) = (*remote, *serial, *identity);
                }
            }
            News::OwnKeys {
                keys,
                grant,
                expires,
            } => {
                self.keys = Some(keys.clone());
                self.grant.clone_from(grant);
                self.expires = *expires;
            }
        }
    }

    /// The party, with the keys that are kept.
    pub(super) fn applied_to(&self, party: Party) -> Party {
        let (key, noise) = match &self.keys {
            Some(own) => (Arc::clone(&own.key), own.noise.clone()),
            None => (party.key, party.noise),
        };
        Party {
            remote: self.remote,
            key,
            noise,
            ..party
        }
    }
}

impl Party {
    pub(super) fn device(&self) -> DeviceId {
        DeviceId::of_key(&self.key.verifying_key().to_bytes())
    }
}

impl Viewer {
    /// The oldest news of [`Event::Remember`] is on disk.
    pub fn kept(&mut self, now: Now) {
        let Some(news) = self.unkept.pop_front() else {
            return;
        };
        self.memory.learn(&news);
        self.party = self.memory.applied_to(self.party.clone());
        match news {
            News::MachineKey { serial, .. } if self.is_live() => {
                self.say(&ToAgent::KeysTaken { serial }, now.mono);
            }
            News::OwnKeys { .. } => self.change_link(),
            News::MachineKey { .. } | News::Grant { .. } | News::Generation(_) => {}
        }
    }

    /// The oldest news of [`Event::Remember`] cannot be kept, or is of no use any more. It is as if it had not been said: what was kept before
    /// opens the next session, and the machine says it again there.
    pub fn not_kept(&mut self) {
        self.unkept.pop_front();
    }

    /// True when the shell should read what is kept and say [`Viewer::recalled`]: another viewer of this device may have kept something newer.
    #[must_use]
    pub fn wants_recall(&self) -> bool {
        self.recall.is_some()
    }

    /// What is kept now. `None` leaves what is known: nothing is kept, or it cannot be read.
    pub fn recalled(&mut self, kept: Option<Memory>, now: Mono) {
        let Some(recall) = self.recall.take() else {
            return;
        };
        let device = self.party.device();
        self.memory = kept.unwrap_or_else(|| self.memory.clone());
        self.party = self.memory.applied_to(self.party.clone());
        let other_keys = self.party.device() != device;
        match recall {
            Recall::Refused { why, grant } if !other_keys && self.memory.grant == grant => {
                return self.over(why);
            }
            Recall::Refused { .. } => self.set_state(State::Connecting),
            Recall::Open => {}
        }
        if other_keys {
            self.change_link();
        } else {
            self.open_session(now);
        }
    }

    /// It is over, unless other keys or another grant than these are kept by now.
    pub(super) fn over_unless_changed(&mut self, why: Failure, grant: String) {
        self.recall = Some(Recall::Refused { why, grant });
    }

    pub(super) fn want_session(&mut self) {
        self.session_again = None;
        self.recall.get_or_insert(Recall::Open);
    }

    /// A new link, for a link proves one key.
    fn change_link(&mut self) {
        if let Some(link) = &mut self.link {
            link.end(CloseCode::Done);
        }
    }

    /// Changes this device's keys, which [`Event::Rekey`] asks for, to fresh ones.
    pub fn rekey(&mut self, keys: OwnKeys, now: Now) {
        let asked = |request: &Request| matches!(request, Request::Rekey(_));
        if self.is_live() && !self.requests.values().any(asked) && !self.has_next_keys() {
            self.ask(Request::Rekey(keys), now);
        }
    }

    fn has_next_keys(&self) -> bool {
        let next = |news: &News| matches!(news, News::OwnKeys { .. });
        self.unkept.iter().any(next)
    }

    fn remember(&mut self, news: News) {
        self.unkept.push_back(news.clone());
        self.events
            .push_back(Event::Remember(self.party.device(), news));
    }

    /// A younger grant. One that is given to keys which are about to be replaced is not for the next ones.
    pub(super) fn given_grant(&mut self, grant: String, expires: UnixMs) {
        if !self.has_next_keys() {
            self.remember(News::Grant { grant, expires });
        }
    }

    pub(super) fn given_generation(&mut self, generation: u32) {
        if generation > self.memory.generation {
            self.remember(News::Generation(generation));
        }
    }

    /// The machine's present Noise key. It is believed only in a session under the one before, and only from an identity that leads back
    /// to the one that is known.
    pub(super) fn heard_keys(
        &mut self,
        chain: &[IdentityCert],
        noise: &NoiseCert,
    ) -> Result<(), CloseCode> {
        if noise.serial <= self.memory.serial {
            return Ok(());
        }
        let agent = self.party.agent;
        let follow = |known| {
            rotate::follow(known, chain, agent)
                .filter(|identity| rotate::check_noise_cert(noise, identity, agent))
                .ok_or(CloseCode::ProofRefused)
        };
        let identity = self.memory.identity.as_ref().map(follow).transpose()?;
        self.remember(News::MachineKey {
            remote: noise.key.0,
            serial: noise.serial,
            identity,
        });
        Ok(())
    }

    pub(super) fn rekeyed(
        &mut self,
        req: u32,
        grant: String,
        expires: UnixMs,
    ) -> Result<(), CloseCode> {
        let Some(Request::Rekey(keys)) = self.requests.remove(&req) else {
            return Err(CloseCode::UnexpectedFrame);
        };
        self.remember(News::OwnKeys {
            keys,
            grant,
            expires,
        });
        Ok(())
    }
}
