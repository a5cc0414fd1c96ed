//! Whether the machine is there, in words: what is known of why it is not, and what happens next.

use crate::core::State;
use crate::failure::Failure;
use lanyard_shared::access::in_short;
use std::time::Duration;

/// Why the machine is out of reach; `None` while it is not. `trouble` is the last that went wrong, `heard` how long ago the machine answered.
pub(super) fn words(
    state: &State,
    trouble: Option<&Failure>,
    heard: Option<Duration>,
) -> Option<String> {
    let since = heard
        .map(|ago| format!("; it answered {} ago", in_short(ago)))
        .unwrap_or_default();
    match state {
        State::Live | State::Over(_) => None,
        State::Silent => Some(format!(
            "the relay answers, the machine does not: asleep or without network{since}"
        )),
        State::Offline | State::Connecting => Some(trouble.map_or_else(
            || "connecting".to_owned(),
            |why| match why.hint() {
                "" => why.sentence().to_owned(),
                hint => format!("{}; {hint}", why.sentence()),
            },
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::close::CloseCode;

    #[test]
    fn each_way_of_being_away_has_words_of_its_own_and_being_there_has_none() {
        let heard = Some(Duration::from_secs(75));
        let stopped = Failure::from(CloseCode::AgentStopped);
        let asleep = Failure::from(CloseCode::AgentSilent);
        let offline = |why| words(&State::Offline, Some(why), heard);
        let said = [
            words(&State::Silent, None, heard),
            offline(&stopped),
            offline(&asleep),
            words(&State::Connecting, None, heard),
        ];
        let said: std::collections::BTreeSet<_> = said.into_iter().flatten().collect();
        assert_eq!(said.len(), 4);
        assert!(
            said.iter()
                .any(|line| line.ends_with("it answered 1:15 ago"))
        );
        assert!(offline(&stopped).is_some_and(|line| line.contains("`lanyard up`")));
        assert_eq!(words(&State::Live, Some(&stopped), heard), None);
    }
}
