//! Moving the cursor, saving it, tab stops.

use super::term::{Cursor, Saved, Term};

impl Term {
    /// To a row and column from 0, counted from the top of the region in origin mode.
    pub(super) fn go_to(&mut self, row: usize, col: usize) {
        self.go_to_row(row);
        self.cursor.col = col.min(self.cols - 1);
    }

    pub(super) fn go_to_row(&mut self, row: usize) {
        let (first, last) = if self.modes.origin {
            (self.top, self.bottom)
        } else {
            (0, self.rows - 1)
        };
        self.cursor.row = first.saturating_add(row).min(last);
        self.cursor.pending = false;
    }

    pub(super) fn go_to_col(&mut self, col: usize) {
        self.cursor.col = col.min(self.cols - 1);
        self.cursor.pending = false;
    }

    /// Up, not out of the region.
    pub(super) fn up(&mut self, count: usize) {
        let first = if self.cursor.row >= self.top {
            self.top
        } else {
            0
        };
        self.cursor.row = self.cursor.row.saturating_sub(count).max(first);
        self.cursor.pending = false;
    }

    /// Down, not out of the region.
    pub(super) fn down(&mut self, count: usize) {
        let last = if self.cursor.row <= self.bottom {
            self.bottom
        } else {
            self.rows - 1
        };
        self.cursor.row = self.cursor.row.saturating_add(count).min(last);
        self.cursor.pending = false;
    }

    pub(super) fn left(&mut self, count: usize) {
        self.go_to_col(self.cursor.col.saturating_sub(count));
    }

    pub(super) fn right(&mut self, count: usize) {
        self.go_to_col(self.cursor.col.saturating_add(count));
    }

    pub(super) fn tab(&mut self, count: usize) {
        if self.cursor.pending {
            return;
        }
        let stops = (self.cursor.col + 1..self.cols).filter(|col| self.tabs[*col]);
        self.cursor.col = stops
            .take(count)
            .enumerate()
            .last()
            .filter(|(at, _)| at + 1 == count)
            .map_or(self.cols - 1, |(_, col)| col);
    }

    pub(super) fn back_tab(&mut self, count: usize) {
        let stops = (0..self.cursor.col).rev().filter(|col| self.tabs[*col]);
        let col = stops
            .take(count)
            .enumerate()
            .last()
            .filter(|(at, _)| at + 1 == count)
            .map_or(0, |(_, col)| col);
        self.go_to_col(col);
    }

    pub(super) fn set_region(&mut self, top: usize, bottom: usize) {
        let bottom = bottom.min(self.rows - 1);
        if top < bottom {
            (self.top, self.bottom) = (top, bottom);
            self.go_to(0, 0);
        }
    }

    pub(super) fn set_origin(&mut self, on: bool) {
        self.modes.origin = on;
        self.go_to(0, 0);
    }

    pub(super) fn save_cursor(&mut self) {
        let saved = Saved {
            cursor: self.cursor,
            pen: self.pen,
            charsets: self.charsets,
            origin: self.modes.origin,
        };
        self.saved[self.shown_index()] = saved;
    }

    pub(super) fn restore_cursor(&mut self) {
        let saved = self.saved[self.shown_index()];
        self.cursor = saved.cursor;
        self.pen = saved.pen;
        self.charsets = saved.charsets;
        self.modes.origin = saved.origin;
        if saved.origin {
            // What is not in the region cannot be reached in origin mode.
            self.cursor.row = self.cursor.row.clamp(self.top, self.bottom);
        }
    }

    /// Moves a cursor of another size into this one.
    pub(super) fn clamp(&self, cursor: Cursor) -> Cursor {
        Cursor {
            row: cursor.row.min(self.rows - 1),
            col: cursor.col.min(self.cols - 1),
            pending: cursor.pending && cursor.col + 1 == self.cols,
        }
    }
}
