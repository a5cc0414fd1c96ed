//! That the world has changed: another network, or the machine has slept. A link that was good before may lead nowhere now, and a wait that
//! was right before is too long.

use crate::clock;
use crate::limits::{CHANGE_AGAIN, CHANGE_SETTLES, LOOK_EVERY, SLEPT};
#[cfg(target_os = "linux")]
use crate::netlink::Netlink;
#[cfg(not(target_os = "linux"))]
use crate::netlink_elsewhere::Netlink;
use lanyard_shared::time::Mono;
use std::time::Duration;

/// Tells of changes.
pub struct Changes {
    network: Option<Netlink>,
    settling: Settling,
    awake: Awake,
    /// What was noticed and has not been told yet.
    gap: Option<Gap>,
}

/// A time in which this program did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How long it was.
    pub length: Duration,
    /// Whether the machine slept. Otherwise it was this program alone that was held up.
    pub asleep: bool,
}

impl Changes {
    /// Watches from now on. Must be called inside a Tokio runtime. Where the system does not tell of its network, sleep is noticed all the same.
    #[must_use]
    pub fn watch() -> Self {
        let network = Netlink::open()
            .inspect_err(|error| tracing::debug!(%error, "no news of the network"))
            .ok();
        Self {
            network,
            settling: Settling::default(),
            awake: Awake {
                now: clock::mono(),
                awake: clock::awake(),
            },
            gap: None,
        }
    }

    /// Waits for a change, and says in which time before it nothing ran here. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Gap> {
        loop {
            let now = clock::mono();
            if let Some(gap) = self.awake.look(now, clock::awake()) {
                self.gap = Some(gap);
                self.settling.changed(now);
            }
            if self.settling.settled(now) {
                return self.gap.take();
            }
            let until = self.settling.due.map_or(LOOK_EVERY, |due| due.since(now));
            tokio::select! {
                () = changed(self.network.as_ref()) => self.settling.changed(clock::mono()),
                () = tokio::time::sleep(until.min(LOOK_EVERY)) => {}
            }
        }
    }
}

async fn changed(network: Option<&Netlink>) {
    match network {
        Some(network) => network.changed().await,
        None => std::future::pending().await,
    }
}

/// Makes one change of the many that belong together, and not too many of a network that never rests.
#[derive(Default)]
struct Settling {
    due: Option<Mono>,
    last: Option<Mono>,
}

impl Settling {
    fn changed(&mut self, now: Mono) {
        let rested = self.last.map_or(now, |last| last + CHANGE_AGAIN);
        self.due.get_or_insert((now + CHANGE_SETTLES).max(rested));
    }

    /// True once for each change, when its time has come.
    fn settled(&mut self, now: Mono) -> bool {
        let settled = self.due.is_some_and(|due| due <= now);
        if settled {
            self.due = None;
            self.last = Some(now);
        }
        settled
    }
}

/// When the clocks were looked at last. One counts while the machine sleeps; the other does not, and nor do timers.
struct Awake {
    now: Mono,
    awake: Mono,
}

impl Awake {
    /// To be called every [`LOOK_EVERY`] at least.
    fn look(&mut self, now: Mono, awake: Mono) -> Option<Gap> {
        let before = std::mem::replace(self, Self { now, awake });
        let length = now.since(before.now);
        let slept = length.saturating_sub(awake.since(before.awake));
        let asleep = slept >= SLEPT;
        (length > LOOK_EVERY + SLEPT).then_some(Gap {
            length: if asleep { slept } else { length },
            asleep,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_that_come_together_are_one_and_a_restless_network_is_told_of_now_and_then() {
        let mut settling = Settling::default();
        let (began, step) = (Mono::from_secs(100), Duration::from_millis(100));
        let (mut now, mut told) = (began, Vec::new());
        for _ in 0..150 {
            settling.changed(now);
            if settling.settled(now) {
                told.push(now.since(began));
            }
            now = now + step;
        }
        assert_eq!(told.first(), Some(&CHANGE_SETTLES));
        let apart: Vec<_> = told.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(!apart.is_empty() && apart.iter().all(|apart| *apart >= CHANGE_AGAIN));
    }

    #[test]
    fn where_nothing_changes_nothing_is_told_and_the_last_change_of_all_is_not_lost() {
        let mut settling = Settling::default();
        let now = Mono::from_secs(100);
        assert!(!settling.settled(now));
        settling.changed(now);
        let settled = now + CHANGE_SETTLES;
        assert!(!settling.settled(now) && settling.settled(settled));
        settling.changed(settled);
        assert!(!settling.settled(settled + CHANGE_SETTLES));
        assert!(settling.settled(settled + CHANGE_AGAIN));
        assert!(!settling.settled(settled + CHANGE_AGAIN * 2));
    }

    #[test]
    fn a_timer_that_is_a_little_late_is_no_sleep_and_a_closed_lid_is() {
        let hours = Duration::from_secs(8 * 3600);
        let (mut now, mut awake) = (Mono::from_secs(100), Mono::from_secs(90));
        let mut looks = Awake { now, awake };
        for (ran, slept, gap) in [
            (LOOK_EVERY, Duration::ZERO, None),
            (LOOK_EVERY + SLEPT, Duration::ZERO, None),
            // Held up, while the machine ran on.
            (
                LOOK_EVERY + SLEPT * 2,
                Duration::ZERO,
                Some((LOOK_EVERY + SLEPT * 2, false)),
            ),
            (LOOK_EVERY, Duration::ZERO, None),
            (LOOK_EVERY, hours, Some((hours, true))),
            (Duration::ZERO, hours, Some((hours, true))),
        ] {
            now = now + ran + slept;
            awake = awake + ran;
            let gap = gap.map(|(length, asleep)| Gap { length, asleep });
            assert_eq!(looks.look(now, awake), gap, "{ran:?} {slept:?}");
        }
    }
}
