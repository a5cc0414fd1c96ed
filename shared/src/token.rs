//! Tokens: what a stream may be used for, by whom, until when (`docs/PROTOCOL.md`, section 3).
//!
//! A verified token is a value. [`verify`] makes the only [`Permit`]s there are, and using one takes [`Permit::live`] with the time of use,
//! so neither check can be forgotten. The library decodes and verifies signatures; its claim validation is not used, because it takes
//! arrays for `aud`, rounds fractions, reads the system's clock and ignores what it does not know.

mod claims;
mod fault;
mod permit;
mod provider;
mod purpose;
mod signer;
mod strict;
#[cfg(test)]
mod tests;

pub use claims::{Claims, Expected, NewToken};
pub use fault::TokenFault;
pub use permit::{AnyPermit, Lapsed, Live, Permit};
pub use purpose::{
    Approve, Device, Devices, FilesRead, FilesWrite, GRANT_TYP, Kind, Prompt, Purpose, Renewal,
    Run, TOKEN_TYP, Terminal, View,
};
pub use signer::{
    SIGNER_CONTEXT, SignerFault, VerifiedSigner, check_signer, signer_cert, valid_keys,
};

use crate::b64;
use crate::limits::{CLOCK_MEASURE, TOKEN_MAX};
use crate::time::UnixMs;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};

/// Signs a token for purpose `P`. `new.issued` counts whole seconds; the life is at most [`Purpose::LIFE`].
///
/// # Errors
/// [`TokenFault::LifeTooLong`], [`TokenFault::ExpiryBeforeIssue`] or [`TokenFault::WrongConn`] when [`verify`] would refuse the result.
pub fn issue<P: Purpose>(key: &SigningKey, new: &NewToken) -> Result<String, TokenFault> {
    let claims = Claims::new(P::KIND, new)?;
    provider::installed()?;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(P::TYP.to_owned());
    let key = EncodingKey::from_ed_der(key.as_bytes());
    jsonwebtoken::encode(&header, &claims.wire(), &key).map_err(|_| TokenFault::Signature)
}

/// Checks that `raw` is a token for purpose `P`, signed by one of `keys` (Ed25519 public keys), and is what is expected. The only way to a
/// [`Permit`].
///
/// # Errors
/// The first fault found. Those of form come before the signature, those of content after it.
pub fn verify<P: Purpose>(
    now: UnixMs,
    raw: &str,
    keys: &[[u8; 32]],
    expected: &Expected,
) -> Result<Permit<P>, TokenFault> {
    let claims = signed(raw, P::TYP, keys)?;
    if claims.purpose() != P::KIND {
        return Err(TokenFault::WrongPurpose);
    }
    claims.check(now, expected)?;
    Ok(Permit::new(claims, expected.early))
}

/// [`verify`] for who learns the purpose from the token: the relay. A grant is never accepted here: it opens sessions only.
///
/// # Errors
/// As [`verify`].
pub fn verify_any(
    now: UnixMs,
    raw: &str,
    keys: &[[u8; 32]],
    expected: &Expected,
) -> Result<AnyPermit, TokenFault> {
    let claims = signed(raw, TOKEN_TYP, keys)?;
    AnyPermit::verify(claims.purpose(), now, raw, keys, expected)
}

/// The claims of a well-formed token that one of `keys` signed.
fn signed(raw: &str, typ: &str, keys: &[[u8; 32]]) -> Result<Claims, TokenFault> {
    if raw.len() > TOKEN_MAX {
        return Err(TokenFault::Oversize);
    }
    let (message, signature) = raw.rsplit_once('.').ok_or(TokenFault::Segments)?;
    let (header, payload) = message.split_once('.').ok_or(TokenFault::Segments)?;
    if payload.contains('.') {
        return Err(TokenFault::Segments);
    }
    let header = b64::decode(header).ok_or(TokenFault::Encoding)?;
    let payload = b64::decode(payload).ok_or(TokenFault::Encoding)?;
    b64::decode(signature).ok_or(TokenFault::Encoding)?;
    claims::check_header(&header, typ)?;
    let claims = Claims::parse(&payload)?;
    provider::installed()?;
    let by = |key: &[u8; 32]| {
        let key = DecodingKey::from_ed_der(key);
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, Algorithm::EdDSA)
            .unwrap_or(false)
    };
    if !keys.iter().any(by) {
        return Err(TokenFault::Signature);
    }
    Ok(claims)
}

/// How far in the future `iat` may lie for a reader that only measured the issuer's clock.
fn bounded(early: std::time::Duration) -> std::time::Duration {
    early.min(CLOCK_MEASURE)
}
