//! That the world has changed: another network, or the machine has slept. A link that was good before may lead nowhere now, and a wait that
//! was right before is too long.

use crate::clock;
use crate::limits::{CHANGE_AGAIN, CHANGE_SETTLES, LOOK_EVERY, SLEPT};
#[cfg(target_os = "linux")]
use crate::netlink::Netlink;
#[cfg(not(target_os = "linux"))]
use crate::netlink_elsewhere::Netlink;
use lanyard_shared::time::Mono;

/// Tells of changes.
pub struct Changes {
    network: Option<Netlink>,
    settling: Settling,
    awake: Awake,
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
            awake: Awake(clock::mono()),
        }
    }

    /// Waits for a change. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) {
        loop {
            let now = clock::mono();
            if self.awake.has_slept(now) {
                self.settling.changed(now);
            }
            if self.settling.settled(now) {
                return;
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

/// When the clock was looked at last. It counts while the machine sleeps, and timers do not.
struct Awake(Mono);

impl Awake {
    /// To be called every [`LOOK_EVERY`] at least.
    fn has_slept(&mut self, now: Mono) -> bool {
        let before = std::mem::replace(&mut self.0, now);
        now.since(before) > LOOK_EVERY + SLEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
        let mut awake = Awake(Mono::from_secs(100));
        let mut now = Mono::from_secs(100);
        for (passed, slept) in [
            (LOOK_EVERY, false),
            (LOOK_EVERY + SLEPT, false),
            (LOOK_EVERY + SLEPT * 2, true),
            (LOOK_EVERY, false),
            (Duration::from_secs(8 * 3600), true),
        ] {
            now = now + passed;
            assert_eq!(awake.has_slept(now), slept, "{passed:?}");
        }
    }
}
