//! Pairing: the secret in the link, what both sides derive from it, and the signature that joins a device's two keys
//! (`docs/PROTOCOL.md`, section 4.2).

pub mod address;
mod link;

pub use link::{LinkFault, PairingLink};

use crate::ids::{AgentId, RendezvousId};
use crate::noise::Psk;
use crate::{random, sign};
use ed25519_dalek::SigningKey;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use std::fmt;
use zeroize::Zeroizing;

/// HKDF info of the pre-shared key.
pub const PSK_INFO: &str = "lanyard/pair-psk/v1";
/// HKDF info of the rendezvous id.
pub const RENDEZVOUS_INFO: &str = "lanyard/rendezvous/v1";
/// Context of the device's signature in pairing.
pub const PAIR_CONTEXT: &str = "lanyard/pair/v1";

/// 32 random bytes that a pairing link carries. Lives [`crate::limits::PAIRING_LIFE`], once.
#[derive(Clone)]
pub struct PairingSecret(Zeroizing<[u8; 32]>);

impl PairingSecret {
    /// A fresh secret from the system's randomness; `None` when the system gives none.
    #[must_use]
    pub fn generate() -> Option<Self> {
        random::secret().map(Self)
    }

    /// The secret with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the link.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The pre-shared key of the Noise handshake.
    #[must_use]
    pub fn psk(&self) -> Psk {
        let mut psk = Zeroizing::new([0; 32]);
        derive(&[], self.expose(), PSK_INFO, &mut *psk);
        Psk::from_bytes(psk)
    }

    /// Where the two meet. The relay, which learns it, cannot get back to the secret.
    #[must_use]
    pub fn rendezvous(&self) -> RendezvousId {
        let mut id = [0; 16];
        derive(&[], self.expose(), RENDEZVOUS_INFO, &mut id);
        RendezvousId(id)
    }
}

impl fmt::Debug for PairingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingSecret(redacted)")
    }
}

/// Signs, as the device, that `noise_key` is its own in the pairing with this handshake hash.
#[must_use]
pub fn sign_pairing(
    device: &SigningKey,
    handshake_hash: &[u8; 32],
    agent: AgentId,
    noise_key: &[u8; 32],
) -> [u8; 64] {
    let key = device.verifying_key().to_bytes();
    let fields: [&[u8]; 4] = [handshake_hash, &agent.0, &key, noise_key];
    sign::sign(device, PAIR_CONTEXT, &fields)
}

/// True when `signature` is what [`sign_pairing`] makes with `device`'s key. `noise_key` must be the remote static key of the handshake.
#[must_use]
pub fn verify_pairing(
    device: &[u8; 32],
    handshake_hash: &[u8; 32],
    agent: AgentId,
    noise_key: &[u8; 32],
    signature: &[u8; 64],
) -> bool {
    let fields: [&[u8]; 4] = [handshake_hash, &agent.0, device, noise_key];
    sign::verify(device, PAIR_CONTEXT, &fields, signature)
}

/// HKDF-SHA256 (RFC 5869) into `out`, of at most 8160 bytes.
pub(crate) fn derive(salt: &[u8], ikm: &[u8], info: &str, out: &mut [u8]) {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let prk = Salt::new(HKDF_SHA256, salt).extract(ikm);
    let info = [info.as_bytes()];
    let okm = prk.expand(&info, Length(out.len()));
    #[expect(
        clippy::expect_used,
        reason = "our outputs are 6, 16 and 32 bytes; HKDF gives 8160"
    )]
    okm.and_then(|okm| okm.fill(out))
        .expect("at most 8160 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_shows_in_no_debug_output() {
        let secret = PairingSecret::from_bytes([0x5a; 32]);
        let text = format!("{secret:?} {:?}", secret.psk());
        assert!(!text.contains("90") && !text.contains("5a") && !text.contains("Wlpa"));
    }

    #[test]
    fn a_pairing_signature_holds_for_one_handshake_and_one_pair_of_keys() {
        let device = SigningKey::from_bytes(&[1; 32]);
        let key = device.verifying_key().to_bytes();
        let agent = AgentId([2; 16]);
        let signature = sign_pairing(&device, &[3; 32], agent, &[4; 32]);
        assert!(verify_pairing(&key, &[3; 32], agent, &[4; 32], &signature));
        assert!(!verify_pairing(&key, &[9; 32], agent, &[4; 32], &signature));
        assert!(!verify_pairing(&key, &[3; 32], agent, &[9; 32], &signature));
        assert!(!verify_pairing(
            &key,
            &[3; 32],
            AgentId([9; 16]),
            &[4; 32],
            &signature
        ));
        let other = SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes();
        assert!(!verify_pairing(
            &other, &[3; 32], agent, &[4; 32], &signature
        ));
    }

    #[test]
    fn the_pre_shared_key_is_the_one_written_down() {
        let text = include_str!("../vectors/pair/secrets.json");
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        for (case, secret) in file["cases"].as_array().unwrap().iter().zip([0, 0xff]) {
            let secret = PairingSecret::from_bytes([secret; 32]);
            assert_eq!(case["secret"], hex(secret.expose()));
            assert_eq!(case["psk"], hex(secret.psk().expose()));
        }
    }
}
