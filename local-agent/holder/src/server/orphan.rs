//! A terminal that nobody comes for any more: when that has lasted too long, it ends.

use std::rc::Rc;
use std::time::Duration;

use super::ending;
use super::hub::Hub;
use crate::{clock, limits};

/// Since when nobody is there, and how long that may last. Time is an argument.
pub(crate) struct Orphan {
    after: Option<Duration>,
    alone_since: Option<Duration>,
}

impl Orphan {
    /// Nobody has come yet.
    pub(crate) fn new(after: Option<Duration>, now: Duration) -> Self {
        Self {
            after,
            alone_since: Some(now),
        }
    }

    /// Somebody is connected.
    pub(crate) fn somebody_came(&mut self) {
        self.alone_since = None;
    }

    /// The last connection is gone.
    pub(crate) fn left_alone(&mut self, now: Duration) {
        self.alone_since = Some(now);
    }

    /// Changes how long it may last; `None`: for ever.
    pub(crate) fn set(&mut self, after: Option<Duration>) {
        self.after = after;
    }

    /// How much longer nobody may come; `None`: there is no end to it.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        let ends = self.alone_since?.saturating_add(self.after?);
        Some(ends.saturating_sub(now))
    }
}

/// Ends the terminal once nobody has come for too long.
pub(crate) async fn end_orphan(hub: Rc<Hub>) {
    loop {
        let left = hub.orphan.borrow().left(clock::boot());
        match left {
            Some(Duration::ZERO) => break,
            // A timer stands still while the machine sleeps: the clock is looked at in between.
            Some(left) => tokio::select! {
                () = tokio::time::sleep(left.min(limits::ORPHAN_LOOK)) => {}
                () = hub.orphan_changed.notified() => {}
            },
            None => hub.orphan_changed.notified().await,
        }
    }
    tracing::info!("nobody has come for this terminal");
    ending::kill(&hub);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn a_terminal_is_an_orphan_only_when_nobody_came_for_all_of_the_time() {
        let mut orphan = Orphan::new(Some(30 * DAY), DAY);
        assert_eq!(orphan.left(DAY), Some(30 * DAY));
        orphan.somebody_came();
        assert_eq!(orphan.left(900 * DAY), None);
        orphan.left_alone(900 * DAY);
        assert_eq!(orphan.left(901 * DAY), Some(29 * DAY), "a night is nothing");
        assert_eq!(orphan.left(930 * DAY), Some(Duration::ZERO));
        assert_eq!(orphan.left(2000 * DAY), Some(Duration::ZERO));
    }

    #[test]
    fn a_terminal_without_that_bound_waits_for_ever_and_another_bound_counts_from_the_same_moment()
    {
        let mut orphan = Orphan::new(None, DAY);
        assert_eq!(orphan.left(2000 * DAY), None);
        orphan.set(Some(10 * DAY));
        assert_eq!(orphan.left(4 * DAY), Some(7 * DAY));
        orphan.set(None);
        assert_eq!(orphan.left(2000 * DAY), None);
        orphan.set(Some(Duration::MAX));
        assert!(orphan.left(2000 * DAY) > Some(2000 * DAY));
    }
}
