//! Times and reasons in a person's words.

use crate::msg::Scope;
use crate::token::Renewal;
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A span as a person reads it at a glance: `3:12`, `2 h 05 min`, `29 d`.
#[must_use]
pub fn in_short(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < HOUR {
        format!("{}:{:02}", seconds / MINUTE, seconds % MINUTE)
    } else if seconds < 2 * DAY {
        format!("{} h {:02} min", seconds / HOUR, seconds % HOUR / MINUTE)
    } else {
        format!("{} d", seconds / DAY)
    }
}

/// What keeps a purpose's tokens alive.
#[must_use]
pub const fn kept_by(purpose: Scope) -> &'static str {
    match purpose.kind().renewal() {
        Renewal::Sliding => "its device being seen",
        Renewal::WhileAttached => "being watched",
        Renewal::OnUse => "being used",
        Renewal::WhilePresent => "keys pressed",
        Renewal::Never => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_at_a_glance() {
        let short = |seconds| in_short(Duration::from_secs(seconds));
        assert_eq!(short(0), "0:00");
        assert_eq!(short(192), "3:12");
        assert_eq!(short(HOUR - 1), "59:59");
        assert_eq!(short(HOUR), "1 h 00 min");
        assert_eq!(short(2 * HOUR + 5 * MINUTE + 59), "2 h 05 min");
        assert_eq!(short(2 * DAY), "2 d");
    }
}
