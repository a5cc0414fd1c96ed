//! Times and reasons in a person's words.

use crate::msg::Scope;
use crate::token::Renewal;
use std::time::Duration;

/// A span as a person reads it at a glance: `3:12`, `2 h 05 min`, `29 d`.
#[must_use]
pub fn in_short(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    if hours == 0 {
        format!("{minutes}:{:02}", seconds % 60)
    } else if hours < 48 {
        format!("{hours} h {:02} min", minutes % 60)
    } else {
        format!("{} d", hours / 24)
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
        assert_eq!(short(3599), "59:59");
        assert_eq!(short(3600), "1 h 00 min");
        assert_eq!(short(7559), "2 h 05 min");
        assert_eq!(short(48 * 3600), "2 d");
    }
}
