//! Writes down, and checks, the cases in `shared/vectors/` that other implementations read.
//!
//! Regenerate: `LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test vectors`
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod approval;
mod audit;
mod pair;
mod proof;
mod rotate;
mod seal;
mod token;

use serde_json::Value;
use std::path::PathBuf;

const COMMAND: &str = "LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test vectors";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Compares `value` with the committed file, or writes it when regenerating.
fn written_down(path: &str, value: &Value) {
    let file = folder().join(path);
    let text = format!("{value:#}\n");
    if std::env::var_os("LANYARD_REGENERATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "{path} is out of date: run `{COMMAND}`");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// HKDF-SHA256 (RFC 5869) for at most 32 bytes, from HMAC alone: what the crate's own derivation is held against.
fn hkdf(salt: &[u8], ikm: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    use ring::hmac::{HMAC_SHA256, Key, sign};
    let prk = sign(&Key::new(HMAC_SHA256, salt), ikm);
    let block = sign(&Key::new(HMAC_SHA256, prk.as_ref()), &[info, &[1]].concat());
    block.as_ref()[..length].to_vec()
}

#[test]
fn the_derivation_that_checks_ours_is_the_one_of_rfc_5869() {
    // Appendix A.3: no salt, no info; the first block of its output.
    let okm = hkdf(&[], &[0x0b; 22], &[], 32);
    assert_eq!(
        hex(&okm),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    );
}
