//! A terminal's state as the sequences that bring a fresh one there.

use super::cell::{Pen, Span};
use super::mode::private;
use super::render::{self, print};
use super::term::{Charsets, Cursor, Saved, Term, default_tabs};

/// See [`super`]. The order matters: everything is printed before margins, charsets and modes could change how.
pub(super) fn snapshot(term: &Term) -> Vec<u8> {
    let mut out = Vec::new();
    if !term.title.is_empty() {
        print(&mut out, format_args!("\x1b]2;{}\x1b\\", term.title));
    }
    tabs(&mut out, term);
    let mut pen = Pen::default();
    term.scrollback.render(&mut out, &term.primary);
    render::rows(&mut out, &term.primary, &mut pen);
    saved(&mut out, &term.saved[0], &term.primary, &mut pen);
    if let Some(alternate) = &term.alternate {
        render::pen(&mut out, &mut pen, Pen::default());
        private(&mut out, 1047, true);
        out.extend_from_slice(b"\x1b[H");
        render::rows(&mut out, alternate, &mut pen);
        saved(&mut out, &term.saved[1], alternate, &mut pen);
    }
    if (term.top, term.bottom) != (0, term.rows - 1) {
        print(
            &mut out,
            format_args!("\x1b[{};{}r", term.top + 1, term.bottom + 1),
        );
    }
    let mut at = term.cursor;
    if term.modes.origin {
        private(&mut out, 6, true);
        at.row = at.row.saturating_sub(term.top);
    }
    cursor(&mut out, at, term.cursor, term.shown(), &mut pen);
    render::pen(&mut out, &mut pen, term.pen);
    charsets(&mut out, term.charsets);
    term.modes.render(&mut out);
    out
}

fn tabs(out: &mut Vec<u8>, term: &Term) {
    if term.tabs == default_tabs(term.cols) {
        return;
    }
    out.extend_from_slice(b"\x1b[3g");
    for (col, _) in term.tabs.iter().enumerate().filter(|(_, stop)| **stop) {
        print(out, format_args!("\x1b[{}G\x1bH", col + 1));
    }
    out.push(b'\r');
}

/// What DECSC kept, by doing it again. Margins are not set yet, so origin mode changes no places.
fn saved(out: &mut Vec<u8>, saved: &Saved, rows: &[super::grid::Row], pen: &mut Pen) {
    if *saved == Saved::default() {
        return;
    }
    if saved.origin {
        private(out, 6, true);
    }
    cursor(out, saved.cursor, saved.cursor, rows, pen);
    render::pen(out, pen, saved.pen);
    charsets(out, saved.charsets);
    out.extend_from_slice(b"\x1b7");
    if saved.charsets != Charsets::default() {
        out.extend_from_slice(b"\x1b(B\x1b)B\x1b*B\x1b+B\x0f");
    }
    if saved.origin {
        private(out, 6, false);
    }
}

/// Moves the cursor to `to`, which is `real` in the coordinates in force. One that is past the last column gets there by printing that column again.
fn cursor(out: &mut Vec<u8>, to: Cursor, real: Cursor, rows: &[super::grid::Row], pen: &mut Pen) {
    let cells = &rows[real.row].cells;
    let wide = real.pending && cells[real.col].span == Span::Tail;
    let col = if wide { real.col - 1 } else { real.col };
    print(out, format_args!("\x1b[{};{}H", to.row + 1, col + 1));
    if real.pending {
        render::cell(out, &cells[col], pen);
    }
}

fn charsets(out: &mut Vec<u8>, charsets: Charsets) {
    for (slot, drawing) in charsets.drawing.iter().enumerate() {
        if *drawing {
            out.extend_from_slice(&[0x1b, b"()*+"[slot], b'0']);
        }
    }
    out.extend_from_slice(match charsets.active {
        0 => b"",
        1 => b"\x0e",
        2 => b"\x1bn",
        _ => b"\x1bo",
    });
}
