//! Token signers: keys of one process, certified by the agent's identity (`docs/PROTOCOL.md`, sections 1 and 2.3).

use crate::b64::Bytes;
use crate::frame::SignerCert;
use crate::ids::AgentId;
use crate::limits::{CLOCK_MEASURE, LIFE_SIGNER};
use crate::sign;
use crate::time::UnixMs;
use ed25519_dalek::SigningKey;

/// Context of the identity's signature over a signer.
pub const SIGNER_CONTEXT: &str = "lanyard/signer/v1";

/// A signer whose certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedSigner {
    key: [u8; 32],
    not_before: u64,
    expires: u64,
}

/// Why a signer's certificate was refused. The agent is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerFault {
    /// Not signed by the identity, or for another agent.
    #[error("the signer is not certified by the agent's identity")]
    Signature,
    /// Longer than [`LIFE_SIGNER`], or backwards.
    #[error("the signer's life is longer than allowed")]
    Life,
    /// Its time has not come.
    #[error("the signer is from the future")]
    NotYet,
    /// Its time is over.
    #[error("the signer has expired")]
    Expired,
}

impl VerifiedSigner {
    /// The key, if it may sign at `now` (by the agent's clock).
    #[must_use]
    pub fn key(&self, now: UnixMs) -> Option<[u8; 32]> {
        self.holds(now).is_ok().then_some(self.key)
    }

    /// From this second on it signs nothing, Unix seconds.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    fn holds(&self, now: UnixMs) -> Result<(), SignerFault> {
        if UnixMs::from_secs(self.not_before) > now + CLOCK_MEASURE {
            return Err(SignerFault::NotYet);
        }
        if now >= UnixMs::from_secs(self.expires) {
            return Err(SignerFault::Expired);
        }
        Ok(())
    }
}

/// The keys among `signers` that may sign at `now`: what [`super::verify`] takes.
#[must_use]
pub fn valid_keys(signers: &[VerifiedSigner], now: UnixMs) -> Vec<[u8; 32]> {
    signers
        .iter()
        .filter_map(|signer| signer.key(now))
        .collect()
}

/// Certifies `key` from `not_before` to `expires` (Unix seconds, at most [`LIFE_SIGNER`] apart).
#[must_use]
pub fn signer_cert(
    identity: &SigningKey,
    agent: AgentId,
    key: &[u8; 32],
    not_before: u64,
    expires: u64,
) -> SignerCert {
    let (from, to) = (not_before.to_be_bytes(), expires.to_be_bytes());
    let signature = sign::sign(identity, SIGNER_CONTEXT, &[&agent.0, key, &from, &to]);
    SignerCert {
        key: Bytes(*key),
        not_before,
        expires,
        signature: Bytes(signature),
    }
}

/// Checks that `identity` certified the signer for `agent` and that it may sign at `now`, give or take [`CLOCK_MEASURE`] at the start.
///
/// # Errors
/// The first fault found.
pub fn check_signer(
    cert: &SignerCert,
    identity: &[u8; 32],
    agent: AgentId,
    now: UnixMs,
) -> Result<VerifiedSigner, SignerFault> {
    let (from, to) = (cert.not_before.to_be_bytes(), cert.expires.to_be_bytes());
    let fields: [&[u8]; 4] = [&agent.0, &cert.key.0, &from, &to];
    if !sign::verify(identity, SIGNER_CONTEXT, &fields, &cert.signature.0) {
        return Err(SignerFault::Signature);
    }
    let life = cert.expires.checked_sub(cert.not_before);
    if life.is_none_or(|life| life == 0 || life > LIFE_SIGNER.as_secs()) {
        return Err(SignerFault::Life);
    }
    let signer = VerifiedSigner {
        key: cert.key.0,
        not_before: cert.not_before,
        expires: cert.expires,
    };
    signer.holds(now)?;
    Ok(signer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: AgentId = AgentId([1; 16]);
    const DAY: u64 = 24 * 3600;

    fn check(cert: &SignerCert, now: u64) -> Result<VerifiedSigner, SignerFault> {
        let identity = SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
        check_signer(cert, &identity, AGENT, UnixMs::from_secs(now))
    }

    fn cert(not_before: u64, expires: u64) -> SignerCert {
        signer_cert(
            &SigningKey::from_bytes(&[2; 32]),
            AGENT,
            &[3; 32],
            not_before,
            expires,
        )
    }

    #[test]
    fn a_signer_holds_for_its_day_and_not_a_second_longer() {
        let cert = cert(1000, 1000 + DAY);
        let signer = check(&cert, 1000).unwrap();
        assert_eq!(check(&cert, 995), Ok(signer));
        assert_eq!(check(&cert, 994), Err(SignerFault::NotYet));
        assert_eq!(check(&cert, 1000 + DAY), Err(SignerFault::Expired));
        assert_eq!(
            valid_keys(&[signer], UnixMs::from_secs(999 + DAY)),
            [[3; 32]]
        );
        assert!(valid_keys(&[signer], UnixMs::from_secs(1000 + DAY)).is_empty());
    }

    #[test]
    fn a_signer_for_longer_than_a_day_or_backwards_is_refused() {
        assert_eq!(check(&cert(1000, 1001 + DAY), 1000), Err(SignerFault::Life));
        assert_eq!(check(&cert(1000, 1000), 1000), Err(SignerFault::Life));
        assert_eq!(check(&cert(1000, 999), 1000), Err(SignerFault::Life));
    }

    #[test]
    fn a_signer_certified_for_another_agent_or_changed_is_refused() {
        let identity = SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
        let good = cert(1000, 2000);
        let now = UnixMs::from_secs(1000);
        let other = check_signer(&good, &identity, AgentId([9; 16]), now);
        assert_eq!(other, Err(SignerFault::Signature));
        for change in [
            |c: &mut SignerCert| c.key = Bytes([9; 32]),
            |c: &mut SignerCert| c.expires += 1,
            |c: &mut SignerCert| c.not_before -= 1,
        ] {
            let mut changed = good.clone();
            change(&mut changed);
            assert_eq!(check(&changed, 1000), Err(SignerFault::Signature));
        }
    }
}
