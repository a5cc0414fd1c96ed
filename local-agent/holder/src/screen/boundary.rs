//! Where the last whole character or sequence ended. The parser knows but does not tell, so this follows the same states.

/// Follows the parser's states as far as needed to know when it is between sequences.
#[derive(Default)]
pub(super) struct Boundary {
    state: State,
    undecided: u64,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// Inside a character that still needs so many bytes.
    Utf8(u8),
    Escape,
    EscapeIntermediate,
    Csi,
    /// OSC: ends at BEL too.
    Osc,
    /// DCS, SOS, PM, APC, by the byte that began it.
    Text(u8),
}

impl Boundary {
    pub(super) fn undecided(&self) -> u64 {
        self.undecided
    }

    pub(super) fn open_string(&self) -> &'static [u8] {
        match self.state {
            State::Osc => b"\x1b]",
            State::Text(b'P') => b"\x1bP",
            State::Text(b'X') => b"\x1bX",
            State::Text(b'^') => b"\x1b^",
            State::Text(_) => b"\x1b_",
            State::Ground
            | State::Utf8(_)
            | State::Escape
            | State::EscapeIntermediate
            | State::Csi => b"",
        }
    }

    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Ground {
                at += pass_plain(&bytes[at..]);
                let Some(&byte) = bytes.get(at) else { return };
                self.begin(byte);
            } else {
                self.go_on(bytes[at]);
            }
            at += 1;
        }
    }

    fn begin(&mut self, byte: u8) {
        self.state = match byte {
            0x1b => State::Escape,
            0xc2..=0xdf => State::Utf8(1),
            0xe0..=0xef => State::Utf8(2),
            0xf0..=0xf4 => State::Utf8(3),
            _ => State::Ground,
        };
        self.undecided = u64::from(self.state != State::Ground);
    }

    fn go_on(&mut self, byte: u8) {
        self.undecided += 1;
        let next = match (self.state, byte) {
            (State::Utf8(1), 0x80..=0xbf) => State::Ground,
            (State::Utf8(left), 0x80..=0xbf) => State::Utf8(left - 1),
            // Not UTF-8 after all: this byte begins anew.
            (State::Utf8(_) | State::Ground, _) => return self.begin(byte),
            (_, 0x18 | 0x1a) => State::Ground,
            (State::Osc, 0x07) => State::Ground,
            (State::Osc | State::Text(_), 0x1b) | (_, 0x1b) => {
                // What was before is dropped or has taken effect.
                self.undecided = 1;
                State::Escape
            }
            // The parser, like xterm, ends a DCS at a C1 ST.
            (State::Text(b'P'), 0x9c) => State::Ground,
            (State::Osc | State::Text(_), _) => self.state,
            (State::Escape, b'[') => State::Csi,
            (State::Escape, b']') => State::Osc,
            (State::Escape, b'P' | b'X' | b'^' | b'_') => State::Text(byte),
            (State::Escape, 0x20..=0x2f) => State::EscapeIntermediate,
            (State::Escape | State::EscapeIntermediate, 0x30..=0x7e) => State::Ground,
            (State::Csi, 0x40..=0x7e) => State::Ground,
            (State::Escape | State::EscapeIntermediate | State::Csi, _) => self.state,
        };
        self.state = next;
        if next == State::Ground {
            self.undecided = 0;
        }
    }
}

/// How many bytes from the beginning are whole in themselves.
fn pass_plain(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| *byte == 0x1b || *byte >= 0xc2)
        .unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undecided(bytes: &[u8]) -> u64 {
        let mut boundary = Boundary::default();
        boundary.pass(bytes);
        boundary.undecided()
    }

    #[test]
    fn a_cut_inside_a_sequence_or_character_is_seen() {
        for (bytes, expected) in [
            (&b"plain\r\n"[..], 0),
            (b"a\x1b", 1),
            (b"a\x1b[3", 3),
            (b"a\x1b[31m", 0),
            (b"a\x1b]0;title", 9),
            (b"a\x1b]0;title\x07", 0),
            (b"a\x1b]0;title\x1b", 1),
            (b"a\x1b]0;title\x1b\\", 0),
            (b"a\x1bPq\x07\x1b[", 2),
            (b"\xe2\x82", 2),
            (b"\xe2\x82\xac", 0),
            (b"\xe2\x82A", 0),
            (b"\xe2\x1b", 1),
            (b"\xff\xfe", 0),
            (b"\x1b(", 2),
            (b"\x1b(0", 0),
            (b"\x1b[31\x18", 0),
        ] {
            assert_eq!(undecided(bytes), expected, "{}", bytes.escape_ascii());
            let mut one_by_one = Boundary::default();
            bytes.iter().for_each(|byte| one_by_one.pass(&[*byte]));
            assert_eq!(one_by_one.undecided(), expected, "{}", bytes.escape_ascii());
        }
    }
}
