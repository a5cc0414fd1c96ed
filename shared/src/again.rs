//! When to come back: at the end of a close's sentence, where a program finds it and a person understands it.
//!
//! A hint and no more: anybody on the way can have written it, so who reads it has a bound of its own.

use crate::close::CloseCode;
use crate::frame::Close;
use std::time::Duration;

const BEFORE: &str = "; again in ";
const AFTER: &str = " ms";

impl Close {
    /// The end for this reason, and when the peer is to come back.
    #[must_use]
    pub fn again_in(code: CloseCode, wait: Duration) -> Self {
        let sentence = format!("{code}{BEFORE}{}{AFTER}", wait.as_millis());
        Self {
            code: Some(code),
            sentence,
        }
    }

    /// When to come back, if it says so.
    #[must_use]
    pub fn again(&self) -> Option<Duration> {
        millis_after(&self.sentence, BEFORE)
    }
}

/// The milliseconds that a sentence ends with, if these words stand before them.
pub(crate) fn millis_after(sentence: &str, before: &str) -> Option<Duration> {
    let (_, wait) = sentence.rsplit_once(before)?;
    let digits = wait.strip_suffix(AFTER)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let millis: u32 = digits.parse().ok().filter(|_| plain)?;
    Some(Duration::from_millis(millis.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SENTENCE_MAX;

    #[test]
    fn what_was_said_is_understood_and_fits_whatever_the_reason() {
        for code in CloseCode::ALL {
            let wait = Duration::from_millis(u32::MAX.into());
            let close = Close::again_in(*code, wait);
            assert!(close.sentence.len() <= SENTENCE_MAX, "{code:?}");
            assert_eq!(close.again(), Some(wait));
            assert_eq!(Close::from(*code).again(), None);
        }
    }

    #[test]
    fn what_is_no_number_of_milliseconds_says_nothing() {
        for sentence in [
            "",
            "; again in ",
            "; again in  ms",
            "; again in -1 ms",
            "; again in +1 ms",
            "; again in 1 s",
            "; again in 4294967296 ms",
            "; again in 1 ms, or later",
        ] {
            let sentence = sentence.to_owned();
            assert_eq!(
                Close {
                    code: None,
                    sentence
                }
                .again(),
                None
            );
        }
    }
}
