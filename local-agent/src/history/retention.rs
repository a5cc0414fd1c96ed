//! How long what is kept stays: by age, and by how much there is of it. Free of IO.

use lanyard_shared::ids::TerminalId;
use lanyard_shared::time::UnixMs;
use std::collections::BTreeMap;
use std::time::Duration;

/// What counts of a terminal that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When it ended.
    pub ended: UnixMs,
    /// What it takes on the disk.
    pub bytes: u64,
}

/// The rule.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// What ended longer ago is removed; zero: nothing is kept at all.
    pub age: Duration,
    /// What all of them may take on the disk, in bytes. Those that ended first go first.
    pub total: u64,
}

impl Retention {
    /// Whether anything is kept.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        !self.age.is_zero()
    }

    /// What is to be removed now.
    #[must_use]
    pub fn overdue(&self, kept: &BTreeMap<TerminalId, Kept>, now: UnixMs) -> Vec<TerminalId> {
        let mut latest_first: Vec<_> = kept.iter().collect();
        latest_first.sort_by_key(|(id, kept)| (std::cmp::Reverse(kept.ended), **id));
        let mut total: u64 = 0;
        latest_first.retain(|(_, kept)| {
            total = total.saturating_add(kept.bytes);
            total > self.total || kept.ended.until(now) >= self.age
        });
        latest_first.into_iter().map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overdue(age: u64, total: u64, now: u64) -> Vec<u8> {
        let kept = [(1, 100, 10), (2, 300, 20), (3, 200, 30)];
        let kept = kept.map(|(id, ended, bytes)| {
            let ended = UnixMs::from_secs(ended);
            (TerminalId([id; 16]), Kept { ended, bytes })
        });
        let age = Duration::from_secs(age);
        let ids = Retention { age, total }.overdue(&kept.into(), UnixMs::from_secs(now));
        ids.iter().map(|id| id.0[0]).collect()
    }

    #[test]
    fn what_ended_too_long_ago_goes_and_what_is_younger_stays() {
        assert_eq!(overdue(100, 1000, 299), [1]);
        assert_eq!(overdue(100, 1000, 300), [3, 1]);
        assert!(overdue(100, 1000, 199).is_empty());
    }

    #[test]
    fn of_too_much_those_that_ended_first_go() {
        assert!(overdue(1000, 60, 300).is_empty());
        assert_eq!(overdue(1000, 59, 300), [1]);
        assert_eq!(overdue(1000, 20, 300), [3, 1]);
        assert_eq!(overdue(1000, 19, 300), [2, 3, 1]);
    }

    #[test]
    fn nothing_at_all_is_kept_for_no_time_and_a_clock_set_back_removes_nothing() {
        assert_eq!(overdue(0, 1000, 0), [2, 3, 1]);
        assert!(overdue(1, 1000, 100).is_empty());
    }
}
