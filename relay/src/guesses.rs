//! Who shows tokens and proofs that do not hold. Guessing one is hopeless, so this bounds only the noise: what is written down, and how long
//! such a connection is served. One that does hold is never held back by it, whoever else is behind the same address or names the same
//! machine.

use crate::admission::network;
use crate::limits::{
    WRONG_PROOFS, WRONG_PROOFS_OF_AGENT, WRONG_TOKENS, WRONGS_COUNTED, WRONGS_TIME,
};
use lanyard_shared::ids::AgentId;
use lanyard_shared::time::Mono;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Counts what was wrong, by who or what it was about.
#[derive(Debug)]
pub struct Guesses<K> {
    counted: Mutex<HashMap<K, Counted>>,
    most: u32,
}

/// Wrong operator tokens, by address.
pub type WrongTokens = Guesses<Option<IpAddr>>;

/// Proofs that did not hold.
#[derive(Debug)]
pub struct WrongProofs {
    addresses: Guesses<IpAddr>,
    agents: Guesses<AgentId>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    since: Mono,
    count: u32,
}

/// What becomes of a request with a wrong token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Refuse it and write it down.
    Refuse,
    /// The address has just used up what it has: write that down.
    Last,
    /// Turn it away in silence.
    TurnAway,
}

impl WrongTokens {
    /// None yet.
    #[must_use]
    pub fn of_tokens() -> Self {
        Self::new(WRONG_TOKENS)
    }

    /// One more from `from`.
    pub fn by_address(&self, from: Option<IpAddr>, now: Mono) -> Verdict {
        self.wrong(from.map(network), now)
    }
}

impl Default for WrongProofs {
    fn default() -> Self {
        Self {
            addresses: Guesses::new(WRONG_PROOFS),
            agents: Guesses::new(WRONG_PROOFS_OF_AGENT),
        }
    }
}

impl WrongProofs {
    /// One more from `from`, naming `agent`. The stricter of the two verdicts; what an address shows beyond its limit is not put down to the
    /// machine, or one address alone could have it answered in silence.
    pub fn wrong(&self, from: IpAddr, agent: AgentId, now: Mono) -> Verdict {
        match self.addresses.wrong(network(from), now) {
            Verdict::TurnAway => Verdict::TurnAway,
            by_address @ (Verdict::Refuse | Verdict::Last) => {
                by_address.max(self.agents.wrong(agent, now))
            }
        }
    }
}

impl<K: Eq + Hash> Guesses<K> {
    fn new(most: u32) -> Self {
        Self {
            counted: Mutex::default(),
            most,
        }
    }

    fn wrong(&self, key: K, now: Mono) -> Verdict {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= WRONGS_COUNTED && !counted.contains_key(&key) {
            counted.retain(|_, counted| now.since(counted.since) < WRONGS_TIME);
            if counted.len() >= WRONGS_COUNTED {
                return Verdict::TurnAway;
            }
        }
        let fresh = Counted {
            since: now,
            count: 0,
        };
        let entry = counted.entry(key).or_insert(fresh);
        if now.since(entry.since) >= WRONGS_TIME {
            *entry = fresh;
        }
        entry.count = entry.count.saturating_add(1);
        match entry.count.cmp(&self.most) {
            Ordering::Less => Verdict::Refuse,
            Ordering::Equal => Verdict::Last,
            Ordering::Greater => Verdict::TurnAway,
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
        let guesses = WrongTokens::of_tokens();
        let began = Mono::from_secs(100);
        for _ in 1..WRONG_TOKENS {
            assert_eq!(guesses.by_address(address(1), began), Verdict::Refuse);
        }
        assert_eq!(guesses.by_address(address(1), began), Verdict::Last);
        assert_eq!(guesses.by_address(address(1), began), Verdict::TurnAway);
        assert_eq!(guesses.by_address(address(2), began), Verdict::Refuse);
        let later = began + WRONGS_TIME;
        assert_eq!(guesses.by_address(address(1), later), Verdict::Refuse);
    }

    #[test]
    fn many_addresses_take_no_more_memory_than_they_may() {
        let guesses = WrongTokens::of_tokens();
        let began = Mono::from_secs(100);
        let many = u32::try_from(WRONGS_COUNTED).unwrap();
        for n in 0..many + 100 {
            guesses.by_address(address(n), began);
        }
        assert_eq!(guesses.counted.lock().unwrap().len(), WRONGS_COUNTED);
        let later = began + WRONGS_TIME;
        assert_eq!(
            guesses.by_address(address(many + 500), later),
            Verdict::Refuse
        );
        assert_eq!(guesses.counted.lock().unwrap().len(), 1);
    }

    #[test]
    fn one_address_that_names_a_machine_without_end_does_not_silence_what_others_hear() {
        let proofs = WrongProofs::default();
        let began = Mono::from_secs(100);
        let (named, flood, other) = (AgentId([1; 16]), address(1), address(2));
        for _ in 0..2 * WRONG_PROOFS_OF_AGENT {
            proofs.wrong(flood.unwrap(), named, began);
        }
        let verdict = |from: Option<IpAddr>| proofs.wrong(from.unwrap(), named, began);
        assert_eq!(verdict(flood), Verdict::TurnAway);
        assert_eq!(verdict(other), Verdict::Refuse);
    }

    #[test]
    fn a_crowd_that_names_one_machine_from_everywhere_is_turned_away_and_others_are_not() {
        let proofs = WrongProofs::default();
        let began = Mono::from_secs(100);
        let (named, other) = (AgentId([1; 16]), AgentId([2; 16]));
        let from = |n: u32| address(n).unwrap();
        for n in 1..WRONG_PROOFS_OF_AGENT {
            assert_eq!(proofs.wrong(from(n), named, began), Verdict::Refuse);
        }
        assert_eq!(proofs.wrong(from(5000), named, began), Verdict::Last);
        assert_eq!(proofs.wrong(from(5001), named, began), Verdict::TurnAway);
        assert_eq!(proofs.wrong(from(5001), other, began), Verdict::Refuse);
    }
}
