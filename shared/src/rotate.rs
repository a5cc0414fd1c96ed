//! How one key takes another's place, each step signed by the one before (`docs/PROTOCOL.md`, section 6).

use crate::b64::Bytes;
use crate::frame::{FormerIdentity, Rotate};
use crate::ids::{AgentId, ConnId, DeviceId};
use crate::limits::{CLOCK_REFUSE, IDENTITY_CHAIN_MAX, LIFE_DEVICE, LIFE_NOISE_KEY};
use crate::sign;
use crate::time::UnixMs;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Context of both signatures of a [`Rotate`].
pub const ROTATE_CONTEXT: &str = "lanyard/rotate-identity/v1";
/// Context of the old identity's signature over the new one.
pub const IDENTITY_CONTEXT: &str = "lanyard/identity/v1";
/// Context of the identity's signature over one that it has replaced.
pub const FORMER_CONTEXT: &str = "lanyard/former-identity/v1";
/// Context of the identity's signature over a Noise key.
pub const NOISE_KEY_CONTEXT: &str = "lanyard/noise-key/v1";
/// Context of both signatures of a device that changes its keys.
pub const REKEY_CONTEXT: &str = "lanyard/rekey/v1";

/// One identity hands over to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct IdentityCert {
    /// The identity before.
    pub from: Bytes<32>,
    /// The identity after it.
    pub to: Bytes<32>,
    /// By `from`, over transcript `lanyard/identity/v1`.
    pub signature: Bytes<64>,
}

/// A Noise key of the agent, certified by its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct NoiseCert {
    /// The key.
    pub key: Bytes<32>,
    /// Rises with every key: a viewer never goes back.
    pub serial: u32,
    /// Since when, Unix seconds.
    #[ts(type = "number")]
    pub since: u64,
    /// Until when, Unix seconds.
    #[ts(type = "number")]
    pub expires: u64,
    /// By the identity, over transcript `lanyard/noise-key/v1`.
    pub signature: Bytes<64>,
}

/// What a device shows to change its keys: both signatures cover the session, so that nobody can show them elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct NewKeys {
    /// Its next Ed25519 key.
    pub key: Bytes<32>,
    /// Its next X25519 key.
    pub noise_key: Bytes<32>,
    /// By the present key, over transcript `lanyard/rekey/v1`.
    pub old: Bytes<64>,
    /// By the next key, over the same.
    pub new: Bytes<64>,
}

/// Asks the relay to take `to` for `from` as the identity of `agent`, on the link `conn`, which `from` has proven.
#[must_use]
pub fn rotate(from: &SigningKey, to: &SigningKey, agent: AgentId, conn: ConnId) -> Rotate {
    let (old, new) = (public(from), public(to));
    let fields: [&[u8]; 4] = [&agent.0, &conn.0, &old, &new];
    Rotate {
        key: Bytes(new),
        old: Bytes(sign::sign(from, ROTATE_CONTEXT, &fields)),
        new: Bytes(sign::sign(to, ROTATE_CONTEXT, &fields)),
    }
}

/// Whether both keys have signed that the one replaces the other, for this agent on this link.
#[must_use]
pub fn check_rotate(rotate: &Rotate, from: &[u8; 32], agent: AgentId, conn: ConnId) -> bool {
    let fields: [&[u8]; 4] = [&agent.0, &conn.0, from, &rotate.key.0];
    rotate.key.0 != *from
        && sign::verify(from, ROTATE_CONTEXT, &fields, &rotate.old.0)
        && sign::verify(&rotate.key.0, ROTATE_CONTEXT, &fields, &rotate.new.0)
}

/// Certifies `to` by `from`, for viewers that know `from`.
#[must_use]
pub fn identity_cert(from: &SigningKey, to: &[u8; 32], agent: AgentId) -> IdentityCert {
    let old = public(from);
    let signature = sign::sign(from, IDENTITY_CONTEXT, &[&agent.0, &old, to]);
    IdentityCert {
        from: Bytes(old),
        to: Bytes(*to),
        signature: Bytes(signature),
    }
}

/// The identity at the end of `chain` for who knows `known`; `None` when the chain does not lead there from `known`.
#[must_use]
pub fn follow(known: &[u8; 32], chain: &[IdentityCert], agent: AgentId) -> Option<[u8; 32]> {
    if chain.len() > IDENTITY_CHAIN_MAX {
        return None;
    }
    let start = chain.iter().position(|cert| cert.from.0 == *known);
    let mut at = *known;
    for cert in chain.get(start.unwrap_or(chain.len())..)? {
        let fields: [&[u8]; 3] = [&agent.0, &at, &cert.to.0];
        if cert.from.0 != at || !sign::verify(&at, IDENTITY_CONTEXT, &fields, &cert.signature.0) {
            return None;
        }
        at = cert.to.0;
    }
    Some(at)
}

