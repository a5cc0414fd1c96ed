//! One place on the screen and how it is painted.

use crate::limits::MARKS_BYTES;

/// A colour in 32 bits: default, one of 256, or true colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Color(u32);

impl Color {
    pub(super) const DEFAULT: Self = Self(0);

    pub(super) fn indexed(index: u8) -> Self {
        Self(1 << 24 | u32::from(index))
    }

    pub(super) fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self(2 << 24 | u32::from_be_bytes([0, r, g, b]))
    }

    pub(super) fn unpack(self) -> Paint {
        let [tag, r, g, b] = self.0.to_be_bytes();
        match tag {
            0 => Paint::Default,
            1 => Paint::Indexed(b),
            _ => Paint::Rgb(r, g, b),
        }
    }
}

/// A [`Color`] to match on.
pub(super) enum Paint {
    Default,
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// How characters are painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pen {
    pub(super) fg: Color,
    pub(super) bg: Color,
    pub(super) underline_color: Color,
    /// Bits of [`attr`].
    pub(super) attrs: u16,
}

/// Bits of [`Pen::attrs`].
pub(super) mod attr {
    pub(crate) const BOLD: u16 = 1;
    pub(crate) const FAINT: u16 = 1 << 1;
    pub(crate) const ITALIC: u16 = 1 << 2;
    pub(crate) const BLINK: u16 = 1 << 3;
    pub(crate) const INVERSE: u16 = 1 << 4;
    pub(crate) const HIDDEN: u16 = 1 << 5;
    pub(crate) const STRUCK: u16 = 1 << 6;
    pub(crate) const OVERLINE: u16 = 1 << 7;
    /// Three bits: the style as in `CSI 4:n m`.
    pub(crate) const UNDERLINE: u16 = 7 << UNDERLINE_SHIFT;
    pub(crate) const UNDERLINE_SHIFT: u16 = 8;
}

impl Pen {
    /// What erased places are painted with: the background alone.
    pub(super) fn erased(self) -> Self {
        Self {
            bg: self.bg,
            ..Self::default()
        }
    }
}

/// Characters that stand on top of a cell's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks(pub(super) String);

/// How many columns a cell's character takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    One,
    /// A wide character begins here.
    Head,
    /// A wide character ends here.
    Tail,
}

/// One place on the screen. Blank is a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) ch: char,
    pub(super) span: Span,
    pub(super) pen: Pen,
    pub(super) marks: Option<Box<Marks>>,
}

impl Cell {
    pub(super) fn blank(pen: Pen) -> Self {
        Self {
            ch: ' ',
            span: Span::One,
            pen,
            marks: None,
        }
    }

    /// Whether a terminal shows nothing here without being told to.
    pub(super) fn is_untouched(&self) -> bool {
        self.ch == ' '
            && self.span == Span::One
            && self.marks.is_none()
            && self.pen == Pen::default()
    }

    #[inline]
    pub(super) fn set(&mut self, ch: char, span: Span, pen: Pen) {
        self.ch = ch;
        self.span = span;
        self.pen = pen;
        if self.marks.is_some() {
            self.marks = None;
        }
    }

    /// Puts a combining character on top, as long as there is room.
    pub(super) fn add_mark(&mut self, mark: char) {
        let marks = self
            .marks
            .get_or_insert_with(|| Box::new(Marks(String::new())));
        if marks.0.len() + mark.len_utf8() <= MARKS_BYTES {
            marks.0.push(mark);
        }
    }
}
