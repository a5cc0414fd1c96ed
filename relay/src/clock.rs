//! The one file that reads a clock. Everything else is told the time.

use lanyard_shared::time::{Mono, Now, UnixMs};
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, Sleep};

/// Both clocks, now.
#[must_use]
pub fn now() -> Now {
    Now {
        mono: mono(),
        unix: unix(),
    }
}

/// The clock for deadlines: it counts while the machine sleeps, so nothing outlives a closed lid.
#[must_use]
pub fn mono() -> Mono {
    let time = clock_gettime(ClockId::Boottime);
    Mono(Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    ))
}

/// The clock others are told.
#[must_use]
pub fn unix() -> UnixMs {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A timer for `due`. It may fire early or late (tokio's clock stops while the machine sleeps): compare before trusting it.
pub fn sleep_until(due: Mono) -> Sleep {
    tokio::time::sleep_until(instant(due))
}

/// The point on tokio's clock where `due` is expected.
#[must_use]
pub fn instant(due: Mono) -> Instant {
    Instant::now() + due.since(mono())
}
