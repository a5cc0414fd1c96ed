//! Whom a hub believes, and for how long a stream may stand.
//!
//! [`Trust`] is a snapshot: tokens are verified against it outside the hub's lock, and a verdict counts only while the snapshot is still
//! the hub's.

use super::fault::PeerMisbehaved;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Announce, FormerIdentity, Rendezvous, RendezvousState};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, RendezvousId, TokenId};
use lanyard_shared::limits::CLOCK_MEASURE;
use lanyard_shared::rotate::check_former;
use lanyard_shared::time::{Mono, UnixMs};
use lanyard_shared::token::{
    self, AnyPermit, Claims, Device, Expected, Permit, SignerFault, TokenFault, VerifiedSigner,
    valid_keys,
};
use std::collections::{HashMap, HashSet};

/// An agent's clock, as measured when it proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentClock {
    at: Mono,
    unix: UnixMs,
}

impl AgentClock {
    /// The agent said it was `unix` when our clock said `at`.
    #[must_use]
    pub const fn measured(at: Mono, unix: UnixMs) -> Self {
        Self { at, unix }
    }

    /// The agent's time.
    #[must_use]
    pub fn now(&self, now: Mono) -> UnixMs {
        self.unix + now.since(self.at)
    }

    /// When, by our clock, the agent's shows `unix`.
    #[must_use]
    pub fn when(&self, unix: UnixMs) -> Mono {
        if unix >= self.unix {
            self.at + self.unix.until(unix)
        } else {
            self.at - unix.until(self.unix)
        }
    }
}

/// What an agent's tokens are judged by: its identity, its clock, and what it announced.
#[derive(Clone, Debug)]
pub struct Trust {
    agent: AgentId,
    identity: [u8; 32],
    /// The identity before, until the agent has announced under the present one: what it said before may still be on its way.
    before: Option<[u8; 32]>,
    clock: AgentClock,
    announced: Option<Announced>,
}

#[derive(Clone, Debug)]
struct Announced {
    signers: Vec<VerifiedSigner>,
    devices: HashMap<DeviceId, u32>,
    revoked: HashSet<TokenId>,
    rendezvous: Vec<Rendezvous>,
    former: Vec<FormerIdentity>,
    locked: bool,
}

/// Why a stream is not opened. The opener hears the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The agent has not announced the device.
    #[error("the agent does not know the device")]
    UnknownDevice,
    /// The agent has announced the token's end.
    #[error("the token was revoked")]
    Revoked,
    /// A session with a grant from before a revocation.
    #[error("the grant is from before the device was last revoked")]
    OldGrant,
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] TokenFault),
}

impl From<Refusal> for CloseCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownDevice => Self::UnknownDevice,
            Refusal::Revoked | Refusal::OldGrant => Self::Revoked,
            Refusal::Token(fault) => fault.into(),
        }
    }
}

impl Trust {
    /// What is known of an agent that has proven itself and said nothing yet.
    #[must_use]
    pub const fn new(agent: AgentId, identity: [u8; 32], clock: AgentClock) -> Self {
        Self {
            agent,
            identity,
            before: None,
            clock,
            announced: None,
        }
    }

    /// The same after another proof.
    #[must_use]
    pub fn with_clock(&self, clock: AgentClock) -> Self {
        Self {
            clock,
            ..self.clone()
        }
    }

    /// The same after the agent has proven its next identity.
    #[must_use]
    pub fn with_identity(&self, identity: [u8; 32]) -> Self {
        Self {
            before: Some(self.identity),
            identity,
            ..self.clone()
        }
    }

    /// The same with a new announcement in place of the old.
    ///
    /// # Errors
    /// A signer is not certified by the agent's identity. One whose time has passed or not come is only left out.
    pub fn with_announce(&self, announce: Announce, now: Mono) -> Result<Self, PeerMisbehaved> {
        let by_present = self.signers(&announce, &self.identity, now);
        let (signers, before) = match (by_present, self.before) {
            (Err(_), Some(before)) => (self.signers(&announce, &before, now)?, Some(before)),
            (signers, _) => (signers?, None),
        };
        let announced = Announced {
            signers,
            devices: announce
                .devices
                .into_iter()
                .map(|device| (device.id, device.epoch))
                .collect(),
            revoked: announce.revoked.into_iter().collect(),
            rendezvous: announce.rendezvous,
            former: announce.former,
            locked: announce.locked,
        };
        Ok(Self {
            announced: Some(announced),
            before,
            ..self.clone()
        })
    }

    fn signers(
        &self,
        announce: &Announce,
        identity: &[u8; 32],
        now: Mono,
    ) -> Result<Vec<VerifiedSigner>, PeerMisbehaved> {
        let mut signers = Vec::with_capacity(announce.signers.len());
        for cert in &announce.signers {
            match token::check_signer(cert, identity, self.agent, self.clock.now(now)) {
                Ok(signer) => signers.push(signer),
                Err(SignerFault::Expired | SignerFault::NotYet) => {}
                Err(fault @ (SignerFault::Signature | SignerFault::Life)) => {
                    return Err(fault.into());
                }
            }
        }
        Ok(signers)
    }

