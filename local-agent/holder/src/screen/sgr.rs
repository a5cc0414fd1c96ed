//! SGR: how the following characters are painted.

use vte::Params;

use super::cell::{Color, Pen, attr};

/// Applies the parameters of `CSI m`, with colours in the forms `38;2;r;g;b`, `38:2::r:g:b` and `38:2:r:g:b`.
pub(super) fn apply(pen: &mut Pen, params: &Params) {
    let mut params = params.iter();
    while let Some(param) = params.next() {
        match *param {
            [0, ..] => *pen = Pen::default(),
            [1, ..] => pen.attrs |= attr::BOLD,
            [2, ..] => pen.attrs |= attr::FAINT,
            [3, ..] => pen.attrs |= attr::ITALIC,
            [4] => underline(pen, 1),
            [4, style, ..] => underline(pen, if style <= 5 { style } else { 1 }),
            [5 | 6, ..] => pen.attrs |= attr::BLINK,
            [7, ..] => pen.attrs |= attr::INVERSE,
            [8, ..] => pen.attrs |= attr::HIDDEN,
            [9, ..] => pen.attrs |= attr::STRUCK,
            [21, ..] => underline(pen, 2),
            [22, ..] => pen.attrs &= !(attr::BOLD | attr::FAINT),
            [23, ..] => pen.attrs &= !attr::ITALIC,
            [24, ..] => underline(pen, 0),
            [25, ..] => pen.attrs &= !attr::BLINK,
            [27, ..] => pen.attrs &= !attr::INVERSE,
            [28, ..] => pen.attrs &= !attr::HIDDEN,
            [29, ..] => pen.attrs &= !attr::STRUCK,
            [n @ 30..=37, ..] => pen.fg = Color::indexed((n - 30) as u8),
            [n @ 40..=47, ..] => pen.bg = Color::indexed((n - 40) as u8),
            [n @ 90..=97, ..] => pen.fg = Color::indexed((n - 82) as u8),
            [n @ 100..=107, ..] => pen.bg = Color::indexed((n - 92) as u8),
            [39, ..] => pen.fg = Color::DEFAULT,
            [49, ..] => pen.bg = Color::DEFAULT,
            [59, ..] => pen.underline_color = Color::DEFAULT,
            [53, ..] => pen.attrs |= attr::OVERLINE,
            [55, ..] => pen.attrs &= !attr::OVERLINE,
            [target @ (38 | 48 | 58), ref inline @ ..] => {
                let color = if inline.is_empty() {
                    spread(&mut params)
                } else {
                    together(inline)
                };
                let Some(color) = color else { continue };
                match target {
                    38 => pen.fg = color,
                    48 => pen.bg = color,
                    _ => pen.underline_color = color,
                }
            }
            _ => {}
        }
    }
}

fn underline(pen: &mut Pen, style: u16) {
    pen.attrs = pen.attrs & !attr::UNDERLINE | style << attr::UNDERLINE_SHIFT;
}

/// A colour in one parameter with colons.
fn together(parts: &[u16]) -> Option<Color> {
    match *parts {
        [5, index, ..] => Some(Color::indexed(u8::try_from(index).ok()?)),
        [2, r, g, b] | [2, _, r, g, b, ..] => rgb(r, g, b),
        _ => None,
    }
}

/// A colour spread over the parameters that follow.
fn spread<'a>(params: &mut impl Iterator<Item = &'a [u16]>) -> Option<Color> {
    let mut next = || params.next().and_then(|param| param.first().copied());
    match next()? {
        5 => Some(Color::indexed(u8::try_from(next()?).ok()?)),
        2 => rgb(next()?, next()?, next()?),
        _ => None,
    }
}

fn rgb(r: u16, g: u16, b: u16) -> Option<Color> {
    Some(Color::rgb(
        u8::try_from(r).ok()?,
        u8::try_from(g).ok()?,
        u8::try_from(b).ok()?,
    ))
}
