//! Signatures for `jsonwebtoken`: EdDSA alone, on `verify_strict`. The stock providers take small-order keys.

use super::fault::TokenFault;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use std::sync::LazyLock;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory,
    verifier_factory,
    key_utils: KeyUtils::new_unimplemented(),
};

/// The library takes one provider a process. If another crate came first, ours is not in use and nothing may be verified.
static INSTALLED: LazyLock<bool> = LazyLock::new(|| PROVIDER.install_default().is_ok());

pub(super) fn installed() -> std::result::Result<(), TokenFault> {
    INSTALLED.then_some(()).ok_or(TokenFault::NoProvider)
}

/// `key` holds the 32 bytes of the seed (RFC 8032, section 5.1.5).
fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let seed = key.as_bytes().try_into();
    let seed = seed.map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Signer(SigningKey::from_bytes(seed))))
}

/// `key` holds exactly the 32 bytes of the public key (RFC 8032, section 5.1.5).
fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let bytes = key.try_get_as_bytes()?.try_into();
    let bytes = bytes.map_err(|_| ErrorKind::InvalidEddsaKey)?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Verifier(key)))
}

struct Ed25519Signer(SigningKey);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        self.0.try_sign(message).map(|s| s.to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(VerifyingKey);

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.0
            .verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_is_as_installing_once() {
        assert_eq!(installed(), Ok(()));
        assert_eq!(installed(), Ok(()));
    }

    #[test]
    fn no_other_algorithm_and_no_key_of_another_length_is_taken() {
        let public = SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
        let ed = DecodingKey::from_ed_der(&public);
        assert!(verifier_factory(&Algorithm::EdDSA, &ed).is_ok());
        assert!(verifier_factory(&Algorithm::HS256, &DecodingKey::from_secret(&public)).is_err());
        assert!(verifier_factory(&Algorithm::EdDSA, &DecodingKey::from_secret(&public)).is_err());
        assert!(verifier_factory(&Algorithm::ES256, &ed).is_err());
        let seed = EncodingKey::from_ed_der(&[1; 32]);
        assert!(signer_factory(&Algorithm::EdDSA, &seed).is_ok());
        assert!(signer_factory(&Algorithm::HS256, &seed).is_err());
        let secret = EncodingKey::from_secret(&[1; 32]);
        assert!(signer_factory(&Algorithm::EdDSA, &secret).is_err());
        for length in [0, 31, 33, 64] {
            let key = DecodingKey::from_ed_der(&vec![1; length]);
            assert!(verifier_factory(&Algorithm::EdDSA, &key).is_err());
            let key = EncodingKey::from_ed_der(&vec![1; length]);
            assert!(signer_factory(&Algorithm::EdDSA, &key).is_err());
        }
    }
}
