//! What a device keeps of its machine, as keys and grants take each other's place. Nothing is told or used before it is on disk.

use super::event::{Event, Memory, OwnKeys};
use super::request::Request;
use super::{Party, Viewer};
use ed25519_dalek::SigningKey;
use lanyard_shared::close::CloseCode;
use lanyard_shared::msg::ToAgent;
use lanyard_shared::rotate::{self, IdentityCert, NoiseCert};
use lanyard_shared::time::{Now, UnixMs};
use std::sync::Arc;

/// What follows when the memory is on disk.
#[derive(Default)]
pub(super) struct Keeping {
    /// The machine is told that its Noise key of this serial is kept.
    taken: Option<u32>,
    /// The viewer goes on under its next keys.
    next: bool,
}

impl Memory {
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

impl Viewer {
    /// What [`Event::Remember`] brought last is on disk.
    pub fn kept(&mut self, now: Now) {
        if let Some(serial) = self.keeping.taken.take()
            && self.is_live()
        {
            self.say(&ToAgent::KeysTaken { serial }, now.mono);
        }
        if std::mem::take(&mut self.keeping.next) {
            self.party = self.memory.applied_to(self.party.clone());
            // A new link, for a link proves one key.
            if let Some(link) = &mut self.link {
                link.end(CloseCode::Done);
            }
        }
    }

    /// Changes this device's keys, which [`Event::Rekey`] asks for, to fresh ones.
    pub fn rekey(&mut self, keys: OwnKeys, now: Now) {
        let asked = |request: &Request| matches!(request, Request::Rekey(_));
        if self.is_live() && !self.requests.values().any(asked) && !self.keeping.next {
            self.ask(Request::Rekey(keys), now);
        }
    }

    pub(super) fn remember(&mut self) {
        self.events.push_back(Event::Remember(self.memory.clone()));
    }

    /// A younger grant. One that is given to keys which are about to be replaced is not for the next ones.
    pub(super) fn given_grant(&mut self, grant: String, expires: UnixMs) {
        let public = |key: &SigningKey| key.verifying_key();
        let own = self.memory.keys.as_ref();
        if own.is_none_or(|own| public(&own.key) == public(&self.party.key)) {
            (self.memory.grant, self.memory.expires) = (grant, expires);
            self.remember();
        }
    }

    pub(super) fn given_generation(&mut self, generation: u32) {
        if self.memory.generation != generation {
            self.memory.generation = generation;
            self.remember();
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
        if let Some(known) = &self.memory.identity {
            let identity = rotate::follow(known, chain, agent)
                .filter(|identity| rotate::check_noise_cert(noise, identity, agent))
                .ok_or(CloseCode::ProofRefused)?;
            self.memory.identity = Some(identity);
        }
        self.memory.remote = noise.key.0;
        self.memory.serial = noise.serial;
        self.party.remote = noise.key.0;
        self.keeping.taken = Some(noise.serial);
        self.remember();
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
        self.memory.keys = Some(keys);
        (self.memory.grant, self.memory.expires) = (grant, expires);
        self.keeping.next = true;
        self.remember();
        Ok(())
    }
}
