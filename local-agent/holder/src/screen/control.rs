//! Modes that do something when they change, resets, buffers, charsets, titles.

use super::cell::Pen;
use super::grid;
use super::term::{Charsets, Cursor, Saved, Term, default_tabs};
use crate::limits::{TITLE_BYTES, TITLE_STACK};

impl Term {
    /// DECSET and DECRST.
    pub(super) fn set_private_mode(&mut self, number: u16, on: bool) {
        match (number, on) {
            (6, _) => self.set_origin(on),
            (47 | 1047, true) => self.show_alternate(),
            (47 | 1047, false) => self.show_primary(),
            (1048, true) => self.save_cursor(),
            (1048, false) => self.restore_cursor(),
            (1049, true) => {
                self.save_cursor();
                self.show_alternate();
            }
            (1049, false) => {
                self.show_primary();
                self.restore_cursor();
            }
            _ => self.modes.set_private(number, on),
        }
    }

    fn show_alternate(&mut self) {
        if self.alternate.is_none() {
            self.alternate = Some(grid::blank_rows(self.cols, self.rows, self.pen.erased()));
        }
    }

    fn show_primary(&mut self) {
        self.alternate = None;
        self.saved[1] = Saved::default();
    }

    /// RIS. The title stays, as on xterm.
    pub(super) fn reset(&mut self) {
        let title = std::mem::take(&mut self.title);
        *self = Self {
            title,
            title_is_new: self.title_is_new,
            ..Self::new(self.cols, self.rows)
        };
    }

    /// DECSTR.
    pub(super) fn soft_reset(&mut self) {
        self.modes.soft_reset();
        self.pen = Pen::default();
        self.charsets = Charsets::default();
        (self.top, self.bottom) = (0, self.rows - 1);
        self.saved[self.shown_index()] = Saved::default();
    }

    /// Puts a charset into one of four slots.
    pub(super) fn designate(&mut self, slot: usize, charset: u8) {
        self.charsets.drawing[slot] = charset == b'0';
    }

    pub(super) fn set_title(&mut self, title: &[u8]) {
        let mut clean = String::new();
        for ch in String::from_utf8_lossy(title)
            .chars()
            .filter(|ch| !ch.is_control())
        {
            if clean.len() + ch.len_utf8() > TITLE_BYTES {
                break;
            }
            clean.push(ch);
        }
        if clean != self.title {
            self.title = clean;
            self.title_is_new = true;
        }
    }

    pub(super) fn push_title(&mut self) {
        if self.titles.len() == TITLE_STACK {
            self.titles.remove(0);
        }
        self.titles.push(self.title.clone());
    }

    pub(super) fn pop_title(&mut self) {
        if let Some(title) = self.titles.pop() {
            self.set_title(title.as_bytes());
        }
    }

    /// Changes the size; see [`super::reflow`] for what becomes of the text.
    pub(super) fn resize(&mut self, cols: usize, rows: usize) {
        if (cols, rows) == (self.cols, self.rows) {
            return;
        }
        // While the alternate buffer is shown, the primary one's cursor is where it was saved.
        let hidden = self.alternate.is_some();
        let cursor = if hidden {
            self.saved[0].cursor
        } else {
            self.cursor
        };
        let at = self.reflow_primary(cols, rows, (cursor.row, cursor.col));
        let moved = Cursor {
            row: at.0,
            col: at.1,
            pending: false,
        };
        if let Some(alternate) = &mut self.alternate {
            alternate.iter_mut().for_each(|row| row.set_width(cols));
            let above = (self.cursor.row + 1).saturating_sub(rows);
            alternate.drain(..above);
            alternate.resize_with(rows, || grid::Row::blank(cols, Pen::default()));
            self.cursor.row -= above;
        }
        if cols > self.cols {
            let defaults = default_tabs(cols);
            self.tabs.extend_from_slice(&defaults[self.cols..]);
        } else {
            self.tabs.truncate(cols);
        }
        (self.cols, self.rows) = (cols, rows);
        (self.top, self.bottom) = (0, rows - 1);
        if hidden {
            self.saved[0].cursor = moved;
            self.cursor = self.clamp(self.cursor);
        } else {
            self.cursor = moved;
            self.saved[0].cursor = self.clamp(self.saved[0].cursor);
        }
        self.saved[1].cursor = self.clamp(self.saved[1].cursor);
    }
}
