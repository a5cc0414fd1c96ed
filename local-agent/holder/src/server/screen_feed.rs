//! The screen, some way behind the ring.

use std::collections::VecDeque;

use crate::limits;
use crate::ring::Ring;
use crate::screen::Screen;

/// Follows the ring at leisure, and never so far behind that a byte could get lost. A change of size takes effect at the
/// offset where it was made, not where the screen happens to be.
pub(crate) struct ScreenFeed {
    screen: Screen,
    offset: u64,
    resizes: VecDeque<(u64, u16, u16)>,
}

impl ScreenFeed {
    pub(crate) fn new(cols: u16, rows: u16) -> Self {
        Self {
            screen: Screen::new(cols, rows),
            offset: 0,
            resizes: VecDeque::new(),
        }
    }

    /// How many bytes the screen has still to see.
    pub(crate) fn lag(&self, ring: &Ring) -> u64 {
        ring.head() - self.offset
    }

    /// Emulates at most `max` bytes. True if there is more to do.
    pub(crate) fn advance(&mut self, ring: &Ring, max: usize) -> bool {
        let mut left = max;
        loop {
            while let Some(&(at, cols, rows)) = self.resizes.front()
                && at <= self.offset
            {
                self.screen.resize(cols, rows);
                self.resizes.pop_front();
            }
            let until = self.resizes.front().map_or(ring.head(), |(at, ..)| *at);
            let count = usize::try_from(until - self.offset).unwrap_or(usize::MAX);
            if count == 0 || left == 0 {
                return self.offset < ring.head() || !self.resizes.is_empty();
            }
            let (first, second) = ring.slices(self.offset, count);
            let skipped = self.screen.skip_what_scrolls_away(first, second);
            if skipped > 0 {
                self.offset += skipped as u64;
                continue;
            }
            let part = &first[..first.len().min(left)];
            self.screen.feed(part);
            self.offset += part.len() as u64;
            left -= part.len();
        }
    }

    /// Remembers that output from `offset` on is for a terminal of this size.
    pub(crate) fn resize_at(&mut self, offset: u64, cols: u16, rows: u16) {
        // Only the last of several sizes at one offset matters.
        if self.resizes.back().is_some_and(|(at, ..)| *at == offset) {
            self.resizes.pop_back();
        }
        if self.resizes.len() == limits::PENDING_RESIZES {
            self.resizes.pop_front();
        }
        self.resizes.push_back((offset, cols, rows));
    }

    /// The screen as escape sequences, and the offset where output goes on. That lies a little before what was fed if the
    /// output so far ends inside a character or sequence: the rest needs its beginning.
    pub(crate) fn snapshot(&self, ring: &Ring) -> (u64, Vec<u8>) {
        let mut bytes = self.screen.snapshot();
        let boundary = self.offset.saturating_sub(self.screen.undecided());
        if boundary >= ring.tail() {
            return (boundary, bytes);
        }
        // A string longer than the ring: let the terminal wait for its end as this screen does.
        bytes.extend(self.screen.open_string());
        (self.offset, bytes)
    }

    pub(crate) fn size(&self) -> (u16, u16) {
        self.screen.size()
    }

    pub(crate) fn title(&self) -> &str {
        self.screen.title()
    }

    pub(crate) fn take_new_title(&mut self) -> Option<String> {
        self.screen.take_new_title()
    }
}

const _: () = assert!(limits::SCREEN_LAG < crate::limits::RING_BYTES as u64);
