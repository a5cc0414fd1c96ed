//! The agent's long-lived keys, those on their way in and those on their way out, and how they stand on disk.
//!
//! Every change is one write of the whole file. A crash leaves the file before or after it, and from either the agent goes on.

use crate::limits::NOISE_KEYS_BEFORE;
use crate::random;
use ed25519_dalek::SigningKey;
use lanyard_shared::b64;
use lanyard_shared::frame::FormerIdentity;
use lanyard_shared::ids::AgentId;
use lanyard_shared::limits::{FORMER_MAX, IDENTITY_CHAIN_MAX, LIFE_DEVICE, NOISE_OVERLAP};
use lanyard_shared::noise::StaticKey;
use lanyard_shared::rotate::{self, IdentityCert, NoiseCert};
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroize as _;

/// What becomes of the old key when a new one takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// It holds until everybody can have the new one.
    Overlap,
    /// It ends at once; who was away comes back by another way.
    Now,
    /// It may be in other hands: nothing that hangs on it is believed any more.
    Compromised,
}

/// The agent's long-lived keys.
pub struct Identity {
    agent: AgentId,
    /// Signs links, grants and certificates of signers.
    key: Arc<SigningKey>,
    since: UnixMs,
    next: Option<Next>,
    chain: Vec<IdentityCert>,
    former: Vec<Former>,
    noise: NoiseKey,
    /// Those before it, oldest first, each until it stops opening sessions.
    noise_before: Vec<(NoiseKey, UnixMs)>,
}

/// The identity's next key: the relay has it, or is to be told.
struct Next {
    key: Arc<SigningKey>,
    urgency: Urgency,
}

/// An identity that was replaced.
#[derive(Clone, Copy)]
struct Former {
    key: [u8; 32],
    until: UnixMs,
}

/// A Noise key. It opens sessions.
pub struct NoiseKey {
    /// The key.
    pub key: StaticKey,
    /// Rises with every key.
    pub serial: u32,
    /// Since when.
    pub since: UnixMs,
}

impl Identity {
    /// Fresh keys for a new machine.
    #[must_use]
    pub fn generate(now: UnixMs) -> Self {
        let key = SigningKey::from_bytes(&random::bytes());
        Self::new(Arc::new(key), StaticKey::from_bytes(&random::bytes()), now)
    }

    /// A machine whose first keys are these.
    #[must_use]
    pub fn new(key: Arc<SigningKey>, noise: StaticKey, now: UnixMs) -> Self {
        Self {
            agent: AgentId::of_first_key(&public(&key)),
            key,
            since: now,
            next: None,
            chain: Vec::new(),
            former: Vec::new(),
            noise: NoiseKey {
                key: noise,
                serial: 1,
                since: now,
            },
            noise_before: Vec::new(),
        }
    }

    /// The machine's id: of its first key, whatever took its place.
    #[must_use]
    pub const fn agent(&self) -> AgentId {
        self.agent
    }

    /// A new relay believes the machine's name only if the chain of its keys leads there. Takes the name that it leads to; true when that is
    /// another one, under which every device must pair again.
    pub fn name_by_chain(&mut self) -> bool {
        let first = self.chain.first().map_or(self.public(), |cert| cert.from.0);
        let name = AgentId::of_first_key(&first);
        std::mem::replace(&mut self.agent, name) != name
    }

    /// The present identity key.
    #[must_use]
    pub const fn key(&self) -> &Arc<SigningKey> {
        &self.key
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        public(&self.key)
    }

    /// Since when it is the present one.
    #[must_use]
    pub const fn since(&self) -> UnixMs {
        self.since
    }

    /// The latest time that the keys tell of.
    #[must_use]
    pub fn latest(&self) -> UnixMs {
        self.since.max(self.noise.since)
    }

    /// The key that is about to take its place.
    #[must_use]
    pub fn next(&self) -> Option<&Arc<SigningKey>> {
        self.next.as_ref().map(|next| &next.key)
    }

    /// The present Noise key.
    #[must_use]
    pub const fn noise(&self) -> &NoiseKey {
        &self.noise
    }

    /// Those before it that still open sessions, oldest first.
    pub fn noise_before(&self, now: UnixMs) -> impl Iterator<Item = &NoiseKey> {
        let standing = self
            .noise_before
            .iter()
            .filter(move |(_, until)| now < *until);
        standing.map(|(key, _)| key)
    }

    /// When each of them ends.
    pub fn noise_before_end(&self, now: UnixMs) -> impl Iterator<Item = UnixMs> {
        let ends = self.noise_before.iter().map(|(_, until)| *until);
        ends.filter(move |until| now < *until)
    }

