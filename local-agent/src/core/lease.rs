//! The table of live leases: what each token opens here. It is authoritative; a token without its lease opens nothing.

use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{ConnId, DeviceId, TokenId};
use lanyard_shared::limits::{LEASE_GUARD, TOKEN_OPENS_WITHIN};
use lanyard_shared::msg::{Scope, Wanted};
use lanyard_shared::seal::StreamSecret;
use lanyard_shared::time::UnixMs;
use std::collections::BTreeMap;

/// What one token opens.
#[derive(Debug)]
pub struct Lease {
    /// The token.
    pub jti: TokenId,
    /// For what, and what it is about.
    pub wanted: Wanted,
    /// For whom.
    pub device: DeviceId,
    /// Over which link.
    pub conn: ConnId,
    /// The session it was minted in.
    pub session: StreamId,
    /// The stream's secret; gone once the stream is open, so that there is no second.
    pub secret: Option<StreamSecret>,
    /// When the present token was signed.
    pub issued: UnixMs,
    /// When it expires.
    pub expires: UnixMs,
    /// When something last came over its stream.
    pub used: UnixMs,
    /// The stream, once open.
    pub stream: Option<StreamId>,
}

impl Lease {
    /// For what.
    #[must_use]
    pub const fn purpose(&self) -> Scope {
        self.wanted.scope()
    }

    /// When this side ends it: a moment before the relay does, or when it was never opened.
    #[must_use]
    pub fn ends(&self) -> UnixMs {
        if self.stream.is_some() {
            UnixMs(
                self.expires
                    .0
                    .saturating_sub(LEASE_GUARD.as_millis() as u64),
            )
        } else {
            self.issued + TOKEN_OPENS_WITHIN
        }
    }

    /// When a new token is pushed, if it is to be: at three fifths of its life.
    #[must_use]
    pub fn renews(&self) -> UnixMs {
        self.issued + self.purpose().kind().life() * 3 / 5
    }

    fn next_look(&self) -> UnixMs {
        let ends = self.ends();
        if self.stream.is_some() {
            self.renews().min(ends)
        } else {
            ends
        }
    }
}

/// All live leases.
#[derive(Debug, Default)]
pub struct Leases {
    leases: BTreeMap<TokenId, Lease>,
    /// Not later than the first `next_look`; the present one need not be recomputed at every message.
    next_look: Option<UnixMs>,
}

impl Leases {
    /// Adds a lease.
    pub fn insert(&mut self, lease: Lease) {
        self.look_at(lease.next_look());
        self.leases.insert(lease.jti, lease);
    }

    /// The lease of a token.
    #[must_use]
    pub fn get(&self, jti: TokenId) -> Option<&Lease> {
        self.leases.get(&jti)
    }

    /// Changes a lease.
    pub fn update(&mut self, jti: TokenId, change: impl FnOnce(&mut Lease)) {
        if let Some(lease) = self.leases.get_mut(&jti) {
            change(lease);
            let look = lease.next_look();
            self.look_at(look);
        }
    }

    /// Something came over a lease's stream.
    pub fn touch(&mut self, jti: TokenId, now: UnixMs) {
        if let Some(lease) = self.leases.get_mut(&jti) {
            lease.used = now;
        }
    }

    /// Ends a lease.
    pub fn remove(&mut self, jti: TokenId) -> Option<Lease> {
        self.leases.remove(&jti)
    }

    /// Ends all leases; the link is gone.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Every lease.
    pub fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.leases.values()
    }

    /// How many leases a session has.
    #[must_use]
    pub fn of_session(&self, session: StreamId) -> usize {
        self.leases
            .values()
            .filter(|lease| lease.session == session)
            .count()
    }

    /// When to look at the leases again.
    #[must_use]
    pub fn next_look(&self) -> Option<UnixMs> {
        self.next_look
    }

    /// The leases that want something now; afterwards the next look is computed anew, but not before `again`.
    pub fn due(&mut self, now: UnixMs, again: UnixMs) -> Vec<TokenId> {
        if self.next_look.is_none_or(|look| look > now) {
            return Vec::new();
        }
        let due = self
            .leases
            .values()
            .filter(|lease| lease.next_look() <= now)
            .map(|lease| lease.jti)
            .collect();
        self.next_look = self
            .leases
            .values()
            .map(|l| {
                if l.next_look() <= now {
                    again.min(l.ends().max(now))
                } else {
                    l.next_look()
                }
            })
            .min();
        due
    }

    fn look_at(&mut self, time: UnixMs) {
        self.next_look = Some(self.next_look.map_or(time, |look| look.min(time)));
    }
}
