//! The state of a terminal, and printing into it.

use unicode_width::UnicodeWidthChar;

use super::cell::{Cell, Pen, Span};
use super::grid::{self, Rows};
use super::mode::Modes;
use super::render;
use super::scrollback::Scrollback;

/// Everything a terminal remembers. Operations are in the sibling modules by kind: [`super::cursor`], [`super::edit`], [`super::control`].
pub(super) struct Term {
    pub(super) cols: usize,
    pub(super) rows: usize,
    pub(super) primary: Rows,
    /// There only while it is shown: programs get a blank one each time.
    pub(super) alternate: Option<Rows>,
    pub(super) scrollback: Scrollback,
    pub(super) cursor: Cursor,
    pub(super) pen: Pen,
    pub(super) charsets: Charsets,
    /// Per buffer: primary, alternate.
    pub(super) saved: [Saved; 2],
    /// First row of the scroll region.
    pub(super) top: usize,
    /// Last row of the scroll region.
    pub(super) bottom: usize,
    pub(super) modes: Modes,
    pub(super) tabs: Vec<bool>,
    pub(super) title: String,
    pub(super) title_is_new: bool,
    pub(super) titles: Vec<String>,
}

/// Where the next character goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    pub(super) row: usize,
    /// Below the number of columns.
    pub(super) col: usize,
    /// The last column has been printed: the next character goes to the next row first.
    pub(super) pending: bool,
}

/// Which of four charsets draw lines, and which one is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Charsets {
    pub(super) drawing: [bool; 4],
    pub(super) active: u8,
}

/// What DECSC keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Saved {
    pub(super) cursor: Cursor,
    pub(super) pen: Pen,
    pub(super) charsets: Charsets,
    pub(super) origin: bool,
}

impl Term {
    pub(super) fn new(cols: usize, rows: usize) -> Self {
        Self {
            cols,
            rows,
            primary: grid::blank_rows(cols, rows, Pen::default()),
            alternate: None,
            scrollback: Scrollback::default(),
            cursor: Cursor::default(),
            pen: Pen::default(),
            charsets: Charsets::default(),
            saved: [Saved::default(); 2],
            top: 0,
            bottom: rows - 1,
            modes: Modes::default(),
            tabs: default_tabs(cols),
            title: String::new(),
            title_is_new: false,
            titles: Vec::new(),
        }
    }

    /// The buffer that is shown.
    pub(super) fn shown(&self) -> &Rows {
        self.alternate.as_ref().unwrap_or(&self.primary)
    }

    #[inline]
    pub(super) fn shown_mut(&mut self) -> &mut Rows {
        self.alternate.as_mut().unwrap_or(&mut self.primary)
    }

    /// Index into `saved` for the buffer that is shown.
    pub(super) fn shown_index(&self) -> usize {
        usize::from(self.alternate.is_some())
    }

    #[inline]
    pub(super) fn put(&mut self, ch: char) {
        let plain = matches!(ch, ' '..='~') && !self.cursor.pending && !self.modes.insert;
        if plain && self.charsets == Charsets::default() && self.cursor.col + 1 < self.cols {
            let (Cursor { row, col, .. }, pen) = (self.cursor, self.pen);
            let cell = &mut self.shown_mut()[row].cells[col];
            if cell.span == Span::One {
                cell.set(ch, Span::One, pen);
                self.cursor.col = col + 1;
                return;
            }
        }
        self.put_any(ch);
    }

    /// Printing in all its generality; [`Term::put`] has the case that almost always holds.
    fn put_any(&mut self, ch: char) {
        let ch = if self.charsets.drawing[usize::from(self.charsets.active)] {
            drawn(ch)
        } else {
            ch
        };
        let width = if ch < '\u{7f}' {
            1
        } else {
            ch.width().unwrap_or(0)
        };
        match width {
            0 => self.put_mark(ch),
            1 => self.put_wide(ch, 1),
            _ => self.put_wide(ch, 2),
        }
    }

