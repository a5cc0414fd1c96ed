//! The identifier of a terminal: 16 bytes, written as 32 lower-case hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names one terminal and its directory. Chosen by whoever starts the holder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TerminalId(pub [u8; 16]);

/// The text is not 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a terminal id is 32 lower-case hex digits")]
pub struct NotATerminalId;

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TerminalId({self})")
    }
}

impl FromStr for TerminalId {
    type Err = NotATerminalId;

    fn from_str(text: &str) -> Result<Self, NotATerminalId> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotATerminalId),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 16 || !rest.is_empty() {
            return Err(NotATerminalId);
        }
        let mut id = [0; 16];
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(id))
    }
}

impl From<TerminalId> for String {
    fn from(id: TerminalId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TerminalId {
    type Error = NotATerminalId;

    fn try_from(text: String) -> Result<Self, NotATerminalId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_wrote_and_nothing_else() {
        let id = TerminalId([0xa7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "a7",
            &"A7".repeat(16),
            &"g0".repeat(16),
            &"a7".repeat(17),
            "../../../../../../../../etc/pass",
        ] {
            assert_eq!(bad.parse::<TerminalId>(), Err(NotATerminalId), "{bad}");
        }
    }
}
