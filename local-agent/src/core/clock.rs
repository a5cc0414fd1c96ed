//! The agent's clock: the wall clock as it was when the link was dialled, carried on by the boot-time clock.
//!
//! So a wall clock that jumps in the middle of a link moves no deadline; and one that is behind the latest time this agent
//! ever knew is noticed.

use crate::limits::CLOCK_TOLERANCE;
use lanyard_shared::time::{Mono, Now, UnixMs};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct AgentClock {
    base: Now,
    high_water: UnixMs,
}

impl AgentClock {
    /// A clock that knows `high_water` from an earlier run; `now` is what the machine's clocks say.
    #[must_use]
    pub fn start(now: Now, high_water: UnixMs) -> Self {
        Self {
            base: now,
            high_water,
        }
    }

    /// What the agent takes for the time when its boot-time clock says `mono`.
    #[must_use]
    pub fn at(&self, mono: Mono) -> Now {
        Now {
            mono,
            unix: self.base.unix + mono.since(self.base.mono),
        }
    }

    /// Takes the wall clock anew.
    pub fn rebase(&mut self, now: Now) {
        self.base = now;
    }

    /// What a sound clock says at least.
    #[must_use]
    pub fn earliest(&self) -> UnixMs {
        UnixMs(
            self.high_water
                .0
                .saturating_sub(u64::try_from(CLOCK_TOLERANCE.as_millis()).unwrap_or(0)),
        )
    }

    /// The relay has vouched for the present time: it is remembered, and returned to be saved. `None` while the clock is behind.
    pub fn vouched(&mut self, mono: Mono) -> Option<UnixMs> {
        let now = self.at(mono).unix;
        let sound = now >= self.earliest();
        self.high_water = self.high_water.max(now);
        sound.then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn reading(mono: u64, unix: u64) -> Now {
        Now {
            mono: Mono::from_secs(mono),
            unix: UnixMs::from_secs(unix),
        }
    }

    #[test]
    fn a_wall_clock_that_jumps_in_the_middle_of_a_link_moves_nothing_until_the_next_dial() {
        let mut clock = AgentClock::start(reading(10, 1000), UnixMs(0));
        assert_eq!(clock.at(Mono::from_secs(20)).unix, UnixMs::from_secs(1010));
        clock.rebase(reading(20, 5000));
        assert_eq!(clock.at(Mono::from_secs(21)).unix, UnixMs::from_secs(5001));
    }

    #[test]
    fn a_clock_behind_the_latest_vouched_time_is_noticed_and_vouches_for_nothing() {
        let mut clock = AgentClock::start(reading(10, 1000), UnixMs(0));
        assert_eq!(
            clock.vouched(Mono::from_secs(30)),
            Some(UnixMs::from_secs(1020))
        );
        clock.rebase(reading(40, 900));
        assert!(clock.at(Mono::from_secs(40)).unix < clock.earliest());
        assert_eq!(clock.vouched(Mono::from_secs(40)), None);
        clock.rebase(reading(50, 990));
        let now = clock.at(Mono::from_secs(50)).unix;
        assert!(now >= clock.earliest(), "a minute is tolerated");
    }
}
