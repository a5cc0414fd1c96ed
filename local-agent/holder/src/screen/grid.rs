//! One buffer of rows, and what moves cells about in it without knowing of cursors.

use std::ops::Range;

use super::cell::{Cell, Pen, Span};

/// A row of cells, always as many as the screen has columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// The text goes on in the next row: it was not ended but wrapped.
    pub(super) wrapped: bool,
}

impl Row {
    pub(super) fn blank(cols: usize, pen: Pen) -> Self {
        Self {
            cells: vec![Cell::blank(pen); cols],
            wrapped: false,
        }
    }

    /// Blanks cells; halves of wide characters at the edges go with them.
    pub(super) fn erase(&mut self, range: Range<usize>, pen: Pen) {
        if range.is_empty() {
            return;
        }
        self.split_wide(range.start, pen);
        self.split_wide(range.end, pen);
        if range.end == self.cells.len() {
            self.wrapped = false;
        }
        self.cells[range].fill(Cell::blank(pen));
    }

    /// Moves cells right from `col` on, `count` columns; blanks come in.
    pub(super) fn insert(&mut self, col: usize, count: usize, pen: Pen) {
        let count = count.min(self.cells.len() - col);
        self.split_wide(col, pen);
        self.split_wide(self.cells.len() - count, pen);
        self.cells[col..].rotate_right(count);
        self.cells[col..col + count].fill(Cell::blank(pen));
        self.wrapped = false;
    }

    /// Takes `count` cells out at `col`; blanks come in at the end.
    pub(super) fn delete(&mut self, col: usize, count: usize, pen: Pen) {
        let count = count.min(self.cells.len() - col);
        self.split_wide(col, pen);
        self.split_wide(col + count, pen);
        self.cells[col..].rotate_left(count);
        let end = self.cells.len();
        self.cells[end - count..].fill(Cell::blank(pen));
        self.wrapped = false;
    }

    /// Makes sure that no wide character lies across the edge before `col`: if one does, both halves become blank.
    #[inline]
    pub(super) fn split_wide(&mut self, col: usize, pen: Pen) {
        if col > 0
            && self
                .cells
                .get(col)
                .is_some_and(|cell| cell.span == Span::Tail)
        {
            self.cells[col - 1] = Cell::blank(pen);
            self.cells[col] = Cell::blank(pen);
        }
    }

    /// Cells up to the last one that shows anything.
    pub(super) fn used(&self) -> usize {
        self.cells
            .iter()
            .rposition(|cell| !cell.is_untouched())
            .map_or(0, |last| last + 1)
    }

    pub(super) fn set_width(&mut self, cols: usize) {
        if cols < self.cells.len() {
            self.split_wide(cols, Pen::default());
        }
        self.cells.resize(cols, Cell::blank(Pen::default()));
        self.wrapped = false;
    }
}

/// The rows of one buffer.
pub(super) type Rows = Vec<Row>;

/// `count` blank rows.
pub(super) fn blank_rows(cols: usize, count: usize, pen: Pen) -> Rows {
    (0..count).map(|_| Row::blank(cols, pen)).collect()
}

/// Moves the rows of a range up; blanks come in below. What went out is blanked and used again.
pub(super) fn scroll_up(rows: &mut Rows, range: Range<usize>, count: usize, pen: Pen) {
    let count = count.min(range.len());
    unlink(rows, &range);
    rows[range.clone()].rotate_left(count);
    rows[range.end - count..range.end]
        .iter_mut()
        .for_each(|row| clear(row, pen));
}

/// Moves the rows of a range down; blanks come in above.
pub(super) fn scroll_down(rows: &mut Rows, range: Range<usize>, count: usize, pen: Pen) {
    let count = count.min(range.len());
    unlink(rows, &range);
    rows[range.clone()].rotate_right(count);
    rows[range.start..range.start + count]
        .iter_mut()
        .for_each(|row| clear(row, pen));
    if let Some(last) = rows[range].last_mut() {
        last.wrapped = false;
    }
}

/// Rows that part from their neighbours at the edges of a range no longer go on in them.
fn unlink(rows: &mut Rows, range: &Range<usize>) {
    if range.start > 0 {
        rows[range.start - 1].wrapped = false;
    }
    if range.end < rows.len() {
        rows[range.end - 1].wrapped = false;
    }
}

fn clear(row: &mut Row, pen: Pen) {
    row.cells.fill(Cell::blank(pen));
    row.wrapped = false;
}
