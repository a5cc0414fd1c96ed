//! The agent's clock: the wall clock as it was when the link was dialled, carried on by the boot-time clock.
//!
//! So a wall clock that jumps in the middle of a link moves no deadline; and one that is behind the latest time this agent
//! ever knew is noticed.

use crate::limits::CLOCK_TOLERANCE;
use lanyard_dial::clock;
use lanyard_shared::time::{Now, UnixMs};

pub struct AgentClock {
    base: Now,
    high_water: UnixMs,
}

impl AgentClock {
    /// A clock that knows `high_water` from an earlier run.
    pub fn start(high_water: UnixMs) -> Self {
        Self {
            base: clock::now(),
            high_water,
        }
    }

    pub fn now(&self) -> Now {
        let mono = clock::mono();
        Now {
            mono,
            unix: self.base.unix + mono.since(self.base.mono),
        }
    }

    /// Takes the wall clock anew. True when it is behind the latest known time.
    pub fn rebase(&mut self) -> bool {
        self.base = clock::now();
        self.base.unix + CLOCK_TOLERANCE < self.high_water
    }

    /// The relay has vouched for the present time: it is remembered, and returned to be saved. `None` while the clock is behind.
    pub fn vouched(&mut self) -> Option<UnixMs> {
        let now = self.now().unix;
        let sound = now + CLOCK_TOLERANCE >= self.high_water;
        self.high_water = self.high_water.max(now);
        sound.then_some(now)
    }
}