/// Certifies a Noise key from `since` on, for [`LIFE_NOISE_KEY`].
#[must_use]
pub fn noise_cert(
    identity: &SigningKey,
    agent: AgentId,
    key: &[u8; 32],
    serial: u32,
    since: UnixMs,
) -> NoiseCert {
    let (since, expires) = (since.secs(), (since + LIFE_NOISE_KEY).secs());
    let mut cert = NoiseCert {
        key: Bytes(*key),
        serial,
        since,
        expires,
        signature: Bytes([0; 64]),
    };
    let fields = noise_fields(&cert, agent);
    let refs: Vec<_> = fields.iter().map(Vec::as_slice).collect();
    cert.signature = Bytes(sign::sign(identity, NOISE_KEY_CONTEXT, &refs));
    cert
}

/// Whether `identity` certified this Noise key for `agent`, for no longer than one may live.
#[must_use]
pub fn check_noise_cert(cert: &NoiseCert, identity: &[u8; 32], agent: AgentId) -> bool {
    let life = cert.expires.checked_sub(cert.since);
    let fields = noise_fields(cert, agent);
    let refs: Vec<_> = fields.iter().map(Vec::as_slice).collect();
    life.is_some_and(|life| life <= LIFE_NOISE_KEY.as_secs())
        && sign::verify(identity, NOISE_KEY_CONTEXT, &refs, &cert.signature.0)
}

fn noise_fields(cert: &NoiseCert, agent: AgentId) -> Vec<Vec<u8>> {
    vec![
        agent.0.to_vec(),
        cert.key.0.to_vec(),
        cert.serial.to_be_bytes().to_vec(),
        cert.since.to_be_bytes().to_vec(),
        cert.expires.to_be_bytes().to_vec(),
    ]
}

/// Certifies that grants by the identity `key`, which this one has replaced, hold until `until` (Unix seconds).
#[must_use]
pub fn former(identity: &SigningKey, agent: AgentId, key: &[u8; 32], until: u64) -> FormerIdentity {
    let fields: [&[u8]; 3] = [&agent.0, key, &until.to_be_bytes()];
    FormerIdentity {
        key: Bytes(*key),
        until,
        signature: Bytes(sign::sign(identity, FORMER_CONTEXT, &fields)),
    }
}

/// The key whose grants still hold at `now`, if `identity` says so and for no longer than a grant may live.
#[must_use]
pub fn check_former(
    former: &FormerIdentity,
    identity: &[u8; 32],
    agent: AgentId,
    now: UnixMs,
) -> Option<[u8; 32]> {
    let fields: [&[u8]; 3] = [&agent.0, &former.key.0, &former.until.to_be_bytes()];
    let until = UnixMs::from_secs(former.until);
    // The clock may have been off one way when it was certified, and the other way now.
    let holds = now < until && until <= now + LIFE_DEVICE + CLOCK_REFUSE * 2;
    (holds && sign::verify(identity, FORMER_CONTEXT, &fields, &former.signature.0))
        .then_some(former.key.0)
}

/// A device's change of keys inside the session with this handshake hash. `device` is its present id.
#[must_use]
pub fn rekey(
    old: &SigningKey,
    new: &SigningKey,
    noise_key: &[u8; 32],
    agent: AgentId,
    device: DeviceId,
    hash: &[u8; 32],
) -> NewKeys {
    let key = public(new);
    let fields: [&[u8]; 5] = [&agent.0, &device.0, &key, noise_key, hash];
    NewKeys {
        key: Bytes(key),
        noise_key: Bytes(*noise_key),
        old: Bytes(sign::sign(old, REKEY_CONTEXT, &fields)),
        new: Bytes(sign::sign(new, REKEY_CONTEXT, &fields)),
    }
}

/// Whether the device that proved `old` and the holder of the next key both want this, in this session.
#[must_use]
pub fn check_rekey(
    keys: &NewKeys,
    old: &[u8; 32],
    agent: AgentId,
    device: DeviceId,
    hash: &[u8; 32],
) -> bool {
    let fields: [&[u8]; 5] = [&agent.0, &device.0, &keys.key.0, &keys.noise_key.0, hash];
    keys.key.0 != *old
        && sign::verify(old, REKEY_CONTEXT, &fields, &keys.old.0)
        && sign::verify(&keys.key.0, REKEY_CONTEXT, &fields, &keys.new.0)
}