    /// True once the agent has announced its state: nothing is routed to it before.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.announced.is_some()
    }

    /// Whether the owner has ended all remote access for now.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.announced
            .as_ref()
            .is_some_and(|announced| announced.locked)
    }

    /// Whether an unpaired viewer may knock at `id`.
    ///
    /// # Errors
    /// Why not.
    pub fn rendezvous(&self, id: RendezvousId) -> Result<(), CloseCode> {
        let known = self
            .announced
            .iter()
            .flat_map(|announced| &announced.rendezvous);
        match known
            .into_iter()
            .find(|rendezvous| rendezvous.id == id)
            .map(|rendezvous| rendezvous.state)
        {
            Some(RendezvousState::Open) => Ok(()),
            Some(RendezvousState::Used) => Err(CloseCode::PairUsed),
            Some(RendezvousState::Expired) => Err(CloseCode::PairExpired),
            None => Err(CloseCode::PairUnknown),
        }
    }

    /// Checks a grant that is to open a session.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn check_grant(&self, raw: &str, device: DeviceId, now: Mono) -> Result<Lease, Refusal> {
        let expected = self.expected(device, None)?;
        let now = self.clock.now(now);
        let permit = token::verify::<Device>(now, raw, &self.grant_keys(now), &expected).map_err(
            |fault| {
                if fault == TokenFault::WrongEpoch {
                    Refusal::OldGrant
                } else {
                    fault.into()
                }
            },
        )?;
        self.lease(LeasePermit::Grant(permit))
    }

    /// Checks a token that is to open a stream for its purpose.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn check_token(
        &self,
        raw: &str,
        device: DeviceId,
        conn: ConnId,
        now: Mono,
    ) -> Result<Lease, Refusal> {
        let expected = self.expected(device, Some(conn))?;
        let now = self.clock.now(now);
        let permit = token::verify_any(now, raw, &self.signer_keys(now), &expected)?;
        permit.opens(now)?;
        self.lease(LeasePermit::Token(permit))
    }

    /// Prolongs a stream by a later token.
    ///
    /// # Errors
    /// See [`Refusal`]. The lease is then to be ended.
    pub fn renew(&self, mut lent: Lent, raw: &str, now: Mono) -> Result<Lease, Refusal> {
        let now = self.clock.now(now);
        match &mut lent.0 {
            LeasePermit::Grant(permit) => {
                let epoch = self.epoch(permit.claims().device)?;
                permit.renew(now, raw, &self.grant_keys(now), epoch)?;
            }
            LeasePermit::Token(permit) => {
                let epoch = self.epoch(permit.claims().device)?;
                permit.renew(now, raw, &self.signer_keys(now), epoch)?;
            }
        }
        self.lease(lent.0)
    }

    /// Whether a stream with these claims still stands after an announcement.
    #[must_use]
    pub fn stands(&self, claims: &Claims) -> bool {
        !self.is_locked()
            && self.epoch(claims.device) == Ok(claims.epoch)
            && !self.is_revoked(claims.id)
    }

    fn lease(&self, permit: LeasePermit) -> Result<Lease, Refusal> {
        let claims = *permit.claims();
        if self.is_revoked(claims.id) {
            return Err(Refusal::Revoked);
        }
        Ok(Lease {
            deadline: self.clock.when(claims.expires_at()),
            claims,
            permit: Some(permit),
        })
    }

    fn expected(&self, device: DeviceId, conn: Option<ConnId>) -> Result<Expected, Refusal> {
        Ok(Expected {
            agent: self.agent,
            device,
            conn,
            epoch: self.epoch(device)?,
            early: CLOCK_MEASURE,
        })
    }

    fn epoch(&self, device: DeviceId) -> Result<u32, Refusal> {
        let announced = self.announced.as_ref();
        announced
            .and_then(|announced| announced.devices.get(&device))
            .copied()
            .ok_or(Refusal::UnknownDevice)
    }

    fn is_revoked(&self, id: TokenId) -> bool {
        self.announced
            .as_ref()
            .is_some_and(|announced| announced.revoked.contains(&id))
    }

    /// The present identity, and those before it whose grants it says still hold.
    fn grant_keys(&self, now: UnixMs) -> Vec<[u8; 32]> {
        let announced = self
            .announced
            .iter()
            .flat_map(|announced| &announced.former);
        // What was announced last may still be under the identity before.
        let by = |f, identity| check_former(f, identity, self.agent, now);
        let former = announced
            .filter_map(|f| by(f, &self.identity).or_else(|| by(f, self.before.as_ref()?)));
        std::iter::once(self.identity)
            .chain(self.before)
            .chain(former)
            .collect()
    }

    fn signer_keys(&self, now: UnixMs) -> Vec<[u8; 32]> {
        self.announced
            .as_ref()
            .map(|announced| valid_keys(&announced.signers, now))
            .unwrap_or_default()
    }
}

/// A verified token and when, by our clock, it ends.
#[derive(Debug)]
pub struct Lease {
    claims: Claims,
    deadline: Mono,
    /// Away while it is being renewed.
    permit: Option<LeasePermit>,
}

/// A permit on its way through [`Trust::renew`].
#[derive(Debug)]
pub struct Lent(LeasePermit);

#[derive(Debug)]
enum LeasePermit {
    Grant(Permit<Device>),
    Token(AnyPermit),
}

impl LeasePermit {
    fn claims(&self) -> &Claims {
        match self {
            Self::Grant(permit) => permit.claims(),
            Self::Token(permit) => permit.claims(),
        }
    }
}

impl Lease {
    /// What the token says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// When the stream is cut, by our clock.
    #[must_use]
    pub fn deadline(&self) -> Mono {
        self.deadline
    }

    /// Lends the permit to [`Trust::renew`]. The deadline stands meanwhile.
    pub fn lend(&mut self) -> Option<Lent> {
        self.permit.take().map(Lent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_clock_is_ours_plus_what_was_measured() {
        let clock = AgentClock::measured(Mono::from_secs(100), UnixMs::from_secs(5000));
        assert_eq!(clock.now(Mono::from_secs(130)), UnixMs::from_secs(5030));
        assert_eq!(clock.when(UnixMs::from_secs(5030)), Mono::from_secs(130));
        assert_eq!(clock.when(UnixMs::from_secs(4990)), Mono::from_secs(90));
    }
}
