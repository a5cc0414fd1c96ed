//! What will stop working unless somebody does something, said before it does.

use super::{DeviceEntry, KeyEntry, in_short};
use crate::limits::{LIFE_DEVICE, LIFE_DEVICE_KEYS};
use crate::time::UnixMs;
use std::time::Duration;

/// One warning for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What will stop, and when.
    pub sentence: String,
    /// What to do.
    pub hint: String,
}

/// All warnings. A device that is connected renews itself, and so do the machine's keys in good time: what is named here has not.
#[must_use]
pub fn warnings(now: UnixMs, devices: &[DeviceEntry], keys: &[KeyEntry]) -> Vec<Warning> {
    devices
        .iter()
        .flat_map(|device| of_device(now, device))
        .chain(keys.iter().filter_map(|key| of_key(now, key)))
        .collect()
}

fn of_device(now: UnixMs, device: &DeviceEntry) -> Vec<Warning> {
    let name = &device.name;
    let mut all = Vec::new();
    if device.suspended {
        all.push(Warning {
            sentence: format!("a copy of {name} was seen; it may only watch"),
            hint: format!(
                "`lanyard trust {0}` if it is yours, `lanyard revoke {0}` if not",
                device.id
            ),
        });
    }
    if let Some(until) = device.until {
        if near(now, until, device.paired.until(until)) {
            all.push(Warning {
                sentence: format!(
                    "what is shared with {name} ends in {}",
                    in_short(now.until(until))
                ),
                hint: "`lanyard share` makes another link".to_owned(),
            });
        }
        return all;
    }
    if device.sessions > 0 {
        return all;
    }
    let seen = format!("open Lanyard on {name}, and it renews itself");
    for (what, end, life) in [
        ("grant", device.expires, LIFE_DEVICE),
        ("keys", device.keys_end, LIFE_DEVICE_KEYS),
    ] {
        if end <= now {
            all.push(Warning {
                sentence: format!("the {what} of {name} ended"),
                hint: "it must pair again: `lanyard pair`".to_owned(),
            });
        } else if near(now, end, life) {
            all.push(Warning {
                sentence: format!(
                    "the {what} of {name} will end in {}",
                    in_short(now.until(end))
                ),
                hint: seen.clone(),
            });
        }
    }
    all
}

/// Keys change at half or two thirds of their life; one that got this old could not.
fn of_key(now: UnixMs, key: &KeyEntry) -> Option<Warning> {
    let ends = key.ends?;
    let life = key.since?.until(ends);
    let (name, _) = key.kind.words();
    (now.until(ends) * 10 < life).then(|| Warning {
        sentence: format!(
            "the {name} ends in {} and was not replaced",
            in_short(now.until(ends))
        ),
        hint: "it is replaced once the relay is reached: `lanyard status`".to_owned(),
    })
}

/// Whether a quarter or less of a life is left.
fn near(now: UnixMs, end: UnixMs, life: Duration) -> bool {
    now.until(end) * 4 <= life
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::KeyKind;
    use crate::access::tests::device;

    const NOW: UnixMs = UnixMs::from_secs(10_000_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn said(device: &DeviceEntry) -> String {
        let all = warnings(NOW, std::slice::from_ref(device), &[]);
        all.into_iter()
            .map(|warning| warning.sentence)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn a_device_that_stays_away_is_named_in_the_last_quarter_of_its_grant() {
        let mut away = device(NOW);
        away.expires = NOW + DAY * 8;
        assert_eq!(said(&away), "");
        away.expires = NOW + DAY * 7;
        assert_eq!(said(&away), "the grant of Pixel will end in 7 d");
        away.sessions = 1;
        assert_eq!(said(&away), "", "it renews itself");
    }

    #[test]
    fn keys_shares_and_copies_are_named_in_time() {
        let mut entry = device(NOW);
        entry.keys_end = NOW + DAY * 20;
        assert_eq!(said(&entry), "the keys of Pixel will end in 20 d");
        entry.keys_end = NOW;
        assert_eq!(said(&entry), "the keys of Pixel ended");
        entry.paired = UnixMs(NOW.0 - 3 * 3_600_000);
        entry.until = Some(NOW + Duration::from_secs(3600));
        assert_eq!(said(&entry), "what is shared with Pixel ends in 1 h 00 min");
        entry.until = Some(NOW + DAY);
        entry.suspended = true;
        assert_eq!(said(&entry), "a copy of Pixel was seen; it may only watch");
    }

    #[test]
    fn a_key_of_the_machine_that_could_not_replace_itself_is_named() {
        let key = |left| KeyEntry {
            kind: KeyKind::Identity,
            since: Some(UnixMs(NOW.0 - 1_000_000)),
            ends: Some(NOW + left),
        };
        let named = |left| !warnings(NOW, &[], &[key(left)]).is_empty();
        assert!(!named(Duration::from_secs(1000)));
        assert!(named(Duration::from_secs(100)));
    }
}
