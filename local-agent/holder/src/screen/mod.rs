//! What the terminal shows, kept so that a viewer who comes late sees what a local terminal would show.
//!
//! # Why our own, on the `vte` parser
//!
//! `vt100` 0.18 and `avt` 0.19 were read for what they keep. `vt100` drops line-drawing charsets (so frames become letters), autowrap and insert modes, tab stops, focus and 1015 mouse modes, strike-through, blinking and underline styles.
//! `avt` gives a combining character a cell of its own (so a line with one is shifted), knows no mouse, paste, focus or keypad modes, no
//! cursor style and no title.
//! Keeping all that beside either would be most of an emulator, tied to the inside of another; vim, htop, less and tmux use nearly all of it. So the parser is the library (`vte`, the one
//! of alacritty), the screen is this module, and the tests hold it against `avt`, cell by cell, on those four programs and on generated streams. Where terminals differ it does as xterm.js does.
//!
//! # What a snapshot is
//!
//! Escape sequences that bring a freshly reset terminal of the same size to the state of this screen: up to
//! [`limits::SCROLLBACK_LINES`] lines above, both buffers, cursor, saved cursors, pen, charsets, margins, tab stops, input and screen
//! modes, cursor style, title. Soft-wrapped lines stay soft, so a viewer's own reflow works on them.
//! Not kept: images, hyperlinks, palette changes, clipboard writes, kitty keyboard flags.
//!
//! A snapshot holds nothing that makes a terminal answer (no DA, DSR, DECRQM, OSC queries). Output replayed from the ring is exact,
//! queries included: see [`crate::wire`] for who drops the answers.

mod boundary;
mod cell;
mod control;
mod cursor;
mod edit;
mod grid;
mod mode;
mod perform;
mod reflow;
mod render;
mod scrollback;
mod sgr;
mod skip;
mod snapshot;
mod term;
mod whole;

#[cfg(test)]
mod tests;

use crate::limits;
use boundary::Boundary;
use term::Term;
use whole::Whole;

/// The state of one terminal. Fed with any bytes; never fails, never panics, never grows beyond [`crate::limits`].
pub struct Screen {
    parser: vte::Parser,
    whole: Whole,
    boundary: Boundary,
    term: Term,
    title_is_new: bool,
}

impl Screen {
    /// A freshly reset screen. Sizes below 1 are taken as 1.
    pub fn new(cols: u16, rows: u16) -> Self {
        Self {
            parser: vte::Parser::new(),
            whole: Whole::default(),
            boundary: Boundary::default(),
            term: Term::new(usize::from(cols.max(1)), usize::from(rows.max(1))),
            title_is_new: false,
        }
    }

    /// Shows output, which may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = self.whole.complete(&mut self.parser, &mut self.term, bytes);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(limits::PART_BYTES));
            let cut = if after.is_empty() {
                part.len()
            } else {
                part.len() - whole::unfinished(part)
            };
            self.whole
                .pass(&mut self.parser, &mut self.term, &rest[..cut]);
            rest = &rest[cut..];
        }
        self.boundary.pass(bytes);
        self.title_is_new |= std::mem::take(&mut self.term.title_is_new);
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.term.cols as u16, self.term.rows as u16)
    }

    /// Changes the size. Soft-wrapped lines of the primary buffer are wrapped anew; the alternate buffer is cut or filled up.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.term
            .resize(usize::from(cols.max(1)), usize::from(rows.max(1)));
    }

    /// Window title: no control characters, at most [`crate::limits::TITLE_BYTES`].
    pub fn title(&self) -> &str {
        &self.term.title
    }

    /// The title, if it was set since the last call.
    pub fn take_new_title(&mut self) -> Option<String> {
        std::mem::take(&mut self.title_is_new).then(|| self.term.title.clone())
    }

    /// How many of the last bytes fed belong to a character or sequence that has not ended. A snapshot shows what came before them.
    pub fn undecided(&self) -> u64 {
        self.boundary.undecided()
    }

    /// See the module. Covers all but the [`Screen::undecided`] bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::snapshot(&self.term)
    }

    /// Begins a string like the one this screen is inside of, for when its real beginning is gone.
    pub fn open_string(&self) -> &'static [u8] {
        self.boundary.open_string()
    }

    /// Looks at output that is waiting in two parts. If its beginning will scroll away without a trace, passes over it and returns how
    /// many bytes that was; they must not be fed then.
    pub fn skip_what_scrolls_away(&mut self, first: &[u8], second: &[u8]) -> usize {
        if self.boundary.undecided() > 0 {
            0
        } else {
            skip::skip(&mut self.term, first, second)
        }
    }
}
