//! How long to wait before dialling again: exponential, between half and all of the bound by chance, never giving up.

use crate::sabotage::{Guarantee, is_off};
use lanyard_shared::limits::{RETRY_FIRST, RETRY_LONGEST, RETRY_TOLD_MOST};
use std::time::Duration;

/// Waiting times between attempts. The first is short, so that a relay's restart costs a fraction of a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next waiting time; `random` is uniform over all of `u32`. Between half and all of the present bound.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        if self.attempts >= 2 && is_off(Guarantee::ComeBack) {
            return Duration::MAX / 2;
        }
        let bound = RETRY_FIRST
            .saturating_mul(1 << self.attempts.min(8))
            .min(RETRY_LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        bound / 2 + (bound / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// The next waiting time after a relay that said when to come back. It counts up to a bound, and the usual wait comes on top: who was told
    /// the same does not come at the same moment.
    pub fn next_wait_after(&mut self, told: Option<Duration>, random: u32) -> Duration {
        told.unwrap_or_default().min(RETRY_TOLD_MOST) + self.next_wait(random)
    }

    /// To be called when a link was worth dialling for: see [`RETRY_GOOD_AFTER`](lanyard_shared::limits::RETRY_GOOD_AFTER).
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_fifteen_seconds_and_stay_there_for_ever() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_wait(u32::MAX), RETRY_FIRST);
        for _ in 0..100_000 {
            let wait = backoff.next_wait(0);
            assert!(wait >= RETRY_FIRST / 2 && wait <= RETRY_LONGEST);
        }
        assert_eq!(backoff.next_wait(u32::MAX), RETRY_LONGEST);
        backoff.reset();
        assert_eq!(backoff.next_wait(u32::MAX), RETRY_FIRST);
    }

    #[test]
    fn nobody_comes_back_sooner_than_told_nor_all_at_once_nor_waits_for_ever() {
        let told = Duration::from_secs(7);
        let [early, late] =
            [0, u32::MAX].map(|random| Backoff::default().next_wait_after(Some(told), random));
        assert!(told < early && early < late, "{early:?} {late:?}");
        let bound = Backoff::default().next_wait_after(Some(Duration::MAX), u32::MAX);
        assert_eq!(bound, RETRY_TOLD_MOST + RETRY_FIRST);
        let untold = Backoff::default().next_wait_after(None, u32::MAX);
        assert_eq!(untold, RETRY_FIRST);
    }
}