    /// When the first of them ends.
    #[must_use]
    pub fn noise_before_ends(&self) -> Option<UnixMs> {
        self.noise_before.iter().map(|(_, until)| *until).min()
    }

    /// The lowest serial of a Noise key that still opens sessions.
    #[must_use]
    pub fn lowest_serial(&self, now: UnixMs) -> u32 {
        let before = self.noise_before(now).map(|key| key.serial).min();
        before.unwrap_or(self.noise.serial)
    }

    /// The keys that grants may be signed by.
    #[must_use]
    pub fn grant_keys(&self, now: UnixMs) -> Vec<[u8; 32]> {
        let former = self.former.iter().filter(|former| now < former.until);
        std::iter::once(self.public())
            .chain(former.map(|former| former.key))
            .collect()
    }

    /// What the relay is told of identities whose grants still hold.
    #[must_use]
    pub fn formers(&self, now: UnixMs) -> Vec<FormerIdentity> {
        let standing = self.former.iter().filter(|former| now < former.until);
        standing
            .map(|f| rotate::former(&self.key, self.agent, &f.key, f.until.secs()))
            .collect()
    }

    /// Until when grants of identities before this one hold.
    pub fn formers_end(&self, now: UnixMs) -> impl Iterator<Item = UnixMs> {
        let ends = self.former.iter().map(|former| former.until);
        ends.filter(move |until| now < *until)
    }

    /// How the present key came from the machine's first, as far as that is known.
    #[must_use]
    pub fn chain(&self) -> &[IdentityCert] {
        &self.chain
    }

    /// What a viewer is told of the present keys.
    #[must_use]
    pub fn certificates(&self) -> (Vec<IdentityCert>, NoiseCert) {
        let noise = &self.noise;
        let cert = rotate::noise_cert(
            &self.key,
            self.agent,
            noise.key.public(),
            noise.serial,
            noise.since,
        );
        (self.chain.clone(), cert)
    }

    /// Makes the identity's next key, unless one is under way. A more urgent wish counts for the one under way.
    pub fn begin(&mut self, urgency: Urgency) {
        match &mut self.next {
            Some(next) => next.urgency = next.urgency.max(urgency),
            None => {
                let key = Arc::new(SigningKey::from_bytes(&random::bytes()));
                self.next = Some(Next { key, urgency });
            }
        }
    }

    /// The next key is the present one from now on. Returns what became of the old; `None` when no next key was under way.
    pub fn promote(&mut self, now: UnixMs) -> Option<Urgency> {
        let Next { key, urgency } = self.next.take()?;
        let to = public(&key);
        let cert = rotate::identity_cert(&self.key, &to, self.agent);
        let old = self.public();
        self.former.retain(|former| now < former.until);
        match urgency {
            Urgency::Overlap => {
                let until = now + LIFE_DEVICE;
                self.former.push(Former { key: old, until });
                self.chain.push(cert);
            }
            Urgency::Now => {
                self.former.clear();
                self.chain.push(cert);
            }
            // Who has the old key could have signed another way on.
            Urgency::Compromised => {
                self.former.clear();
                self.chain.clear();
            }
        }
        let surplus = |len: usize, max: usize| 0..len.saturating_sub(max);
        self.former.drain(surplus(self.former.len(), FORMER_MAX));
        self.chain
            .drain(surplus(self.chain.len(), IDENTITY_CHAIN_MAX));
        (self.key, self.since) = (key, now);
        Some(urgency)
    }

    /// Whether a fresh Noise key can be made so urgently: what was promised of those before is not broken.
    #[must_use]
    pub fn has_room_for_noise(&self, urgency: Urgency, now: UnixMs) -> bool {
        urgency > Urgency::Overlap || self.noise_before(now).count() < NOISE_KEYS_BEFORE
    }

    /// A fresh Noise key; returns when the one before stops opening sessions. `None` when too many overlap already.
    pub fn replace_noise(&mut self, urgency: Urgency, now: UnixMs) -> Option<UnixMs> {
        self.forget_noise(now);
        if !self.has_room_for_noise(urgency, now) {
            return None;
        }
        let fresh = NoiseKey {
            key: StaticKey::from_bytes(&random::bytes()),
            serial: self.noise.serial.saturating_add(1),
            since: now,
        };
        let before = std::mem::replace(&mut self.noise, fresh);
        Some(match urgency {
            Urgency::Overlap => {
                let until = now + NOISE_OVERLAP;
                self.noise_before.push((before, until));
                until
            }
            Urgency::Now | Urgency::Compromised => {
                self.noise_before.clear();
                now
            }
        })
    }

