//! Check words: four words that both sides of a pairing show, so that a person can see that nobody stands between
//! (`docs/PROTOCOL.md`, section 4.2).
//!
//! The list is the English one of BIP-39 (<https://github.com/bitcoin/bips/tree/master/bip-0039>, MIT licence).

use crate::pair::derive;
use std::sync::LazyLock;

/// HKDF info of the check words.
pub const CHECK_WORDS_INFO: &str = "lanyard/check-words/v1";

static LIST: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("words.txt").split_ascii_whitespace().collect());

/// The four words for a final handshake hash. Who wants two handshakes with the same words has to try about 2^44 of them, within the life of
/// a pairing link and with three tries at the agent.
#[must_use]
pub fn check_words(handshake_hash: &[u8; 32]) -> [&'static str; 4] {
    let mut bytes = [0; 8];
    derive(handshake_hash, &[], CHECK_WORDS_INFO, &mut bytes[2..]);
    let bits = u64::from_be_bytes(bytes);
    // 48 bits were derived; the first 44 are used.
    [37, 26, 15, 4].map(|shift| LIST[(bits >> shift) as usize & 0x7ff])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_one_of_bip_39() {
        assert_eq!(LIST.len(), 2048);
        assert_eq!(
            (LIST[0], LIST[1], LIST[2047]),
            ("abandon", "ability", "zoo")
        );
        assert!(LIST.is_sorted());
        // The SHA-256 that the wordlist is known by.
        let hash = ring::digest::digest(&ring::digest::SHA256, include_bytes!("words.txt"));
        assert_eq!(
            hash.as_ref()[..8],
            [0x2f, 0x5e, 0xed, 0x53, 0xa4, 0x72, 0x7b, 0x4b]
        );
    }

    #[test]
    fn one_bit_of_the_handshake_changes_the_words() {
        assert_ne!(
            check_words(&[0; 32]),
            check_words(&{
                let mut hash = [0; 32];
                hash[31] = 1;
                hash
            })
        );
    }
}
