//! Passing over output that cannot be seen any more by the time it has been shown.
//!
//! A flood of plain lines only matters in its last screenful and the lines kept above it. What comes before them, if it is nothing
//! but plain text and line ends, changes nothing that they do not change again. So `cat` of a large file costs the screen almost nothing.

use super::term::Term;
use crate::limits::SCROLLBACK_LINES;

/// Less than this many bytes are not worth a look.
const WORTH_IT: usize = 128 * 1024;

/// How many bytes from the beginning may be left out. Leaves the cursor at the beginning of a row then.
pub(super) fn skip(term: &mut Term, first: &[u8], second: &[u8]) -> usize {
    // With margins or without autowrap, text may stay on the screen however much follows.
    let scrolls = term.top == 0 && term.bottom == term.rows - 1 && term.modes.autowrap;
    if first.len() + second.len() < WORTH_IT || !scrolls {
        return 0;
    }
    let plain_first = plain(first);
    let plain_second = if plain_first == first.len() {
        plain(second)
    } else {
        0
    };
    let at = |index: usize| {
        if index < first.len() {
            first[index]
        } else {
            second[index - first.len()]
        }
    };
    let mut needed = 2 * term.rows + SCROLLBACK_LINES;
    for index in (1..plain_first + plain_second).rev() {
        if at(index) != b'\n' {
            continue;
        }
        if needed > 0 {
            needed -= 1;
        } else if at(index - 1) == b'\r' {
            term.go_to_col(0);
            return index + 1;
        }
    }
    0
}

/// How many bytes from the beginning are printable ASCII, tabs and line ends.
fn plain(bytes: &[u8]) -> usize {
    // In lanes, so that the check runs at the speed of memory.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let mut whole = 0;
    for lane in bytes.chunks(64) {
        if !lane.iter().fold(true, |all, byte| all & is_plain(byte)) {
            return whole
                + lane
                    .iter()
                    .position(|byte| !is_plain(byte))
                    .unwrap_or(lane.len());
        }
        whole += lane.len();
    }
    whole
}
