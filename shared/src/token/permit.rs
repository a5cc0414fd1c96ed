//! What a verified token allows, for as long as it lives.

use super::claims::{Claims, Expected};
use super::fault::TokenFault;
use super::purpose::{self, Kind, Purpose};
use super::verify;
use crate::close::CloseCode;
use crate::limits::TOKEN_OPENS_WITHIN;
use crate::time::UnixMs;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A verified token for purpose `P`. Not `Clone`: a renewal must reach every place that relies on it.
pub struct Permit<P> {
    claims: Claims,
    early: Duration,
    purpose: PhantomData<fn() -> P>,
}

/// Proof that a permit was alive at the time it was asked. Take it by value where the deed is done; do not keep it.
pub struct Live<'a, P>(&'a Permit<P>);

/// The token has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token has lapsed")]
pub struct Lapsed;

impl From<Lapsed> for CloseCode {
    fn from(_: Lapsed) -> Self {
        Self::Lapsed
    }
}

impl<P: Purpose> Permit<P> {
    pub(super) const fn new(claims: Claims, early: Duration) -> Self {
        Self {
            claims,
            early,
            purpose: PhantomData,
        }
    }

    /// What the token says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The permit, if it has not expired at `now` (by the issuer's clock).
    ///
    /// # Errors
    /// `now` is at or after `exp`.
    pub fn live(&self, now: UnixMs) -> Result<Live<'_, P>, Lapsed> {
        if now < self.claims.expires_at() {
            Ok(Live(self))
        } else {
            Err(Lapsed)
        }
    }

    /// Checks that the token may open its stream at `now`: within [`TOKEN_OPENS_WITHIN`] of its issue. Grants have no such bound; do not ask.
    ///
    /// # Errors
    /// [`TokenFault::OpenedLate`], or [`TokenFault::Expired`].
    pub fn opens(&self, now: UnixMs) -> Result<(), TokenFault> {
        self.live(now).map_err(|Lapsed| TokenFault::Expired)?;
        if now > UnixMs::from_secs(self.claims.issued) + TOKEN_OPENS_WITHIN {
            return Err(TokenFault::OpenedLate);
        }
        Ok(())
    }

    /// Prolongs the permit by a newer token of the same agent, purpose, device, id and link, and of the device's present `epoch`. On an error
    /// the permit is as before.
    ///
    /// # Errors
    /// The token does not verify, is not the same one, or would end the permit earlier than it ends now. A permit that has expired is not
    /// revived: [`TokenFault::Expired`].
    pub fn renew(
        &mut self,
        now: UnixMs,
        raw: &str,
        keys: &[[u8; 32]],
        epoch: u32,
    ) -> Result<(), TokenFault> {
        self.live(now).map_err(|Lapsed| TokenFault::Expired)?;
        let expected = Expected {
            agent: self.claims.agent,
            device: self.claims.device,
            conn: self.claims.conn,
            epoch,
            early: self.early,
        };
        let newer = verify::<P>(now, raw, keys, &expected)?;
        if newer.claims.id != self.claims.id {
            return Err(TokenFault::WrongToken);
        }
        if newer.claims.expires < self.claims.expires {
            return Err(TokenFault::Shortened);
        }
        *self = newer;
        Ok(())
    }
}

impl<P> Live<'_, P> {
    /// What the token says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.0.claims
    }
}

impl<P> fmt::Debug for Permit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.claims).finish()
    }
}

impl<P> fmt::Debug for Live<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.0.claims).finish()
    }
}

macro_rules! any_permit {
    ($($name:ident)*) => {
        /// A permit whose purpose was learned from its token. See [`super::verify_any`].
        #[derive(Debug)]
        pub enum AnyPermit {
            $(#[doc = concat!("For [`purpose::", stringify!($name), "`].")] $name(Permit<purpose::$name>),)*
        }

        impl AnyPermit {
            /// What the token says.
            #[must_use]
            pub const fn claims(&self) -> &Claims {
                match self { $(Self::$name(permit) => permit.claims(),)* }
            }

            /// Whether the permit has not expired at `now`.
            ///
            /// # Errors
            /// As [`Permit::live`].
            pub fn live(&self, now: UnixMs) -> Result<(), Lapsed> {
                match self { $(Self::$name(permit) => permit.live(now).map(drop),)* }
            }

            /// Whether the token may open its stream at `now`.
            ///
            /// # Errors
            /// As [`Permit::opens`].
            pub fn opens(&self, now: UnixMs) -> Result<(), TokenFault> {
                match self { $(Self::$name(permit) => permit.opens(now),)* }
            }

            /// Prolongs the permit.
            ///
            /// # Errors
            /// As [`Permit::renew`].
            pub fn renew(
                &mut self,
                now: UnixMs,
                raw: &str,
                keys: &[[u8; 32]],
                epoch: u32,
            ) -> Result<(), TokenFault> {
                match self { $(Self::$name(permit) => permit.renew(now, raw, keys, epoch),)* }
            }

            /// [`verify`] for the purpose that the token's claims name.
            pub(super) fn verify(
                purpose: Kind,
                now: UnixMs,
                raw: &str,
                keys: &[[u8; 32]],
                expected: &Expected,
            ) -> Result<Self, TokenFault> {
                match purpose {
                    // A grant opens sessions only.
                    Kind::Device => Err(TokenFault::WrongPurpose),
                    $(Kind::$name => verify(now, raw, keys, expected).map(Self::$name),)*
                }
            }
        }
    };
}

any_permit!(View FilesRead Terminal Run FilesWrite Prompt Approve Devices);

impl AnyPermit {
    /// The purpose.
    #[must_use]
    pub const fn purpose(&self) -> Kind {
        self.claims().purpose()
    }
}
