//! How the agent stands with its relay, for the owner: since when, why not, and when nothing ran here.

use super::owner::{Gap, Trouble};
use lanyard_shared::time::UnixMs;

/// See the module. The times are the machine's.
#[derive(Default)]
pub struct Presence {
    since: Option<UnixMs>,
    online: bool,
    trouble: Option<Trouble>,
    gap: Option<Gap>,
}

impl Presence {
    /// The relay has accepted the machine. It does so again on a link that stands.
    pub fn online(&mut self, now: UnixMs) {
        self.stands(true, now);
        self.trouble = None;
    }

    /// The link has ended, or none came to be.
    pub fn offline(&mut self, sentence: &str, hint: &str, now: UnixMs) {
        self.stands(false, now);
        self.trouble = Some(Trouble {
            sentence: sentence.to_owned(),
            hint: hint.to_owned(),
        });
    }

    /// For so long, until now, nothing ran here.
    pub fn was_away(&mut self, gap: lanyard_dial::Gap, now: UnixMs) {
        let length = u64::try_from(gap.length.as_millis()).unwrap_or(u64::MAX);
        self.gap = Some(Gap {
            from: UnixMs(now.0.saturating_sub(length)),
            to: now,
            asleep: gap.asleep,
        });
    }

    /// Since when the link is as it is.
    pub fn since(&self) -> Option<UnixMs> {
        self.since
    }

    /// Why there is none.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.clone()
    }

    /// The last time in which nothing ran here.
    pub fn gap(&self) -> Option<Gap> {
        self.gap
    }

    fn stands(&mut self, online: bool, now: UnixMs) {
        if self.since.is_none() || self.online != online {
            self.since = Some(now);
        }
        self.online = online;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_failure_of_many_is_since_when_and_the_last_one_is_why() {
        let at = UnixMs::from_secs;
        let mut presence = Presence::default();
        presence.online(at(10));
        presence.online(at(20));
        assert_eq!((presence.since(), presence.trouble()), (Some(at(10)), None));
        presence.offline("cut", "", at(30));
        presence.offline("nobody answers", "look there", at(40));
        assert_eq!(presence.since(), Some(at(30)));
        let why = presence.trouble().map(|trouble| trouble.sentence);
        assert_eq!(why.as_deref(), Some("nobody answers"));
        presence.online(at(50));
        assert_eq!((presence.since(), presence.trouble()), (Some(at(50)), None));
    }

    #[test]
    fn a_sleep_is_told_by_when_it_began_and_when_it_was_over() {
        let mut presence = Presence::default();
        let length = Duration::from_secs(600);
        let asleep = true;
        presence.was_away(
            lanyard_dial::Gap { length, asleep },
            UnixMs::from_secs(1000),
        );
        let (from, to) = (UnixMs::from_secs(400), UnixMs::from_secs(1000));
        assert_eq!(presence.gap(), Some(Gap { from, to, asleep }));
    }
}
