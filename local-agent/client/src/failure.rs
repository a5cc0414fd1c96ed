//! What a person is told when something does not go on: a code for programs, a sentence, a hint.

use crate::limits::FAILURE_TEXT_MAX;
use lanyard_dial::DialError;
use lanyard_shared::access::in_short;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Close;
use lanyard_shared::msg::Reason;
use std::fmt;
use std::time::Duration;

/// Why something ended or was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: Option<CloseCode>,
    sentence: String,
    hint: String,
    lasting: bool,
}

impl Failure {
    /// A failure on this side, not named by the protocol. It lasts.
    #[must_use]
    pub fn local(sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: None,
            sentence: sentence.into(),
            hint: hint.into(),
            lasting: true,
        }
    }

    /// The code, if the protocol has one for it.
    #[must_use]
    pub fn code(&self) -> Option<CloseCode> {
        self.code
    }

    /// What happened: a plain sentence without a full stop. Holds no control characters.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// What the person can do about it; may be empty.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// True when trying again cannot help by itself.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// The same, with for how long the relay says it has been so.
    fn held(self, code: CloseCode, held: Option<Duration>) -> Self {
        let since = match (code, held) {
            (CloseCode::AgentStopped | CloseCode::AgentLost, Some(held)) => {
                format!(", {} ago", in_short(held))
            }
            (CloseCode::AgentSilent | CloseCode::AgentOffline, Some(held)) => {
                format!(", for {}", in_short(held))
            }
            (_, _) => String::new(),
        };
        Self {
            sentence: self.sentence + &since,
            ..self
        }
    }

    pub(crate) fn with_hint(self, hint: &str) -> Self {
        Self {
            hint: hint.to_owned(),
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

impl From<CloseCode> for Failure {
    fn from(code: CloseCode) -> Self {
        Self {
            code: Some(code),
            sentence: code.sentence().to_owned(),
            hint: code.hint().to_owned(),
            lasting: lasts(code),
        }
    }
}

/// For a close that is not sealed: anybody on the way can have written its sentence, so the words of a known code are ours.
impl From<&Close> for Failure {
    fn from(close: &Close) -> Self {
        match close.code {
            Some(code) => Self::from(code).held(code, close.has_held()),
            None => Self {
                code: None,
                sentence: clean(&close.sentence),
                hint: String::new(),
                lasting: false,
            },
        }
    }
}

/// The machine's own words.
impl From<&Reason> for Failure {
    fn from(reason: &Reason) -> Self {
        let code = CloseCode::ALL
            .iter()
            .find(|code| code.name() == reason.code)
            .copied();
        Self {
            code,
            sentence: clean(&reason.sentence),
            hint: clean(&reason.hint),
            lasting: code.is_some_and(lasts),
        }
    }
}

impl From<&DialError> for Failure {
    fn from(error: &DialError) -> Self {
        Self {
            code: None,
            sentence: clean(&error.to_string()),
            hint: error.hint().to_owned(),
            lasting: error.is_lasting(),
        }
    }
}

/// Text of somebody else, fit for a terminal: without control characters and not too long.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(FAILURE_TEXT_MAX)
        .collect()
}

fn lasts(code: CloseCode) -> bool {
    match code {
        CloseCode::Revoked
        | CloseCode::TerminalGone
        | CloseCode::NotGranted
        | CloseCode::Version
        | CloseCode::ProofRefused
        | CloseCode::WrongHost
        | CloseCode::UnknownAgent
        | CloseCode::ClockSkew
        | CloseCode::EnrolRefused
        | CloseCode::PairUnknown
        | CloseCode::PairUsed
        | CloseCode::PairExpired
        | CloseCode::PairDenied
        | CloseCode::HandshakeFailed
        | CloseCode::SealBroken
        | CloseCode::UnknownDevice
        | CloseCode::NotOffered
        | CloseCode::NotYours
        | CloseCode::NotRenewed
        | CloseCode::ShareEnded
        | CloseCode::TokenEnded
        | CloseCode::KeyRetired
        | CloseCode::ApprovalUnknown
        | CloseCode::KeysOverlap
        | CloseCode::Suspended => true,
        CloseCode::Done
        | CloseCode::ViewerGone
        | CloseCode::AgentGone
        | CloseCode::AgentOffline
        | CloseCode::AgentClock
        | CloseCode::AgentStopped
        | CloseCode::AgentLost
        | CloseCode::AgentSilent
        | CloseCode::Replaced
        | CloseCode::GoingAway
        | CloseCode::Lapsed
        | CloseCode::Busy
        | CloseCode::ClockBehind
        | CloseCode::Locked
        | CloseCode::KeysChanged
        | CloseCode::Malformed
        | CloseCode::TooLarge
        | CloseCode::UnknownKind
        | CloseCode::UnexpectedFrame
        | CloseCode::UnknownStream
        | CloseCode::StreamReused
        | CloseCode::CreditExceeded
        | CloseCode::TooManyStreams
        | CloseCode::HandshakeTimeout
        | CloseCode::UnprovenBytes
        | CloseCode::ProofExpired
        | CloseCode::Silent
        | CloseCode::TokenRefused
        | CloseCode::TokenUsed
        | CloseCode::BadMessage
        | CloseCode::InputGap
        | CloseCode::Cut
        | CloseCode::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_cannot_drive_the_terminal_that_shows_them() {
        let close = Close {
            code: None,
            sentence: "\x1b]0;owned\x07 hello".to_owned(),
        };
        assert_eq!(Failure::from(&close).sentence(), " ]0;owned  hello");
    }

    #[test]
    fn a_machine_that_is_away_is_said_to_be_so_since_when() {
        let said =
            |code, seconds| Failure::from(&Close::for_so_long(code, Duration::from_secs(seconds)));
        let asleep = said(CloseCode::AgentSilent, 90);
        assert_eq!(
            asleep.sentence(),
            "the machine is asleep or has no network, for 1:30"
        );
        let stopped = said(CloseCode::AgentStopped, 7500);
        assert!(stopped.sentence().ends_with(", 2 h 05 min ago"));
        assert_eq!(stopped.code(), Some(CloseCode::AgentStopped));
        assert!(!stopped.is_lasting());
        assert_eq!(said(CloseCode::Busy, 90), CloseCode::Busy.into());
    }

    #[test]
    fn an_unsealed_close_says_our_words_for_its_code() {
        let close = Close {
            code: Some(CloseCode::Cut),
            sentence: "call 555-1234 for help".to_owned(),
        };
        assert_eq!(Failure::from(&close).sentence(), CloseCode::Cut.sentence());
    }
}
