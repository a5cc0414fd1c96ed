//! The one place where agent and viewer read clocks.

use lanyard_shared::time::{Mono, Now, UnixMs};
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime};

/// Reads both clocks: the boot-time clock, which counts while a laptop sleeps, and the wall clock.
#[must_use]
pub fn now() -> Now {
    Now {
        mono: mono(),
        unix: unix(),
    }
}

/// Reads the boot-time clock.
#[must_use]
pub fn mono() -> Mono {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    Mono(Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    ))
}

/// Reads the clock that stands still while a laptop sleeps; where the system has but one, that one.
#[must_use]
pub fn awake() -> Mono {
    let time = clock_gettime(ClockId::Monotonic);
    Mono(Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    ))
}

/// Reads the wall clock. `LANYARD_CLOCK_OFFSET`, in seconds, shifts it; for trying out what a wrong clock does.
#[must_use]
pub fn unix() -> UnixMs {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let millis = i64::try_from(since.as_millis())
        .unwrap_or(i64::MAX)
        .saturating_add(offset_ms());
    UnixMs(u64::try_from(millis).unwrap_or(0))
}

fn offset_ms() -> i64 {
    static OFFSET: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *OFFSET.get_or_init(|| {
        let seconds = std::env::var("LANYARD_CLOCK_OFFSET")
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        seconds.unwrap_or(0).saturating_mul(1000)
    })
}
