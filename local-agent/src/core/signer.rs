//! The token signer: a key of this process, certified by the identity, gone with the process.

use crate::random;
use ed25519_dalek::SigningKey;
use lanyard_shared::frame::SignerCert;
use lanyard_shared::ids::AgentId;
use lanyard_shared::limits::LIFE_SIGNER;
use lanyard_shared::time::UnixMs;
use lanyard_shared::token;

/// The present signer.
pub(super) struct Signer {
    key: SigningKey,
    certificate: SignerCert,
    /// The one before, while its last tokens may still be on their way.
    previous: Option<SignerCert>,
}

impl Signer {
    /// A fresh signer, certified from now on.
    pub fn new(identity: &SigningKey, agent: AgentId, now: UnixMs) -> Self {
        let key = SigningKey::from_bytes(&random::bytes());
        let from = now.secs();
        let public = key.verifying_key().to_bytes();
        let certificate =
            token::signer_cert(identity, agent, &public, from, from + LIFE_SIGNER.as_secs());
        Self {
            key,
            certificate,
            previous: None,
        }
    }

    /// The next signer; this one's tokens still open for a while.
    pub fn rotate(&mut self, identity: &SigningKey, agent: AgentId, now: UnixMs) {
        let before = std::mem::replace(self, Self::new(identity, agent, now));
        self.previous = Some(before.certificate);
    }

    /// Whether the certificate holds at `now`. It does not when the clock was wrong as it was made.
    pub fn holds(&self, now: UnixMs) -> bool {
        (self.certificate.not_before..self.certificate.expires).contains(&now.secs())
    }

    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The keys that verify.
    pub fn keys(&self) -> Vec<[u8; 32]> {
        self.certificates()
            .iter()
            .map(|certificate| certificate.key.0)
            .collect()
    }

    /// What the relay is told.
    pub fn certificates(&self) -> Vec<SignerCert> {
        std::iter::once(&self.certificate)
            .chain(&self.previous)
            .cloned()
            .collect()
    }

    /// When a new one takes its place: at half its life, so that no token outlives its signer's certificate.
    pub fn renews(&self) -> UnixMs {
        UnixMs::from_secs(self.certificate.not_before) + LIFE_SIGNER / 2
    }
}
