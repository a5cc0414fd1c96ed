//! A token as its holder has it.

use lanyard_shared::{b64, random};
use ring::digest::{SHA256, digest};
use std::fmt;
use zeroize::Zeroizing;

const PREFIX: &str = "lanyardop1.";

/// 256 random bits. The relay keeps their hash: as there is nothing to guess, one round of SHA-256 is enough.
pub struct OperatorToken(Zeroizing<[u8; 32]>);

impl OperatorToken {
    /// A fresh one; `None` when the system gives no random numbers.
    #[must_use]
    pub fn generate() -> Option<Self> {
        random::secret().map(Self)
    }

    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        let bytes = Zeroizing::new(b64::encode(*self.0));
        format!("{PREFIX}{}", *bytes)
    }

    /// Reads what [`OperatorToken::encode`] writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(PREFIX)?;
        // 32 bytes are 43 characters; nothing longer is looked at.
        if text.len() != 43 {
            return None;
        }
        b64::decode_array(text).map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// What the relay knows it by.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &*self.0).as_ref());
        hash
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_in_no_other_way() {
        let token = OperatorToken::generate().unwrap();
        let text = token.encode();
        assert_eq!(OperatorToken::parse(&text).unwrap().hash(), token.hash());
        let bare = text.trim_start_matches(PREFIX);
        for wrong in [
            bare.to_owned(),
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            text.to_uppercase(),
            text[..text.len() - 1].to_owned(),
            format!("lanyard1.{bare}"),
            PREFIX.to_owned(),
            String::new(),
        ] {
            assert!(OperatorToken::parse(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let token = OperatorToken::generate().unwrap();
        assert_eq!(format!("{token:?}"), "OperatorToken(..)");
    }
}
