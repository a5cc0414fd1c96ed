//! Gives the parser whole characters only: `vte` 0.15 loses what follows a character that came in two parts.

use super::term::Term;

/// Keeps the beginning of a character until its end has come.
#[derive(Default)]
pub(super) struct Whole {
    begun: [u8; 4],
    len: usize,
}

impl Whole {
    /// Adds what completes the character kept, and returns the bytes after it.
    pub(super) fn complete<'a>(
        &mut self,
        parser: &mut vte::Parser,
        term: &mut Term,
        bytes: &'a [u8],
    ) -> &'a [u8] {
        if self.len == 0 {
            return bytes;
        }
        let wanted = missing(&self.begun[..self.len]);
        let has = bytes
            .iter()
            .take(wanted)
            .take_while(|byte| is_continuation(**byte))
            .count();
        self.begun[self.len..self.len + has].copy_from_slice(&bytes[..has]);
        self.len += has;
        // One that goes on as something else is given up, and the parser sees that it was none.
        if has == wanted || has < bytes.len() {
            parser.advance(term, &self.begun[..self.len]);
            self.len = 0;
        }
        &bytes[has..]
    }

    /// Hands bytes to the parser, but for a character begun at their end.
    pub(super) fn pass(&mut self, parser: &mut vte::Parser, term: &mut Term, bytes: &[u8]) {
        let (whole, begun) = bytes.split_at(bytes.len() - unfinished(bytes));
        parser.advance(term, whole);
        self.begun[..begun.len()].copy_from_slice(begun);
        self.len = begun.len();
    }
}

/// How many bytes at the end begin a character that is not complete.
pub(super) fn unfinished(bytes: &[u8]) -> usize {
    let tail = bytes
        .iter()
        .rev()
        .take(3)
        .take_while(|byte| is_continuation(**byte))
        .count();
    let begun = bytes.len().saturating_sub(tail + 1);
    if bytes.len() > tail && missing(&bytes[begun..]) > 0 {
        tail + 1
    } else {
        0
    }
}

/// How many bytes a character that begins like this still needs.
fn missing(begun: &[u8]) -> usize {
    let length = match begun.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) | None => 1,
    };
    usize::saturating_sub(length, begun.len())
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
