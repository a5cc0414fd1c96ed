//! Tokens that have opened their stream on one viewer's link. A token names its link, so nobody else could use it again, and what a link has
//! used up is forgotten with it.

use crate::limits::USED_TOKENS;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::TokenId;
use lanyard_shared::time::Mono;
use std::collections::HashMap;

/// The used tokens of one link, each until it expires.
#[derive(Debug, Default)]
pub struct UsedTokens(HashMap<TokenId, Mono>);

impl UsedTokens {
    /// Uses a token up.
    ///
    /// # Errors
    /// `TokenUsed`: it was used before. `Busy`: too many are remembered.
    pub fn spend(&mut self, id: TokenId, expires: Mono, now: Mono) -> Result<(), CloseCode> {
        if self.0.contains_key(&id) {
            return Err(CloseCode::TokenUsed);
        }
        if self.0.len() >= USED_TOKENS {
            self.0.retain(|_, expires| *expires > now);
        }
        if self.0.len() >= USED_TOKENS {
            return Err(CloseCode::Busy);
        }
        self.0.insert(id, expires);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> TokenId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        TokenId(id)
    }

    #[test]
    fn a_token_is_remembered_until_it_expires_and_memory_is_bounded() {
        let mut used = UsedTokens::default();
        let (now, later) = (Mono::from_secs(1), Mono::from_secs(10));
        for n in 0..USED_TOKENS {
            assert_eq!(used.spend(id(n), later, now), Ok(()));
        }
        assert_eq!(used.spend(id(0), later, now), Err(CloseCode::TokenUsed));
        assert_eq!(
            used.spend(id(USED_TOKENS), later, now),
            Err(CloseCode::Busy)
        );
        assert_eq!(used.spend(id(USED_TOKENS), later, later), Ok(()));
        assert_eq!(used.0.len(), 1);
    }
}
