//! Wrapping the primary buffer's text anew when the width changes.

use super::cell::{Cell, Pen, Span};
use super::grid::{Row, Rows};
use super::render;
use super::term::Term;

impl Term {
    /// Brings the primary buffer to a new size. Text that was wrapped is wrapped at the new width; what no longer fits goes up into the
    /// lines above. Returns where the given place in the old text is now.
    pub(super) fn reflow_primary(
        &mut self,
        cols: usize,
        rows: usize,
        place: (usize, usize),
    ) -> (usize, usize) {
        let old = std::mem::take(&mut self.primary);
        let (mut lines, (mut row, col)) = if cols == self.cols {
            (old, place)
        } else {
            // Its continuation may begin elsewhere now.
            self.scrollback.end_last_line();
            rewrap(old, cols, place)
        };
        while lines.len() > rows
            && lines.len() > row + 1
            && lines.last().is_some_and(|row| row.used() == 0)
        {
            lines.pop();
        }
        let above = lines.len().saturating_sub(rows);
        for at in 0..above {
            let goes_on = render::goes_on(&lines, at);
            self.scrollback.push(&lines[at], goes_on);
        }
        lines.drain(..above);
        lines.resize_with(rows, || Row::blank(cols, Pen::default()));
        row = row.saturating_sub(above).min(rows - 1);
        self.primary = lines;
        (row, col.min(cols - 1))
    }
}

fn rewrap(old: Rows, cols: usize, place: (usize, usize)) -> (Rows, (usize, usize)) {
    let mut lines = Rows::new();
    let mut moved = (0, 0);
    let mut text: Vec<Cell> = Vec::new();
    let mut marked = None;
    let count = old.len();
    for (at, mut row) in old.into_iter().enumerate() {
        let goes_on = row.wrapped && at + 1 < count;
        let mut used = if goes_on { row.cells.len() } else { row.used() };
        if at == place.0 {
            marked = Some(text.len() + place.1);
            used = used.max(place.1).min(row.cells.len());
        }
        row.cells.truncate(used);
        text.append(&mut row.cells);
        if !goes_on
            && let Some(offset) = wrap(&mut lines, std::mem::take(&mut text), cols, marked.take())
        {
            moved = offset;
        }
    }
    (lines, moved)
}

/// Appends one line of text in rows; returns where the marked offset went.
fn wrap(
    lines: &mut Rows,
    text: Vec<Cell>,
    cols: usize,
    marked: Option<usize>,
) -> Option<(usize, usize)> {
    let mut moved = None;
    let mut row = Vec::with_capacity(cols);
    let mut offset = 0;
    let mut cells = text.into_iter().peekable();
    while let Some(cell) = cells.next() {
        let width = if cell.span == Span::Head { 2 } else { 1 };
        if row.len() + width > cols {
            finish(lines, &mut row, cols, true);
        }
        if marked == Some(offset) || (width == 2 && marked == Some(offset + 1)) {
            moved = Some((lines.len(), row.len()));
        }
        offset += width;
        if width == 2 {
            let tail = cells.next();
            if cols >= 2 {
                row.push(cell);
                row.extend(tail);
            }
        } else {
            row.push(cell);
        }
    }
    if let Some(marked) = marked
        && moved.is_none()
    {
        // Behind the text, at most by where the cursor stood.
        moved = Some((lines.len(), row.len() + marked.saturating_sub(offset)));
    }
    finish(lines, &mut row, cols, false);
    moved
}

fn finish(lines: &mut Rows, row: &mut Vec<Cell>, cols: usize, wrapped: bool) {
    let mut cells = std::mem::replace(row, Vec::with_capacity(cols));
    cells.resize(cols, Cell::blank(Pen::default()));
    lines.push(Row { cells, wrapped });
}
