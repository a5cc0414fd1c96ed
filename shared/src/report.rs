//! What a terminal says by itself: answers to a program's queries and notes about focus. No person is behind it.

/// True when `bytes` are nothing but answers and focus notes of a terminal (ECMA-48 control sequences and strings, as xterm sends them). A lone
/// key never is, but for F3 with a modifier, which looks like a cursor position.
#[must_use]
pub fn is_report(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        match one(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !bytes.is_empty()
}

/// Takes one report off the front.
fn one(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x1b, b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
            // Cursor position, device attributes, device status, window, modes, focus in and out.
            let answers = match rest[end] {
                b'R' | b'c' | b'n' | b't' | b'y' | b'x' => end > 0,
                b'I' | b'O' => end == 0,
                _ => false,
            };
            answers.then(|| &rest[end + 1..])
        }
        // Device control, operating system command and application command strings, up to their terminator.
        [0x1b, b'P' | b']' | b'_', rest @ ..] => {
            let bell = rest.iter().position(|byte| *byte == 0x07).map(|at| at + 1);
            let string = rest
                .windows(2)
                .position(|pair| pair == b"\x1b\\")
                .map(|at| at + 2);
            let end = bell.into_iter().chain(string).min()?;
            Some(&rest[end..])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_reports_and_keys_are_not() {
        let reports: [&[u8]; 7] = [
            b"\x1b[24;80R",
            b"\x1b[?1;2c",
            b"\x1b[0n",
            b"\x1b[I",
            b"\x1b[O\x1b[I",
            b"\x1b]11;rgb:0/0/0\x07",
            b"\x1bP1$r0m\x1b\\",
        ];
        for bytes in reports {
            assert!(is_report(bytes), "{}", bytes.escape_ascii());
        }
        let keys: [&[u8]; 9] = [
            b"",
            b"a",
            b"\x1b",
            b"\x1b[A",
            b"\x1bOP",
            b"\x1b[<0;1;1M",
            b"\x1b[24;80Rx",
            b"\x1b[200~x\x1b[201~",
            b"\r",
        ];
        for bytes in keys {
            assert!(!is_report(bytes), "{}", bytes.escape_ascii());
        }
    }
}
