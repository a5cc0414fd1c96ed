//! Passing over output that cannot be seen any more by the time it has been shown.
//!
//! A flood of plain lines only matters in its last screenful and the lines kept above it. What comes before them, if it is nothing
//! but plain text and line ends, changes nothing that they do not change again. So `cat` of a large file costs the screen almost nothing.

use super::term::Term;
use crate::limits::{SCROLLBACK_LINES, SKIP_WORTH_IT};

/// How many bytes from the beginning may be left out. The cursor is then in the column where they would have left it; its row does not
/// matter, for enough lines follow to take it to the bottom.
pub(super) fn skip(term: &mut Term, first: &[u8], second: &[u8]) -> usize {
    // With margins or without autowrap, text may stay on the screen however much follows.
    let scrolls = term.top == 0 && term.bottom == term.rows - 1 && term.modes.autowrap;
    if first.len() + second.len() < SKIP_WORTH_IT || !scrolls {
        return 0;
    }
    let plain_first = plain(first);
    let plain_second = if plain_first == first.len() {
        plain(second)
    } else {
        0
    };
    let (first, second) = (&first[..plain_first], &second[..plain_second]);
    let kept = 2 * term.rows + SCROLLBACK_LINES;
    let ends = line_ends(second)
        .map(|end| (end, first.len()))
        .chain(line_ends(first).map(|end| (end, 0)));
    let Some(skipped) = ends.map(|(end, before)| before + end + 1).nth(kept) else {
        return 0;
    };
    let in_first = skipped.min(first.len());
    for part in [&first[..in_first], &second[..skipped - in_first]] {
        follow_column(term, part);
    }
    skipped
}

/// Where line feeds are, the last one first.
fn line_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at)
}

/// Moves the cursor's column as plain text would.
fn follow_column(term: &mut Term, bytes: &[u8]) {
    // Nothing before a carriage return matters.
    let start = bytes.iter().rposition(|byte| *byte == b'\r').unwrap_or(0);
    for byte in &bytes[start..] {
        match byte {
            b'\r' => term.go_to_col(0),
            b'\n' if term.modes.new_line => term.go_to_col(0),
            b'\n' => term.cursor.pending = false,
            b'\t' => term.tab(1),
            _ => {
                let next = if term.cursor.pending {
                    1
                } else {
                    term.cursor.col + 1
                };
                term.cursor.pending = next == term.cols;
                term.cursor.col = next.min(term.cols - 1);
            }
        }
    }
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
