//! The token signer: a key of this process, certified by the identity, gone with the process.

use super::keys::Identity;
use crate::random;
use ed25519_dalek::SigningKey;
use lanyard_shared::frame::SignerCert;
use lanyard_shared::limits::{LIFE_SIGNER, TOKEN_OPENS_WITHIN};
use lanyard_shared::time::UnixMs;
use lanyard_shared::token;

/// The present signer.
pub(super) struct Signer {
    key: SigningKey,
    certificate: SignerCert,
    /// The one before, until its last tokens have opened their streams or never will.
    previous: Option<(SignerCert, UnixMs)>,
}

impl Signer {
    /// A fresh signer, certified from now on.
    pub fn new(identity: &Identity, now: UnixMs) -> Self {
        let key = SigningKey::from_bytes(&random::bytes());
        let certificate = certified(identity, &key.verifying_key().to_bytes(), now.secs());
        Self {
            key,
            certificate,
            previous: None,
        }
    }

    /// The next signer. This one's tokens still open for as long as a token may; returns until when.
    pub fn rotate(&mut self, identity: &Identity, now: UnixMs) -> UnixMs {
        let before = std::mem::replace(self, Self::new(identity, now));
        let until = now + TOKEN_OPENS_WITHIN;
        self.previous = Some((before.certificate, until));
        until
    }

    /// Nothing that the signer before this one signed opens any more.
    pub fn drop_previous(&mut self) {
        self.previous = None;
    }

    /// The same signer under another identity.
    pub fn recertify(&mut self, identity: &Identity) {
        let again = |cert: &SignerCert| certified(identity, &cert.key.0, cert.not_before);
        self.certificate = again(&self.certificate);
        if let Some((previous, _)) = &mut self.previous {
            *previous = again(previous);
        }
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
        let previous = self.previous.as_ref().map(|(certificate, _)| certificate);
        std::iter::once(&self.certificate)
            .chain(previous)
            .cloned()
            .collect()
    }

    /// When something is to be done: a new one takes its place at half its life, so that no token outlives its signer's certificate, and
    /// the one before ends soon after it was replaced.
    pub fn next_look(&self) -> UnixMs {
        let ends = self.previous.as_ref().map(|(_, until)| *until);
        ends.map_or(self.renews(), |ends| ends.min(self.renews()))
    }

    /// From when until when the present one holds.
    pub fn holds_between(&self) -> (UnixMs, UnixMs) {
        let (from, to) = (self.certificate.not_before, self.certificate.expires);
        (UnixMs::from_secs(from), UnixMs::from_secs(to))
    }

    /// When the one before ends, if there is one.
    pub fn previous_ends(&self) -> Option<UnixMs> {
        self.previous.as_ref().map(|(_, until)| *until)
    }

    /// Does what is due. True when the relay is to be told.
    pub fn look(&mut self, identity: &Identity, now: UnixMs) -> bool {
        if now >= self.renews() {
            self.rotate(identity, now);
            return true;
        }
        let over = self
            .previous
            .as_ref()
            .is_some_and(|(_, until)| *until <= now);
        if over {
            self.previous = None;
        }
        over
    }

    fn renews(&self) -> UnixMs {
        UnixMs::from_secs(self.certificate.not_before) + LIFE_SIGNER / 2
    }
}

fn certified(identity: &Identity, key: &[u8; 32], from: u64) -> SignerCert {
    let to = from + LIFE_SIGNER.as_secs();
    token::signer_cert(identity.key(), identity.agent(), key, from, to)
}