fn public(key: &SigningKey) -> [u8; 32] {
    key.verifying_key().to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: AgentId = AgentId([1; 16]);
    const OTHER: AgentId = AgentId([2; 16]);
    const CONN: ConnId = ConnId([3; 16]);

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    #[test]
    fn a_rotation_needs_both_keys_and_holds_for_one_agent_on_one_link() {
        let good = rotate(&key(1), &key(2), AGENT, CONN);
        let from = public(&key(1));
        assert!(check_rotate(&good, &from, AGENT, CONN));
        assert!(!check_rotate(&good, &from, OTHER, CONN));
        assert!(!check_rotate(&good, &from, AGENT, ConnId([9; 16])));
        assert!(!check_rotate(&good, &public(&key(3)), AGENT, CONN));
        let mut stolen = good.clone();
        stolen.key = Bytes(public(&key(3)));
        assert!(!check_rotate(&stolen, &from, AGENT, CONN));
        let mut one_sided = good;
        one_sided.new = one_sided.old;
        assert!(!check_rotate(&one_sided, &from, AGENT, CONN));
        let same = rotate(&key(1), &key(1), AGENT, CONN);
        assert!(!check_rotate(&same, &from, AGENT, CONN));
    }

    #[test]
    fn a_chain_leads_from_any_of_its_identities_to_the_last_and_from_no_other() {
        let public = |seed| public(&key(seed));
        let chain = [
            identity_cert(&key(1), &public(2), AGENT),
            identity_cert(&key(2), &public(3), AGENT),
        ];
        assert_eq!(follow(&public(1), &chain, AGENT), Some(public(3)));
        assert_eq!(follow(&public(2), &chain, AGENT), Some(public(3)));
        // One that is not in it knows no way: what it knows may still be the present one.
        assert_eq!(follow(&public(3), &chain, AGENT), Some(public(3)));
        assert_eq!(follow(&public(1), &chain, OTHER), None);
        let forged = [identity_cert(&key(9), &public(3), AGENT)];
        let mut relabelled = forged[0].clone();
        relabelled.from = Bytes(public(1));
        assert_eq!(follow(&public(1), &[relabelled], AGENT), None);
        let long = vec![chain[0].clone(); IDENTITY_CHAIN_MAX + 1];
        assert_eq!(follow(&public(1), &long, AGENT), None);
    }

    #[test]
    fn a_noise_key_is_certified_for_its_life_and_no_longer() {
        let identity = public(&key(1));
        let cert = noise_cert(&key(1), AGENT, &[7; 32], 4, UnixMs::from_secs(1000));
        assert!(check_noise_cert(&cert, &identity, AGENT));
        assert!(!check_noise_cert(&cert, &identity, OTHER));
        for change in [
            |c: &mut NoiseCert| c.serial += 1,
            |c: &mut NoiseCert| c.key = Bytes([8; 32]),
            |c: &mut NoiseCert| c.expires += 1,
            |c: &mut NoiseCert| c.since += 1,
        ] {
            let mut changed = cert.clone();
            change(&mut changed);
            assert!(!check_noise_cert(&changed, &identity, AGENT));
        }
    }

    #[test]
    fn grants_of_a_former_identity_hold_until_its_end_and_never_longer_than_a_grant_lives() {
        let identity = public(&key(2));
        let now = UnixMs::from_secs(1_000_000);
        let good = former(&key(2), AGENT, &[7; 32], 1_000_100);
        assert_eq!(check_former(&good, &identity, AGENT, now), Some([7; 32]));
        let end = UnixMs::from_secs(1_000_100);
        assert_eq!(check_former(&good, &identity, AGENT, end), None);
        assert_eq!(check_former(&good, &identity, OTHER, now), None);
        let long = former(&key(2), AGENT, &[7; 32], 1_000_000 + 40 * 24 * 3600);
        assert_eq!(check_former(&long, &identity, AGENT, now), None);
        let forged = former(&key(3), AGENT, &[7; 32], 1_000_100);
        assert_eq!(check_former(&forged, &identity, AGENT, now), None);
    }

    #[test]
    fn a_device_changes_its_keys_in_one_session_only_with_both_keys() {
        let (old, device, hash) = (public(&key(1)), DeviceId([5; 16]), [6; 32]);
        let good = rekey(&key(1), &key(2), &[7; 32], AGENT, device, &hash);
        assert!(check_rekey(&good, &old, AGENT, device, &hash));
        assert!(!check_rekey(&good, &old, AGENT, device, &[9; 32]));
        assert!(!check_rekey(&good, &old, OTHER, device, &hash));
        assert!(!check_rekey(&good, &public(&key(3)), AGENT, device, &hash));
        let mut swapped = good.clone();
        swapped.noise_key = Bytes([8; 32]);
        assert!(!check_rekey(&swapped, &old, AGENT, device, &hash));
        let mut one_sided = good;
        one_sided.new = one_sided.old;
        assert!(!check_rekey(&one_sided, &old, AGENT, device, &hash));
    }
}
