//! Which credential stops working first, and what would keep it.

use super::{DeviceEntry, TokenEntry, in_short};
use crate::ids::DeviceId;
use crate::limits::LEASE_GUARD;
use crate::msg::Scope;
use crate::time::UnixMs;
use crate::token::Renewal;

/// What stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A token, and with it what its stream did.
    Token {
        /// For what.
        purpose: Scope,
        /// What it is about; may be empty.
        about: String,
    },
    /// A share.
    Share,
    /// A device's grant.
    Grant,
    /// A device's keys.
    Keys,
}

/// What keeps it from stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// A person's key or tap.
    Pressed,
    /// Something asked over its stream.
    Used,
    /// Its device saying hello.
    Seen,
    /// Nothing.
    Nothing,
}

/// What stops first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What.
    pub what: What,
    /// Whose.
    pub device: DeviceId,
    /// When.
    pub at: UnixMs,
    /// What keeps it.
    pub unless: Unless,
}

impl Stop {
    /// In words, of a device that is called `name`.
    #[must_use]
    pub fn sentence(&self, name: &str, now: UnixMs) -> String {
        let what = match &self.what {
            What::Token { purpose, about } => {
                let about = if about.is_empty() {
                    String::new()
                } else {
                    format!(" ({about})")
                };
                format!("{} from {name}{about}", doing(*purpose))
            }
            What::Share => format!("everything shared with {name}"),
            What::Grant => format!("everything from {name}: its grant ends"),
            What::Keys => format!("everything from {name}: its keys end"),
        };
        let left = in_short(now.until(self.at));
        let unless = match self.unless {
            Unless::Pressed => " unless a key is pressed",
            Unless::Used => " unless it is used",
            Unless::Seen => " unless it is seen",
            Unless::Nothing => "",
        };
        format!("first to stop: {what} in {left}{unless}{}", self.then())
    }

    /// How it comes back.
    const fn then(&self) -> &'static str {
        match (&self.what, self.unless) {
            (What::Token { .. }, Unless::Pressed) => "; the next key brings it back",
            (What::Token { .. }, Unless::Used | Unless::Seen) => "; it comes back when it is used",
            (What::Token { .. }, Unless::Nothing) => "; it is asked for again when it is needed",
            (What::Share, _) => "; then only another link lets it in",
            (What::Grant | What::Keys, _) => "; then it must pair again",
        }
    }
}

const fn doing(purpose: Scope) -> &'static str {
    match purpose {
        Scope::View => "watching",
        Scope::FilesRead => "reading files",
        Scope::Terminal => "typing",
        Scope::Run => "starting commands",
        Scope::FilesWrite => "changing files",
        Scope::Prompt => "speaking to coding agents",
        Scope::Approve => "answering requests",
        Scope::Devices => "managing devices",
    }
}

/// What of all this stops working first. What renews itself for as long as it is attached, and what was never opened, stops nobody.
#[must_use]
pub fn first_to_stop(now: UnixMs, devices: &[DeviceEntry], tokens: &[TokenEntry]) -> Option<Stop> {
    let all = tokens
        .iter()
        .filter_map(of_token)
        .chain(devices.iter().flat_map(of_device));
    all.filter(|stop| stop.at > now).min_by_key(|stop| stop.at)
}

fn of_token(token: &TokenEntry) -> Option<Stop> {
    let unless = match token.purpose.kind().renewal() {
        Renewal::WhileAttached | Renewal::Sliding => return None,
        Renewal::OnUse => Unless::Used,
        Renewal::WhilePresent => Unless::Pressed,
        Renewal::Never => Unless::Nothing,
    };
    let guard = u64::try_from(LEASE_GUARD.as_millis()).unwrap_or(0);
    token.attached.then(|| Stop {
        what: What::Token {
            purpose: token.purpose,
            about: token.about.clone(),
        },
        device: token.device,
        // The agent's side ends that much before the token does.
        at: UnixMs(token.expires.0.saturating_sub(guard)),
        unless,
    })
}

fn of_device(device: &DeviceEntry) -> Vec<Stop> {
    let stop = |what, at, unless| Stop {
        what,
        device: device.id,
        at,
        unless,
    };
    // Keys and grant of a device that is there renew themselves; a share's end is its end.
    let away = device.sessions == 0;
    let grant = stop(What::Grant, device.expires, Unless::Seen);
    let keys = stop(What::Keys, device.keys_end, Unless::Seen);
    let share = device
        .until
        .map(|at| stop(What::Share, at, Unless::Nothing));
    // The grant of a share ends with it and is not another thing.
    let own = away && device.until.is_none();
    let own = own.then_some([grant, keys]);
    share.into_iter().chain(own.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::{device, token};

    const NOW: UnixMs = UnixMs::from_secs(1_000_000);

    fn said(devices: &[DeviceEntry], tokens: &[TokenEntry]) -> Option<String> {
        first_to_stop(NOW, devices, tokens).map(|stop| stop.sentence("Pixel", NOW))
    }

    #[test]
    fn typing_stops_first_and_watching_stops_nobody() {
        let mut here = device(NOW);
        here.sessions = 1;
        let typing = token(Scope::Terminal, NOW, 193);
        let watching = token(Scope::View, NOW, 20);
        assert_eq!(
            said(&[here.clone()], &[watching.clone(), typing]).as_deref(),
            Some(
                "first to stop: typing from Pixel (build) in 3:12 unless a key is pressed; the next key brings it back"
            )
        );
        assert_eq!(said(&[here], &[watching]), None);
    }

    #[test]
    fn a_token_that_was_never_opened_stops_nobody() {
        let mut here = device(NOW);
        here.sessions = 1;
        let mut waiting = token(Scope::Devices, NOW, 60);
        waiting.attached = false;
        assert_eq!(said(&[here], &[waiting]), None);
    }

    #[test]
    fn a_share_ends_whatever_happens_and_a_device_of_ones_own_only_when_it_stays_away() {
        let mut share = device(NOW);
        share.sessions = 1;
        share.until = Some(NOW + std::time::Duration::from_secs(1800));
        assert_eq!(
            said(&[share], &[]).as_deref(),
            Some(
                "first to stop: everything shared with Pixel in 30:00; then only another link lets it in"
            )
        );
        let away = device(NOW);
        let said = said(&[away], &[]).unwrap_or_default();
        assert!(
            said.contains("its grant ends in 30 d unless it is seen"),
            "{said}"
        );
    }

    #[test]
    fn what_is_over_already_is_not_first() {
        let mut here = device(NOW);
        here.sessions = 1;
        assert_eq!(said(&[here], &[token(Scope::Terminal, NOW, 0)]), None);
    }
}
