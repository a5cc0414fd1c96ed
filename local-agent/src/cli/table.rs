//! Columns, and what becomes of them where they do not fit.

use crate::limits::COLUMN_GAP;
use unicode_width::UnicodeWidthStr as _;

/// Rows under headers, aligned. Where a line has no room, each row becomes a block of its own, one field a line.
/// What is longer than a line even so is cut by the terminal, never by us.
pub fn table(headers: &[&str], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    // A column that nothing is in says nothing.
    let columns: Vec<_> = (0..headers.len())
        .filter(|column| widest(*column) > 0)
        .collect();
    let header = |column: usize| headers.get(column).copied().unwrap_or_default();
    let widths: Vec<_> = columns
        .iter()
        .map(|c| widest(*c).max(header(*c).width()))
        .collect();
    let needed = widths.iter().sum::<usize>() + COLUMN_GAP * widths.len().saturating_sub(1);
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    if needed <= width {
        let names = columns
            .iter()
            .map(|column| header(*column).to_owned())
            .collect();
        let body = rows
            .iter()
            .map(|row| columns.iter().map(|c| cell(row, *c)).collect());
        return std::iter::once(names)
            .chain(body)
            .map(|cells: Vec<String>| aligned(&cells, &widths))
            .collect();
    }
    let label = columns
        .iter()
        .map(|column| header(*column).width())
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for row in rows {
        for column in columns
            .iter()
            .filter(|column| !cell(row, **column).is_empty())
        {
            lines.push(aligned(
                &[header(*column).to_owned(), cell(row, *column)],
                &[label, 0],
            ));
        }
        lines.push(String::new());
    }
    lines.pop();
    lines
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + COLUMN_GAP));
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ANY_WIDTH;

    fn drawn(width: usize) -> Vec<String> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "", "long enough"]), row(["宽", "", "short"])];
        table(&["ID", "NOTHING", "WHAT"], &rows, width)
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_empty_ones_left_out() {
        assert_eq!(
            drawn(ANY_WIDTH),
            ["ID  WHAT", "a   long enough", "宽  short"]
        );
    }

    #[test]
    fn where_a_line_has_no_room_every_row_is_a_block() {
        assert_eq!(
            drawn(10),
            [
                "ID    a",
                "WHAT  long enough",
                "",
                "ID    宽",
                "WHAT  short"
            ]
        );
        assert_eq!(drawn(15).len(), 3);
        assert_eq!(drawn(14).len(), 5);
    }

    #[test]
    fn no_rows_are_only_a_header_of_nothing() {
        assert_eq!(table(&["ID"], &[], ANY_WIDTH), [String::new()]);
    }
}
