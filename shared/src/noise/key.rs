//! Keys that Noise takes: wiped when dropped, never shown.

use super::{NoiseFault, resolver};
use crate::random;
use std::fmt;
use zeroize::Zeroizing;

/// A static X25519 key (RFC 7748) of a device or an agent.
#[derive(Clone)]
pub struct StaticKey {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl StaticKey {
    /// A fresh key from the system's randomness.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<Self, NoiseFault> {
        let secret = random::secret().ok_or(NoiseFault::Unprepared)?;
        Ok(Self::from_bytes(&secret))
    }

    /// The key with these 32 secret bytes. Any 32 bytes are a key (RFC 7748, section 5, clamps them).
    #[must_use]
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self {
            secret: Zeroizing::new(*secret),
            public: resolver::public(secret),
        }
    }

    /// The secret bytes, to store where only their owner can read.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }

    /// What others may know.
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticKey(public {})", crate::b64::encode(self.public))
    }
}

/// The key both sides of a pairing derive from the pairing secret.
#[derive(Clone)]
pub struct Psk(Zeroizing<[u8; 32]>);

impl Psk {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk(redacted)")
    }
}
