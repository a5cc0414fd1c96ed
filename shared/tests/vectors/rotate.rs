//! Rotations: certificates that must lead on, forgeries that must not, and a device's change of keys.

use crate::{hex, written_down};
use ed25519_dalek::SigningKey;
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, DeviceId};
use lanyard_shared::rotate::{self, IdentityCert, NoiseCert};
use lanyard_shared::time::UnixMs;
use serde_json::{Value, json};

const AGENT: AgentId = AgentId([0xa1; 16]);
const SINCE: UnixMs = UnixMs(1_700_000_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> [u8; 32] {
    key(seed).verifying_key().to_bytes()
}

fn link(from: u8, to: u8) -> IdentityCert {
    rotate::identity_cert(&key(from), &public(to), AGENT)
}

fn noise(by: u8) -> NoiseCert {
    rotate::noise_cert(&key(by), AGENT, &[9; 32], 4, SINCE)
}

#[test]
fn chains_and_noise_keys_are_as_written_down() {
    let mut relabelled = link(8, 3);
    relabelled.from = b64::Bytes(public(2));
    let mut raised = noise(3);
    raised.serial += 1;
    let mut longer = noise(3);
    longer.expires += 1;
    let cases = [
        ("the same identity", 3, vec![], noise(3)),
        ("two steps", 1, vec![link(1, 2), link(2, 3)], noise(3)),
        ("from the middle", 2, vec![link(1, 2), link(2, 3)], noise(3)),
        ("from its end", 3, vec![link(1, 2), link(2, 3)], noise(3)),
        ("a step that is missing", 1, vec![link(2, 3)], noise(3)),
        (
            "a step that is forged",
            1,
            vec![link(1, 2), relabelled],
            noise(3),
        ),
        (
            "a step out of order",
            1,
            vec![link(2, 3), link(1, 2)],
            noise(3),
        ),
        ("another identity's key", 1, vec![link(1, 2)], noise(8)),
        ("a serial that was raised", 3, vec![], raised),
        ("a life that was made longer", 3, vec![], longer),
        ("a chain that is too long", 1, vec![link(1, 2); 9], noise(2)),
    ];
    let written: Vec<Value> = cases
        .iter()
        .map(|(name, known, chain, noise)| {
            let identity = rotate::follow(&public(*known), chain, AGENT);
            let holds = identity.is_some_and(|id| rotate::check_noise_cert(noise, &id, AGENT));
            json!({"name": name, "known": hex(&public(*known)), "chain": chain, "noise": noise, "holds": holds})
        })
        .collect();
    let case = json!({"agent": AGENT, "cases": written});
    written_down("rotate/keys.json", &case);
    assert_eq!(
        written.iter().filter(|case| case["holds"] == true).count(),
        4
    );
}

#[test]
fn a_change_of_device_keys_is_as_written_down() {
    let (device, hash) = (DeviceId([5; 16]), [6; 32]);
    let keys = rotate::rekey(&key(1), &key(2), &[7; 32], AGENT, device, &hash);
    let case = json!({
        "agent": AGENT, "device": device, "hash": hex(&hash), "noise_key": hex(&[7; 32]),
        "old_seed": hex(&[1; 32]), "old": hex(&public(1)),
        "next_seed": hex(&[2; 32]), "next": hex(&public(2)),
        "keys": keys,
    });
    written_down("rotate/device.json", &case);
}
