//! What every signature covers: a context that names the use, then fields of known length (`docs/PROTOCOL.md`, section 1).

#[cfg(test)]
mod published;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ring::digest::{SHA256, digest};

/// `lp(context) lp(field) …`, with `lp(x) = u32 length | x`. No two different lists of fields give the same bytes.
#[must_use]
pub fn transcript(context: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(fields.iter().map(|f| f.len() + 4).sum::<usize>() + context.len() + 4);
    for part in std::iter::once(context.as_bytes()).chain(fields.iter().copied()) {
        // A field longer than 4 GiB cannot occur: frames end at 64 KiB.
        out.extend_from_slice(&(part.len() as u32).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Signs the transcript of `context` and `fields` (RFC 8032, Ed25519).
#[must_use]
pub fn sign(key: &SigningKey, context: &str, fields: &[&[u8]]) -> [u8; 64] {
    key.sign(&transcript(context, fields)).to_bytes()
}

/// True when `signature` over the transcript is by `key`. Small-order keys and non-canonical encodings never verify.
#[must_use]
pub fn verify(key: &[u8; 32], context: &str, fields: &[&[u8]], signature: &[u8; 64]) -> bool {
    verify_message(key, &transcript(context, fields), signature)
}

fn verify_message(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key).is_ok_and(|key| {
        key.verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    })
}

/// The first 16 bytes of SHA-256 over the transcript of `context` and `fields`: how ids are derived.
#[must_use]
pub fn digest_16(context: &str, fields: &[&[u8]]) -> [u8; 16] {
    let hash = digest(&SHA256, &transcript(context, fields));
    let mut id = [0; 16];
    id.copy_from_slice(&hash.as_ref()[..16]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_fields_changes_the_transcript() {
        assert_ne!(
            transcript("c", &[b"ab", b"c"]),
            transcript("c", &[b"a", b"bc"])
        );
    }

    #[test]
    fn a_signature_for_one_use_is_none_for_another() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let signature = sign(&key, "lanyard/link-proof/v1", &[b"x"]);
        let public = key.verifying_key().to_bytes();
        assert!(verify(
            &public,
            "lanyard/link-proof/v1",
            &[b"x"],
            &signature
        ));
        assert!(!verify(&public, "lanyard/pair/v1", &[b"x"], &signature));
    }

    #[test]
    fn a_small_order_key_verifies_nothing() {
        // The identity point: under cofactored verification any signature with s = 0 and R = identity would pass.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!verify(&identity, "lanyard/pair/v1", &[b"x"], &signature));
    }
}
