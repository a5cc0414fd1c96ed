//! Lines that scrolled off the top, kept as the escape sequences that print them: a tenth of the memory of cells.

use std::collections::VecDeque;

use super::cell::Pen;
use super::grid::Row;
use super::render;
use crate::limits::{SCROLLBACK_BYTES, SCROLLBACK_LINES};

/// Bounded in lines and bytes; the oldest go first.
#[derive(Default)]
pub(super) struct Scrollback {
    lines: VecDeque<Line>,
    bytes: usize,
    scratch: Vec<u8>,
}

struct Line {
    text: Box<[u8]>,
    wrapped: bool,
}

impl Scrollback {
    /// Takes a row on its way out. `goes_on` if the row below it continues its text.
    pub(super) fn push(&mut self, row: &Row, goes_on: bool) {
        self.scratch.clear();
        let mut pen = Pen::default();
        render::row(&mut self.scratch, row, goes_on, &mut pen);
        render::pen(&mut self.scratch, &mut pen, Pen::default());
        self.bytes += self.scratch.len();
        self.lines.push_back(Line {
            text: self.scratch.as_slice().into(),
            wrapped: goes_on,
        });
        while self.lines.len() > SCROLLBACK_LINES || self.bytes > SCROLLBACK_BYTES {
            let Some(line) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= line.text.len();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The last line ends where it ends now, whatever comes below.
    pub(super) fn end_last_line(&mut self) {
        if let Some(line) = self.lines.back_mut() {
            line.wrapped = false;
        }
    }

    /// Prints all lines; the cursor ends where the rows of the screen begin.
    pub(super) fn render(&self, out: &mut Vec<u8>, below: &[Row]) {
        out.reserve(self.bytes + 2 * self.lines.len());
        for line in &self.lines {
            out.extend_from_slice(&line.text);
            if !line.wrapped {
                out.extend_from_slice(b"\r\n");
            }
        }
        let stays = below.first().is_some_and(|row| !render::continues(row));
        if stays && self.lines.back().is_some_and(|line| line.wrapped) {
            out.extend_from_slice(b"\r\n");
        }
    }
}
