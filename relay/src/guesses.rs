//! Who shows tokens that open nothing. Guessing one is hopeless, so this bounds only the noise: what is written down, and how long such a
//! connection is served. A token that does open something is never held back by it, whoever else is behind the same address.

use crate::admission::network;
use crate::limits::{WRONG_TOKENS, WRONG_TOKENS_ADDRESSES, WRONG_TOKENS_TIME};
use lanyard_shared::time::Mono;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Counts wrong tokens of each address.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<HashMap<Option<IpAddr>, Counted>>);

#[derive(Debug)]
struct Counted {
    since: Mono,
    count: u32,
}

/// What becomes of a request with a wrong token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Refuse it and write it down.
    Refuse,
    /// The address has just used up what it has: write that down.
    Last,
    /// Turn it away in silence.
    TurnAway,
}

impl Guesses {
    /// One more from `from`.
    pub fn wrong(&self, from: Option<IpAddr>, now: Mono) -> Verdict {
        let from = from.map(network);
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= WRONG_TOKENS_ADDRESSES && !counted.contains_key(&from) {
            counted.retain(|_, counted| now.since(counted.since) < WRONG_TOKENS_TIME);
            if counted.len() >= WRONG_TOKENS_ADDRESSES {
                return Verdict::TurnAway;
            }
        }
        let entry = counted.entry(from).or_insert(Counted {
            since: now,
            count: 0,
        });
        if now.since(entry.since) >= WRONG_TOKENS_TIME {
            *entry = Counted {
                since: now,
                count: 0,
            };
        }
        entry.count = entry.count.saturating_add(1);
        match entry.count {
            ..WRONG_TOKENS => Verdict::Refuse,
            WRONG_TOKENS => Verdict::Last,
            _ => Verdict::TurnAway,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(n: u32) -> Option<IpAddr> {
        Some(Ipv4Addr::from_bits(0x0a00_0000 + n).into())
    }

    #[test]
    fn a_crowd_of_wrong_tokens_is_turned_away_until_its_time_has_passed() {
        let guesses = Guesses::default();
        let began = Mono::from_secs(100);
        for _ in 1..WRONG_TOKENS {
            assert_eq!(guesses.wrong(address(1), began), Verdict::Refuse);
        }
        assert_eq!(guesses.wrong(address(1), began), Verdict::Last);
        assert_eq!(guesses.wrong(address(1), began), Verdict::TurnAway);
        assert_eq!(guesses.wrong(address(2), began), Verdict::Refuse);
        let later = began + WRONG_TOKENS_TIME;
        assert_eq!(guesses.wrong(address(1), later), Verdict::Refuse);
    }

    #[test]
    fn many_addresses_take_no_more_memory_than_they_may() {
        let guesses = Guesses::default();
        let began = Mono::from_secs(100);
        let many = u32::try_from(WRONG_TOKENS_ADDRESSES).unwrap();
        for n in 0..many + 100 {
            guesses.wrong(address(n), began);
        }
        assert_eq!(guesses.0.lock().unwrap().len(), WRONG_TOKENS_ADDRESSES);
        let later = began + WRONG_TOKENS_TIME;
        assert_eq!(guesses.wrong(address(many + 500), later), Verdict::Refuse);
        assert_eq!(guesses.0.lock().unwrap().len(), 1);
    }
}