    #[inline]
    fn put_wide(&mut self, ch: char, width: usize) {
        if width > self.cols {
            return;
        }
        if self.cursor.pending || self.cursor.col + width > self.cols {
            if self.modes.autowrap {
                let row = self.cursor.row;
                self.shown_mut()[row].wrapped = true;
                self.line_feed();
                self.cursor.col = 0;
            } else if width == 2 && !self.cursor.pending {
                // A wide character that does not fit is not shown.
                return;
            } else {
                self.cursor.col = self.cols - width;
            }
            self.cursor.pending = false;
        }
        let Cursor { row, col, .. } = self.cursor;
        let (pen, insert, cols) = (self.pen, self.modes.insert, self.cols);
        let row = &mut self.shown_mut()[row];
        if insert {
            row.insert(col, width, pen.erased());
        }
        if row.cells[col].span != Span::One || width == 2 {
            row.split_wide(col, pen.erased());
            row.split_wide(col + width, pen.erased());
        }
        if width == 2 {
            row.cells[col].set(ch, Span::Head, pen);
            row.cells[col + 1].set(' ', Span::Tail, pen);
        } else {
            row.cells[col].set(ch, Span::One, pen);
        }
        if col + width < cols {
            self.cursor.col = col + width;
        } else {
            self.cursor.col = cols - 1;
            self.cursor.pending = true;
        }
    }

    fn put_mark(&mut self, mark: char) {
        if let Some(col) = self.col_before() {
            let row = self.cursor.row;
            self.shown_mut()[row].cells[col].add_mark(mark);
        }
    }

    /// Prints the character before the cursor again.
    pub(super) fn repeat(&mut self, count: usize) {
        let Some(col) = self.col_before() else { return };
        let Cell { ch, span, .. } = self.shown()[self.cursor.row].cells[col];
        let width = if span == Span::Head { 2 } else { 1 };
        // Once the screen is full of it, a whole row more changes nothing.
        let (full, in_a_row) = (self.cols * self.rows, (self.cols / width).max(1));
        let count = match count.checked_sub(full) {
            Some(more) => full + more % in_a_row,
            None => count,
        };
        for _ in 0..count {
            self.put_wide(ch, width);
        }
    }

    /// The column of the character before the cursor, in the same row.
    fn col_before(&self) -> Option<usize> {
        let col = if self.cursor.pending {
            self.cursor.col
        } else {
            self.cursor.col.checked_sub(1)?
        };
        let is_tail = self.shown()[self.cursor.row].cells[col].span == Span::Tail;
        Some(if is_tail { col - 1 } else { col })
    }

    /// To the next row; at the bottom of the region the region scrolls.
    pub(super) fn line_feed(&mut self) {
        self.cursor.pending = false;
        if self.cursor.row == self.bottom {
            if self.alternate.is_none() && self.top == 0 {
                let goes_on = render::goes_on(&self.primary, 0);
                self.scrollback.push(&self.primary[0], goes_on);
            }
            self.scroll_up(1);
        } else if self.cursor.row + 1 < self.rows {
            self.cursor.row += 1;
        }
    }

    /// To the row above; at the top of the region the region scrolls.
    pub(super) fn reverse_line_feed(&mut self) {
        self.cursor.pending = false;
        if self.cursor.row == self.top {
            self.scroll_down(1);
        } else {
            self.cursor.row = self.cursor.row.saturating_sub(1);
        }
    }

    pub(super) fn scroll_up(&mut self, count: usize) {
        let (range, pen) = (self.top..self.bottom + 1, self.pen.erased());
        // A line that wraps out of the bottom row goes on in the blank one that comes in.
        let wraps =
            self.cursor.row == self.bottom && self.shown()[self.bottom].wrapped && count == 1;
        let bottom = self.bottom;
        let rows = self.shown_mut();
        grid::scroll_up(rows, range, count, pen);
        if wraps && bottom > 0 {
            rows[bottom - 1].wrapped = true;
        }
    }

    pub(super) fn scroll_down(&mut self, count: usize) {
        let (range, pen) = (self.top..self.bottom + 1, self.pen.erased());
        grid::scroll_down(self.shown_mut(), range, count, pen);
    }
}

/// A stop every eight columns.
pub(super) fn default_tabs(cols: usize) -> Vec<bool> {
    (0..cols).map(|col| col > 0 && col % 8 == 0).collect()
}

/// The DEC line drawing set.
fn drawn(ch: char) -> char {
    const DRAWN: [char; 32] = [
        ' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻',
        '─', '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
    ];
    match ch {
        '_'..='~' => DRAWN[ch as usize - '_' as usize],
        other => other,
    }
}
