//! Pairing links that wait for a viewer: five minutes, once, three tries.

use lanyard_shared::access::Reach;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Rendezvous, RendezvousState};
use lanyard_shared::ids::RendezvousId;
use lanyard_shared::limits::{PAIRING_LIFE, PAIRING_TRIES, RENDEZVOUS_MAX};
use lanyard_shared::msg::Scope;
use lanyard_shared::pair::PairingSecret;
use lanyard_shared::time::UnixMs;
use std::collections::VecDeque;
use std::time::Duration;

/// Names a question to the person at the machine.
pub type QuestionId = u64;

/// What a pairing link gives to whoever follows it and is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What the device may ask tokens for.
    pub scopes: Vec<Scope>,
    /// What those reach.
    pub reach: Reach,
    /// For how long the device may stay; `None` while it is used.
    pub stays: Option<Duration>,
    /// Whether the yes was given beforehand.
    pub without_asking: bool,
}

/// A pairing link that was handed out.
#[derive(Debug)]
pub struct Pairing {
    /// What the link carries.
    pub secret: PairingSecret,
    /// Where a viewer knocks.
    pub rendezvous: RendezvousId,
    /// What a yes gives.
    pub invitation: Invitation,
    /// When it ends.
    pub expires: UnixMs,
    tries: u32,
    state: RendezvousState,
}

/// All pairing links of late; the spent ones are kept for a while, so that who comes late hears why.
#[derive(Debug, Default)]
pub struct Pairings {
    recent: VecDeque<Pairing>,
}

impl Pairings {
    /// Opens a pairing. The oldest is forgotten when there are too many.
    pub fn open(&mut self, secret: PairingSecret, invitation: Invitation, now: UnixMs) -> &Pairing {
        if self.recent.len() >= RENDEZVOUS_MAX {
            self.recent.pop_front();
        }
        let rendezvous = secret.rendezvous();
        let expires = now + PAIRING_LIFE;
        let state = RendezvousState::Open;
        self.recent.push_back(Pairing {
            secret,
            rendezvous,
            invitation,
            expires,
            tries: 0,
            state,
        });
        &self.recent[self.recent.len() - 1]
    }

    /// The pairing at this rendezvous, if a viewer may still come.
    pub fn get_open(&self, id: RendezvousId, now: UnixMs) -> Option<&Pairing> {
        self.recent
            .iter()
            .find(|p| p.rendezvous == id && p.state == RendezvousState::Open && p.expires > now)
    }

    /// Why no viewer may come to this rendezvous any more. Who lost a race hears it here: the relay may not have heard of the winner yet.
    #[must_use]
    pub fn why_closed(&self, id: RendezvousId) -> CloseCode {
        let known = self.recent.iter().find(|pairing| pairing.rendezvous == id);
        match known.map(|pairing| pairing.state) {
            Some(RendezvousState::Used) => CloseCode::PairUsed,
            // Open, but over: nobody has looked at the clock since.
            Some(RendezvousState::Expired | RendezvousState::Open) => CloseCode::PairExpired,
            None => CloseCode::PairUnknown,
        }
    }

    /// Counts one message 1. Returns the pairing for it, and spends the secret at the third: what is read then is the last.
    pub fn try_once(&mut self, id: RendezvousId, now: UnixMs) -> Option<&Pairing> {
        let pairing = self.find_open(id, now)?;
        pairing.tries += 1;
        if pairing.tries >= PAIRING_TRIES {
            pairing.state = RendezvousState::Used;
        }
        Some(pairing)
    }

    /// Spends the secret: a first transport message has verified. `None` if that has happened before.
    pub fn spend(&mut self, id: RendezvousId, now: UnixMs) -> Option<&Pairing> {
        let pairing = self
            .recent
            .iter_mut()
            .find(|p| p.rendezvous == id && p.expires > now)?;
        // At the third try the state is `Used` already, but that try itself may still succeed, once.
        let last_try = pairing.state == RendezvousState::Used && pairing.tries == PAIRING_TRIES;
        if pairing.state != RendezvousState::Open && !last_try {
            return None;
        }
        pairing.tries = u32::MAX;
        pairing.state = RendezvousState::Used;
        Some(pairing)
    }

    /// Ends every pairing that is not yet spent, one at its last try included.
    pub fn cancel_all(&mut self) {
        for pairing in &mut self.recent {
            pairing.tries = u32::MAX;
            if pairing.state == RendezvousState::Open {
                pairing.state = RendezvousState::Used;
            }
        }
    }

    /// Marks pairings whose time is over. True when there were any.
    pub fn expire(&mut self, now: UnixMs) -> bool {
        let over = |p: &&mut Pairing| p.state == RendezvousState::Open && p.expires <= now;
        self.recent
            .iter_mut()
            .filter(over)
            .map(|p| p.state = RendezvousState::Expired)
            .count()
            > 0
    }

    /// When the next one ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMs> {
        self.recent
            .iter()
            .filter(|p| p.state == RendezvousState::Open)
            .map(|p| p.expires)
            .min()
    }

    /// What the relay is told.
    #[must_use]
    pub fn rendezvous(&self) -> Vec<Rendezvous> {
        self.recent
            .iter()
            .map(|p| Rendezvous {
                id: p.rendezvous,
                state: p.state,
            })
            .collect()
    }

    /// Those that a viewer may still follow.
    pub fn open_ones(&self, now: UnixMs) -> impl Iterator<Item = &Pairing> {
        let open = move |p: &&Pairing| p.state == RendezvousState::Open && p.expires > now;
        self.recent.iter().filter(open)
    }

    fn find_open(&mut self, id: RendezvousId, now: UnixMs) -> Option<&mut Pairing> {
        self.recent
            .iter_mut()
            .find(|p| p.rendezvous == id && p.state == RendezvousState::Open && p.expires > now)
    }
}
