//! The machine's own keys and the links it has handed out, as lists show them. No secret is in them.

use super::Core;
use lanyard_shared::access::{InvitationEntry, KeyEntry, KeyKind};
use lanyard_shared::limits::{LIFE_IDENTITY, LIFE_NOISE_KEY, PAIRING_LIFE};
use lanyard_shared::time::{Now, UnixMs};
use std::time::Duration;

impl Core {
    /// Every key of the machine that works now.
    #[must_use]
    pub fn key_entries(&self, now: Now) -> Vec<KeyEntry> {
        let present = |kind, since: UnixMs, life: Duration| KeyEntry {
            kind,
            since: Some(since),
            ends: Some(since + life),
        };
        let before = |kind, ends| KeyEntry {
            kind,
            since: None,
            ends: Some(ends),
        };
        let identity = &self.identity;
        let (signer_since, signer_ends) = self.signer.holds_between();
        let mut keys = vec![present(KeyKind::Identity, identity.since(), LIFE_IDENTITY)];
        keys.extend(identity.next().map(|_| KeyEntry {
            kind: KeyKind::IdentityNext,
            since: None,
            ends: None,
        }));
        let formers = identity.formers_end(now.unix);
        keys.extend(formers.map(|ends| before(KeyKind::IdentityBefore, ends)));
        keys.push(present(
            KeyKind::Noise,
            identity.noise().since,
            LIFE_NOISE_KEY,
        ));
        let noise = identity.noise_before_end(now.unix);
        keys.extend(noise.map(|ends| before(KeyKind::NoiseBefore, ends)));
        keys.push(KeyEntry {
            kind: KeyKind::Signer,
            since: Some(signer_since),
            ends: Some(signer_ends),
        });
        let signer = self.signer.previous_ends();
        keys.extend(signer.map(|ends| before(KeyKind::SignerBefore, ends)));
        keys
    }

    /// Every link that still opens.
    #[must_use]
    pub fn invitation_entries(&self, now: Now) -> Vec<InvitationEntry> {
        let open = self.pairings.open_ones(now.unix);
        open.map(|pairing| InvitationEntry {
            scopes: pairing.invitation.scopes.clone(),
            reach: pairing.invitation.reach.clone(),
            since: UnixMs(pairing.expires.0.saturating_sub(millis(PAIRING_LIFE))),
            expires: pairing.expires,
            stays: pairing.invitation.stays.map(|stays| stays.as_secs()),
            without_asking: pairing.invitation.without_asking,
        })
        .collect()
    }

    /// The time that this agent knew and the clock is behind: nothing is granted until then.
    #[must_use]
    pub fn clock_behind(&self, now: Now) -> Option<UnixMs> {
        self.clock_is_behind(now).then_some(self.earliest)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
