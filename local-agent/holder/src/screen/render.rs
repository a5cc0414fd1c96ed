//! Cells to escape sequences. Everything is printed in a plain state: UTF-8, default charset, autowrap on, insert off.

use std::io::Write;

use super::cell::{Cell, Color, Paint, Pen, Span, attr};
use super::grid::Row;

/// Prints rows one below the other, from the cursor's row on. No line end after the last one.
pub(super) fn rows(out: &mut Vec<u8>, rows: &[Row], pen: &mut Pen) {
    for (at, line) in rows.iter().enumerate() {
        let goes_on = goes_on(rows, at);
        row(out, line, goes_on, pen);
        if at + 1 < rows.len() && !goes_on {
            // A line end may paint a new row in the current background.
            self::pen(out, pen, Pen::default());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Whether a row's text goes on in the next one. A row below that shows nothing cannot be reached by wrapping, and one that
/// begins with a background would get it in all its columns.
pub(super) fn goes_on(rows: &[Row], at: usize) -> bool {
    rows[at].wrapped && rows.get(at + 1).is_some_and(continues)
}

/// Whether a row can be printed as the continuation of another.
pub(super) fn continues(row: &Row) -> bool {
    row.used() > 0
        && row
            .cells
            .first()
            .is_some_and(|cell| cell.pen.bg == Color::DEFAULT)
}

/// Prints one row; all of it if the text goes on in the next one.
pub(super) fn row(out: &mut Vec<u8>, row: &Row, goes_on: bool, pen: &mut Pen) {
    let end = if goes_on { row.cells.len() } else { row.used() };
    for cell in &row.cells[..end] {
        self::cell(out, cell, pen);
    }
}

/// Prints one cell; nothing for the second half of a wide character.
pub(super) fn cell(out: &mut Vec<u8>, cell: &Cell, pen: &mut Pen) {
    if cell.span == Span::Tail {
        return;
    }
    self::pen(out, pen, cell.pen);
    if cell.ch.is_ascii() {
        out.push(cell.ch as u8);
    } else {
        let mut utf8 = [0; 4];
        out.extend_from_slice(cell.ch.encode_utf8(&mut utf8).as_bytes());
    }
    if let Some(marks) = &cell.marks {
        out.extend_from_slice(marks.0.as_bytes());
    }
}

/// Changes the pen, if it is another one.
#[inline]
pub(super) fn pen(out: &mut Vec<u8>, from: &mut Pen, to: Pen) {
    if *from == to {
        return;
    }
    *from = to;
    change_pen(out, to);
}

fn change_pen(out: &mut Vec<u8>, to: Pen) {
    if to == Pen::default() {
        return out.extend_from_slice(b"\x1b[m");
    }
    out.extend_from_slice(b"\x1b[0");
    for (bit, code) in SIMPLE {
        if to.attrs & bit != 0 {
            number(out, *code);
        }
    }
    match (to.attrs & attr::UNDERLINE) >> attr::UNDERLINE_SHIFT {
        0 => {}
        1 => number(out, 4),
        style => {
            number(out, 4);
            out.push(b':');
            out.push(b'0' + style as u8);
        }
    }
    color(out, to.fg, 30);
    color(out, to.bg, 40);
    // Only the form with colons is known for this one.
    match to.underline_color.unpack() {
        Paint::Default => {}
        Paint::Indexed(index) => print(out, format_args!(";58:5:{index}")),
        Paint::Rgb(r, g, b) => print(out, format_args!(";58:2::{r}:{g}:{b}")),
    }
    out.push(b'm');
}

const SIMPLE: &[(u16, u8)] = &[
    (attr::BOLD, 1),
    (attr::FAINT, 2),
    (attr::ITALIC, 3),
    (attr::BLINK, 5),
    (attr::INVERSE, 7),
    (attr::HIDDEN, 8),
    (attr::STRUCK, 9),
    (attr::OVERLINE, 53),
];

/// The forms with semicolons, which every terminal reads alike.
fn color(out: &mut Vec<u8>, color: Color, base: u8) {
    match color.unpack() {
        Paint::Default => {}
        Paint::Indexed(index @ 0..8) => number(out, base + index),
        Paint::Indexed(index @ 8..16) => number(out, base + 52 + index),
        Paint::Indexed(index) => print(out, format_args!(";{};5;{index}", base + 8)),
        Paint::Rgb(r, g, b) => print(out, format_args!(";{};2;{r};{g};{b}", base + 8)),
    }
}

fn number(out: &mut Vec<u8>, number: u8) {
    print(out, format_args!(";{number}"));
}

/// Appends formatted text.
pub(super) fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}
