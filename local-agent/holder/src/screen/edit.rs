//! Erasing, inserting and deleting.

use super::grid;
use super::term::Term;

impl Term {
    /// ED: 0 below, 1 above, 2 all, 3 the lines above the screen.
    pub(super) fn erase_display(&mut self, what: u16) {
        let (row, pen) = (self.cursor.row, self.pen.erased());
        let rows = match what {
            0 => {
                self.erase_line(0);
                row + 1..self.rows
            }
            1 => {
                self.erase_line(1);
                0..row
            }
            2 => 0..self.rows,
            3 => return self.scrollback.clear(),
            _ => return,
        };
        let cols = self.cols;
        self.shown_mut()[rows]
            .iter_mut()
            .for_each(|row| row.erase(0..cols, pen));
    }

    /// EL: 0 right of the cursor, 1 left of it, 2 all. A cursor past the last column has nothing at its right.
    pub(super) fn erase_line(&mut self, what: u16) {
        let (row, col, cols, pen) = (
            self.cursor.row,
            self.cursor.col,
            self.cols,
            self.pen.erased(),
        );
        let range = match what {
            0 if self.cursor.pending => return,
            0 => col..cols,
            1 => 0..col + 1,
            2 => 0..cols,
            _ => return,
        };
        self.shown_mut()[row].erase(range, pen);
    }

    pub(super) fn erase_chars(&mut self, count: usize) {
        self.cursor.pending = false;
        let (row, col, pen) = (self.cursor.row, self.cursor.col, self.pen.erased());
        let end = col.saturating_add(count).min(self.cols);
        self.shown_mut()[row].erase(col..end, pen);
    }

    pub(super) fn insert_chars(&mut self, count: usize) {
        self.cursor.pending = false;
        let (row, col, pen) = (self.cursor.row, self.cursor.col, self.pen.erased());
        self.shown_mut()[row].insert(col, count, pen);
    }

    pub(super) fn delete_chars(&mut self, count: usize) {
        self.cursor.pending = false;
        let (row, col, pen) = (self.cursor.row, self.cursor.col, self.pen.erased());
        self.shown_mut()[row].delete(col, count, pen);
    }

    pub(super) fn insert_lines(&mut self, count: usize) {
        self.shift_lines(count, grid::scroll_down);
    }

    pub(super) fn delete_lines(&mut self, count: usize) {
        self.shift_lines(count, grid::scroll_up);
    }

    /// Only inside the region; the cursor goes to the first column.
    fn shift_lines(
        &mut self,
        count: usize,
        shift: impl Fn(&mut grid::Rows, std::ops::Range<usize>, usize, super::cell::Pen),
    ) {
        let (row, pen) = (self.cursor.row, self.pen.erased());
        if (self.top..=self.bottom).contains(&row) {
            let range = row..self.bottom + 1;
            shift(self.shown_mut(), range, count, pen);
            self.go_to_col(0);
        }
    }

    /// DECALN: fills the screen with E.
    pub(super) fn align(&mut self) {
        let (cols, rows) = (self.cols, self.rows);
        let mut filled = grid::blank_rows(cols, rows, super::cell::Pen::default());
        filled
            .iter_mut()
            .flat_map(|row| &mut row.cells)
            .for_each(|cell| cell.ch = 'E');
        *self.shown_mut() = filled;
        (self.top, self.bottom) = (0, rows - 1);
        self.modes.origin = false;
        self.go_to(0, 0);
    }
}
