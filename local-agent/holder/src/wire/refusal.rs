//! The faults a holder names, and what they mean for the connection.

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The holder speaks another version; the sentence names it.
    Version,
    /// The message could not be understood or came out of turn.
    Malformed,
    /// Too many connections.
    TooMany,
    /// An input number further on than the next one.
    InputGap,
    /// The terminal has ended: no input, no resize.
    Ended,
    /// `forget` while the child runs.
    StillRunning,
    /// A size outside the bounds.
    SizeOutOfBounds,
    /// The connection did not read what it was sent.
    TooSlow,
}

impl Refusal {
    /// Whether the holder closes the connection after this.
    pub fn closes(self) -> bool {
        match self {
            Self::Version | Self::Malformed | Self::TooMany | Self::TooSlow => true,
            Self::InputGap | Self::Ended | Self::StillRunning | Self::SizeOutOfBounds => false,
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Malformed => 2,
            Self::TooMany => 3,
            Self::InputGap => 4,
            Self::Ended => 5,
            Self::StillRunning => 6,
            Self::SizeOutOfBounds => 7,
            Self::TooSlow => 8,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Version,
            2 => Self::Malformed,
            3 => Self::TooMany,
            4 => Self::InputGap,
            5 => Self::Ended,
            6 => Self::StillRunning,
            7 => Self::SizeOutOfBounds,
            8 => Self::TooSlow,
            _ => return None,
        })
    }
}