    /// No key is younger than `now`, and none that was replaced holds for longer than if that were now.
    pub fn not_after(&mut self, now: UnixMs) {
        self.since = self.since.min(now);
        self.noise.since = self.noise.since.min(now);
        for (_, until) in &mut self.noise_before {
            *until = (*until).min(now + NOISE_OVERLAP);
        }
        for former in &mut self.former {
            former.until = former.until.min(now + LIFE_DEVICE);
        }
    }

    /// Forgets Noise keys whose time is over. True when there were any.
    pub fn forget_noise(&mut self, now: UnixMs) -> bool {
        let before = self.noise_before.len();
        self.noise_before.retain(|(_, until)| now < *until);
        self.noise_before.len() != before
    }
}

#[cfg(test)]
impl Identity {
    /// As if the Noise key were so much older.
    pub(super) fn backdate_noise(&mut self, age: std::time::Duration) {
        let age = u64::try_from(age.as_millis()).unwrap();
        self.noise.since = UnixMs(self.noise.since.0 - age);
    }
}

fn public(key: &SigningKey) -> [u8; 32] {
    key.verifying_key().to_bytes()
}

/// The keys as they stand on disk. A file of the first version has `identity` and `noise` alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    identity: b64::Bytes<32>,
    noise: b64::Bytes<32>,
    #[serde(default)]
    agent: Option<AgentId>,
    #[serde(default)]
    since: Option<UnixMs>,
    #[serde(default)]
    next: Option<NextOnDisk>,
    #[serde(default)]
    chain: Vec<IdentityCert>,
    #[serde(default)]
    former: Vec<FormerOnDisk>,
    #[serde(default)]
    noise_serial: Option<u32>,
    #[serde(default)]
    noise_since: Option<UnixMs>,
    #[serde(default)]
    noise_before: Vec<NoiseOnDisk>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextOnDisk {
    key: b64::Bytes<32>,
    urgency: Urgency,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormerOnDisk {
    key: b64::Bytes<32>,
    until: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseOnDisk {
    key: b64::Bytes<32>,
    serial: u32,
    since: UnixMs,
    until: UnixMs,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.identity.0.zeroize();
        self.noise.0.zeroize();
        if let Some(next) = &mut self.next {
            next.key.0.zeroize();
        }
        for before in &mut self.noise_before {
            before.key.0.zeroize();
        }
    }
}

impl From<&Identity> for KeyFile {
    fn from(keys: &Identity) -> Self {
        let noise = |key: &StaticKey| b64::Bytes(*key.to_bytes());
        let former = |former: &Former| FormerOnDisk {
            key: b64::Bytes(former.key),
            until: former.until,
        };
        Self {
            identity: b64::Bytes(keys.key.to_bytes()),
            noise: noise(&keys.noise.key),
            agent: Some(keys.agent),
            since: Some(keys.since),
            next: keys.next.as_ref().map(|next| NextOnDisk {
                key: b64::Bytes(next.key.to_bytes()),
                urgency: next.urgency,
            }),
            chain: keys.chain.clone(),
            former: keys.former.iter().map(former).collect(),
            noise_serial: Some(keys.noise.serial),
            noise_since: Some(keys.noise.since),
            noise_before: keys
                .noise_before
                .iter()
                .map(|(key, until)| NoiseOnDisk {
                    key: noise(&key.key),
                    serial: key.serial,
                    since: key.since,
                    until: *until,
                })
                .collect(),
        }
    }
}

impl KeyFile {
    /// Whether it says how old its keys are. One of the first version does not: they count from when it is read.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.since.is_some() && self.noise_since.is_some()
    }

    /// The keys. What a file of the first version does not say counts from `now`.
    #[must_use]
    pub fn keys(&self, now: UnixMs) -> Identity {
        let key = Arc::new(SigningKey::from_bytes(&self.identity.0));
        let mut keys = Identity::new(key, StaticKey::from_bytes(&self.noise.0), now);
        keys.agent = self.agent.unwrap_or(keys.agent);
        keys.since = self.since.unwrap_or(now);
        keys.next = self.next.as_ref().map(|next| Next {
            key: Arc::new(SigningKey::from_bytes(&next.key.0)),
            urgency: next.urgency,
        });
        keys.chain.clone_from(&self.chain);
        let former = |former: &FormerOnDisk| Former {
            key: former.key.0,
            until: former.until,
        };
        keys.former = self.former.iter().map(former).collect();
        keys.noise.serial = self.noise_serial.unwrap_or(1);
        keys.noise.since = self.noise_since.unwrap_or(now);
        let before = |before: &NoiseOnDisk| {
            let key = NoiseKey {
                key: StaticKey::from_bytes(&before.key.0),
                serial: before.serial,
                since: before.since,
            };
            (key, before.until)
        };
        keys.noise_before = self.noise_before.iter().map(before).collect();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);

    fn keys() -> Identity {
        Identity::new(
            Arc::new(SigningKey::from_bytes(&[1; 32])),
            StaticKey::from_bytes(&[2; 32]),
            NOW,
        )
    }

    fn through_disk(keys: &Identity) -> Identity {
        let text = serde_json::to_vec(&KeyFile::from(keys)).unwrap();
        let file: KeyFile = serde_json::from_slice(&text).unwrap();
        file.keys(NOW)
    }

    #[test]
    fn the_machines_name_stays_whatever_key_it_has() {
        let mut keys = keys();
        let (agent, first) = (keys.agent(), keys.public());
        keys.begin(Urgency::Overlap);
        assert_eq!(keys.promote(NOW), Some(Urgency::Overlap));
        assert_ne!(keys.public(), first);
        let back = through_disk(&keys);
        assert_eq!((keys.agent(), back.agent()), (agent, agent));
        assert_eq!(back.grant_keys(NOW), [keys.public(), first]);
    }

    #[test]
    fn a_machine_that_enrols_elsewhere_keeps_its_name_unless_its_identity_was_compromised() {
        for (urgency, changes) in [(Urgency::Overlap, false), (Urgency::Compromised, true)] {
            let mut keys = keys();
            keys.begin(urgency);
            keys.promote(NOW);
            assert_eq!(keys.name_by_chain(), changes, "{urgency:?}");
        }
    }

    #[test]
    fn every_state_of_a_rotation_is_the_same_after_a_restart() {
        let mut keys = keys();
        keys.begin(Urgency::Now);
        keys.replace_noise(Urgency::Overlap, NOW);
        let back = through_disk(&keys);
        let next = |keys: &Identity| keys.next().map(|key| public(key));
        assert_eq!(next(&back), next(&keys));
        assert!(next(&back).is_some());
        let noise = |keys: &Identity| {
            (
                *keys.noise().key.public(),
                keys.noise().serial,
                keys.lowest_serial(NOW),
            )
        };
        assert_eq!(noise(&back), noise(&keys));
        assert_eq!(back.noise_before_ends(), Some(NOW + NOISE_OVERLAP));
    }

    #[test]
    fn a_file_of_the_first_version_is_read() {
        let text =
            serde_json::json!({"identity": b64::encode([1; 32]), "noise": b64::encode([2; 32])});
        let file: KeyFile = serde_json::from_value(text).unwrap();
        assert_eq!(file.keys(NOW).agent(), keys().agent());
        assert_eq!(file.keys(NOW).noise().serial, 1);
    }

    #[test]
    fn a_compromised_identity_leads_nowhere_and_its_grants_are_void() {
        for (urgency, way, grants) in [
            (Urgency::Overlap, 1, 2),
            (Urgency::Now, 1, 1),
            (Urgency::Compromised, 0, 1),
        ] {
            let mut keys = keys();
            keys.begin(urgency);
            keys.promote(NOW);
            assert_eq!(keys.certificates().0.len(), way, "{urgency:?}");
            assert_eq!(keys.grant_keys(NOW).len(), grants, "{urgency:?}");
        }
        let mut keys = keys();
        keys.begin(Urgency::Overlap);
        keys.promote(NOW);
        assert_eq!(keys.grant_keys(NOW + LIFE_DEVICE).len(), 1);
    }

    #[test]
    fn a_noise_key_overlaps_for_a_week_unless_it_must_not() {
        let mut keys = keys();
        let until = keys.replace_noise(Urgency::Overlap, NOW).unwrap();
        assert_eq!((until, keys.lowest_serial(NOW)), (NOW + NOISE_OVERLAP, 1));
        assert!(!keys.forget_noise(UnixMs(until.0 - 1)));
        assert_eq!(keys.lowest_serial(until), 2);
        assert!(keys.forget_noise(until));
        let until = keys.replace_noise(Urgency::Now, NOW);
        assert_eq!((until, keys.lowest_serial(NOW)), (Some(NOW), 3));
    }

    #[test]
    fn who_was_away_through_several_rotations_comes_back_until_the_week_is_over() {
        let mut keys = keys();
        for _ in 0..NOISE_KEYS_BEFORE {
            assert!(keys.replace_noise(Urgency::Overlap, NOW).is_some());
        }
        assert_eq!(keys.lowest_serial(NOW), 1);
        assert_eq!(keys.noise_before(NOW).count(), NOISE_KEYS_BEFORE);
        // What was promised of the oldest is not broken by one more.
        assert_eq!(keys.replace_noise(Urgency::Overlap, NOW), None);
        assert_eq!(through_disk(&keys).lowest_serial(NOW), 1);
        assert!(keys.replace_noise(Urgency::Now, NOW).is_some());
        assert_eq!(keys.noise_before(NOW).count(), 0);
    }
}
