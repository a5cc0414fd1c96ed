//! What both sides derive from a pairing secret and a handshake, and the links that carry the secret.

use crate::{hex, hkdf, written_down};
use ed25519_dalek::SigningKey;
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, DeviceId};
use lanyard_shared::pair::address::Address;
use lanyard_shared::pair::{PairingLink, PairingSecret, sign_pairing, verify_pairing};
use lanyard_shared::words::check_words;
use serde_json::{Value, json};

fn secrets() -> [[u8; 32]; 3] {
    let mut counting = [0; 32];
    for (i, byte) in counting.iter_mut().enumerate() {
        *byte = i as u8;
    }
    [[0; 32], [0xff; 32], counting]
}

#[test]
fn secrets_give_the_keys_and_rendezvous_written_down() {
    let cases: Vec<Value> = secrets()
        .iter()
        .map(|secret| {
            let rendezvous = PairingSecret::from_bytes(*secret).rendezvous();
            assert_eq!(
                rendezvous.0[..],
                hkdf(&[], secret, b"lanyard/rendezvous/v1", 16)
            );
            // The crate holds the key itself to this file; here it is derived apart from the crate.
            let psk = hkdf(&[], secret, b"lanyard/pair-psk/v1", 32);
            json!({"secret": hex(secret), "psk": hex(&psk), "rendezvous": rendezvous.to_string()})
        })
        .collect();
    written_down("pair/secrets.json", &json!({"cases": cases}));
}

#[test]
fn handshakes_give_the_words_written_down() {
    let cases: Vec<Value> = secrets()
        .iter()
        .map(|hash| {
            let bits = hkdf(hash, &[], b"lanyard/check-words/v1", 6);
            let bits = bits
                .iter()
                .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            let indexes: Vec<u64> = (0..4)
                .map(|i| bits >> (48 - 11 * (i + 1)) & 0x7ff)
                .collect();
            let list: Vec<&str> = include_str!("../../src/words.txt").lines().collect();
            let words = check_words(hash);
            assert_eq!(
                words.to_vec(),
                indexes
                    .iter()
                    .map(|i| list[*i as usize])
                    .collect::<Vec<_>>()
            );
            json!({"handshake_hash": hex(hash), "indexes": indexes, "words": words})
        })
        .collect();
    written_down("pair/words.json", &json!({"cases": cases}));
}

#[test]
fn links_read_as_written_down() {
    let mut good = Vec::new();
    for (web, fingerprint) in [
        ("https://relay.example", None),
        ("http://localhost:8080", None),
        ("https://relay.example:8443", Some([4; 32])),
    ] {
        let address = Address::parse(web).unwrap();
        let link = PairingLink {
            agent: AgentId([1; 16]),
            noise_key: [2; 32],
            secret: PairingSecret::from_bytes([3; 32]),
            fingerprint,
        };
        good.push(json!({
            "url": *link.url(&address),
            "web": web,
            "authority": address.authority(),
            "fragment": *link.fragment(),
            "agent": link.agent.to_string(),
            "noise_key": b64::encode(link.noise_key),
            "secret": b64::encode(link.secret.expose()),
            "fingerprint": fingerprint.map(b64::encode),
        }));
    }
    written_down(
        "pair/links.json",
        &json!({"good": good, "bad": bad_fragments()}),
    );
}

/// Fragments that must be refused, with why.
fn bad_fragments() -> Vec<Value> {
    let body = [&[1, 0][..], &[1; 16], &[2; 32], &[3; 32]].concat();
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = body.clone();
        change(&mut bytes);
        format!("pair={}", b64::encode(bytes))
    };
    let cases = [
        ("empty", String::new()),
        ("other-key", "share=AAAA".to_owned()),
        ("cut", with(|b| b.truncate(81))),
        ("too-long", with(|b| b.push(0))),
        ("padded", with(|_| ()) + "="),
        ("not-base64url", "pair=+/+/".to_owned()),
        ("other-version", with(|b| b[0] = 2)),
        ("unknown-flag", with(|b| b[1] = 2)),
        ("flag-without-fingerprint", with(|b| b[1] = 1)),
        ("second-parameter", with(|_| ()) + "&relay=evil.example"),
    ];
    cases
        .into_iter()
        .map(|(name, fragment)| {
            assert!(PairingLink::parse_fragment(&fragment).is_err(), "{name}");
            json!({"name": name, "fragment": fragment})
        })
        .collect()
}

#[test]
fn the_signature_that_joins_a_devices_keys_is_as_written_down() {
    let device = SigningKey::from_bytes(&[7; 32]);
    let key = device.verifying_key().to_bytes();
    let (hash, agent, noise_key) = ([5; 32], AgentId([1; 16]), [6; 32]);
    let signature = sign_pairing(&device, &hash, agent, &noise_key);
    assert!(verify_pairing(&key, &hash, agent, &noise_key, &signature));
    written_down(
        "pair/signature.json",
        &json!({
            "seed": hex(&[7; 32]),
            "key": hex(&key),
            "device_id": DeviceId::of_key(&key).to_string(),
            "handshake_hash": hex(&hash),
            "agent": hex(&agent.0),
            "noise_key": hex(&noise_key),
            "signature": hex(&signature),
        }),
    );
}
