//! What a token says, and what it must say to whom.

use super::fault::TokenFault;
use super::purpose::Kind;
use super::strict::{Object, Shape};
use super::{bounded, purpose};
use crate::ids::{AgentId, ConnId, DeviceId, TokenId};
use crate::time::UnixMs;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

const HEADER: [&str; 2] = ["alg", "typ"];
const CLAIMS: [&str; 9] = [
    "iss", "aud", "sub", "iat", "nbf", "exp", "jti", "conn", "ep",
];

/// The claims of a token that has its form. Held by a permit, they are also signed and as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who issued it: `iss`.
    pub agent: AgentId,
    /// Whose it is: `sub`.
    pub device: DeviceId,
    /// When it was issued, Unix seconds: `iat`.
    pub issued: u64,
    /// From this second on it is worth nothing, Unix seconds: `exp`.
    pub expires: u64,
    /// Its name: `jti`.
    pub id: TokenId,
    /// The viewer's link it is bound to; `None` exactly in grants: `conn`.
    pub conn: Option<ConnId>,
    /// The device's epoch when it was issued: `ep`.
    pub epoch: u32,
    purpose: Kind,
    not_before: u64,
}

/// What a new token shall say. The purpose is the type argument of [`super::issue`].
#[derive(Clone, Copy, Debug)]
pub struct NewToken {
    /// The issuer.
    pub agent: AgentId,
    /// The device.
    pub device: DeviceId,
    /// When; whole seconds count.
    pub issued: UnixMs,
    /// How long, in whole seconds, at most [`super::Purpose::LIFE`].
    pub life: Duration,
    /// Its name, random.
    pub id: TokenId,
    /// The viewer's link; `None` exactly for grants.
    pub conn: Option<ConnId>,
    /// The device's epoch.
    pub epoch: u32,
}

/// What a token must say to the one who checks it.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The agent whose keys are used.
    pub agent: AgentId,
    /// The device whose key the link proved.
    pub device: DeviceId,
    /// The viewer's link; not looked at for grants, which are bound to none.
    pub conn: Option<ConnId>,
    /// The device's epoch now.
    pub epoch: u32,
    /// How far in the future `iat` may lie, at most [`crate::limits::CLOCK_MEASURE`]. Zero for the issuer itself; the relay, which knows the
    /// agent's clock from one measurement, takes the whole. Nothing else has any leeway.
    pub early: Duration,
}

/// The claims on the wire, in the order in which we write them.
#[derive(Serialize)]
pub(super) struct Wire {
    iss: AgentId,
    aud: &'static str,
    sub: DeviceId,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: TokenId,
    conn: String,
    ep: u32,
}

/// Checks that the header is exactly `alg` and `typ`, with the one algorithm and this type.
pub(super) fn check_header(bytes: &[u8], typ: &str) -> Result<(), TokenFault> {
    let [alg, found] = Object::parse(bytes, HEADER).map_err(|shape| match shape {
        Shape::NotAnObject => TokenFault::NotAnObject,
        Shape::Duplicate => TokenFault::DuplicateHeader,
        Shape::Unknown => TokenFault::UnknownHeader,
        Shape::Missing => TokenFault::MissingHeader,
    })?;
    if alg.as_str() != Some("EdDSA") {
        return Err(TokenFault::Algorithm);
    }
    if found.as_str() != Some(typ) {
        return Err(TokenFault::TypConfusion);
    }
    Ok(())
}

impl Claims {
    pub(super) fn new(purpose: Kind, new: &NewToken) -> Result<Self, TokenFault> {
        let issued = new.issued.secs();
        let claims = Self {
            agent: new.agent,
            device: new.device,
            issued,
            expires: issued.saturating_add(new.life.as_secs()),
            id: new.id,
            conn: new.conn,
            epoch: new.epoch,
            purpose,
            not_before: issued,
        };
        claims.check_life()?;
        if claims.conn.is_some() != purpose.bound() {
            return Err(TokenFault::WrongConn);
        }
        Ok(claims)
    }

    /// Reads claims: each of them, once, single, in its form, and nothing else.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenFault> {
        let values = Object::parse(bytes, CLAIMS).map_err(|shape| match shape {
            Shape::NotAnObject => TokenFault::NotAnObject,
            Shape::Duplicate => TokenFault::DuplicateClaim,
            Shape::Unknown => TokenFault::UnknownClaim,
            Shape::Missing => TokenFault::MissingClaim,
        })?;
        Self::of_values(&values).ok_or(TokenFault::ClaimForm)
    }

    fn of_values([iss, aud, sub, iat, nbf, exp, jti, conn, ep]: &[Value; 9]) -> Option<Self> {
        let aud = aud.as_str()?;
        Some(Self {
            agent: AgentId::parse(iss.as_str()?)?,
            purpose: *Kind::ALL.iter().find(|kind| kind.name() == aud)?,
            device: DeviceId::parse(sub.as_str()?)?,
            issued: iat.as_u64()?,
            not_before: nbf.as_u64()?,
            expires: exp.as_u64()?,
            id: TokenId::parse(jti.as_str()?)?,
            conn: match conn.as_str()? {
                "" => None,
                id => Some(ConnId::parse(id)?),
            },
            epoch: ep.as_u64()?.try_into().ok()?,
        })
    }

    pub(super) fn wire(&self) -> Wire {
        Wire {
            iss: self.agent,
            aud: self.purpose.name(),
            sub: self.device,
            iat: self.issued,
            nbf: self.not_before,
            exp: self.expires,
            jti: self.id,
            conn: self.conn.map(|conn| conn.to_string()).unwrap_or_default(),
            ep: self.epoch,
        }
    }

    /// Which purpose the token is for.
    #[must_use]
    pub const fn purpose(&self) -> purpose::Kind {
        self.purpose
    }

    /// The instant from which the token is worth nothing, by the issuer's clock.
    #[must_use]
    pub const fn expires_at(&self) -> UnixMs {
        UnixMs::from_secs(self.expires)
    }

    /// Checks everything that depends on who asks and when.
    pub(super) fn check(&self, now: UnixMs, expected: &Expected) -> Result<(), TokenFault> {
        self.check_life()?;
        if self.agent != expected.agent {
            return Err(TokenFault::WrongAgent);
        }
        if self.device != expected.device {
            return Err(TokenFault::WrongDevice);
        }
        let bound_to = expected.conn.filter(|_| self.purpose.bound());
        if self.conn != bound_to || self.conn.is_some() != self.purpose.bound() {
            return Err(TokenFault::WrongConn);
        }
        if self.epoch != expected.epoch {
            return Err(TokenFault::WrongEpoch);
        }
        if UnixMs::from_secs(self.issued) > now + bounded(expected.early) {
            return Err(TokenFault::NotYet);
        }
        if now >= self.expires_at() {
            return Err(TokenFault::Expired);
        }
        Ok(())
    }

    fn check_life(&self) -> Result<(), TokenFault> {
        if self.not_before != self.issued {
            return Err(TokenFault::NotBefore);
        }
        if self.expires <= self.issued {
            return Err(TokenFault::ExpiryBeforeIssue);
        }
        if self.expires - self.issued > self.purpose.life().as_secs() {
            return Err(TokenFault::LifeTooLong);
        }
        Ok(())
    }
}
