//! For how long a machine has been away, as its relay says: at the end of a close's sentence, like when to come back.
//!
//! A span and no instant, so that it takes no clock to read it. The relay's word, which decides nothing: it is shown as such.

use crate::again::millis_after;
use crate::close::CloseCode;
use crate::frame::Close;
use std::time::Duration;

const BEFORE: &str = "; for ";

impl Close {
    /// The end for this reason, which has held for so long.
    #[must_use]
    pub fn for_so_long(code: CloseCode, span: Duration) -> Self {
        // Longer than seven weeks is long.
        let millis = u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        let sentence = format!("{code}{BEFORE}{millis} ms");
        Self {
            code: Some(code),
            sentence,
        }
    }

    /// For how long the reason has held, if it says so.
    #[must_use]
    pub fn has_held(&self) -> Option<Duration> {
        millis_after(&self.sentence, BEFORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SENTENCE_MAX;

    #[test]
    fn what_was_said_is_understood_and_fits_whatever_the_reason() {
        for code in CloseCode::ALL {
            for span in [0, 90_000, u64::from(u32::MAX)].map(Duration::from_millis) {
                let close = Close::for_so_long(*code, span);
                assert!(close.sentence.len() <= SENTENCE_MAX, "{code:?}");
                assert_eq!((close.has_held(), close.again()), (Some(span), None));
            }
            assert_eq!(Close::from(*code).has_held(), None);
            assert_eq!(Close::again_in(*code, Duration::ZERO).has_held(), None);
        }
    }

    #[test]
    fn what_has_held_for_longer_than_can_be_said_has_held_for_long() {
        let close = Close::for_so_long(CloseCode::AgentSilent, Duration::MAX);
        let most = Duration::from_millis(u32::MAX.into());
        assert_eq!(close.has_held(), Some(most));
    }
}
