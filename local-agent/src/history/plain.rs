//! What a terminal has printed as plain text: what a person would have read line by line, without colours, and with what was overwritten
//! overwritten. What programs drew on a screen of their own (an editor, a pager) is left out. Free of IO.

use crate::limits::PLAIN_LINE_MAX;
use crate::text::is_invisible;
use vte::{Params, Parser, Perform};

/// Makes text of output.
#[derive(Default)]
pub struct Plain {
    parser: Parser,
    page: Page,
}

impl Plain {
    /// Whole lines that this output completes.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        self.parser.advance(&mut self.page, bytes);
        std::mem::take(&mut self.page.done)
    }

    /// So many bytes are missing here.
    pub fn gap(&mut self, bytes: u64) -> String {
        self.parser = Parser::new();
        self.page.elsewhere = false;
        self.page.note(&format!("({bytes} bytes are not kept)"));
        std::mem::take(&mut self.page.done)
    }

    /// The last line, if it has no end.
    pub fn rest(&mut self) -> String {
        self.page.note("");
        std::mem::take(&mut self.page.done)
    }
}

#[derive(Default)]
struct Page {
    done: String,
    line: Vec<char>,
    column: usize,
    /// A program has a screen of its own.
    elsewhere: bool,
}

impl Page {
    fn end_line(&mut self) {
        let line: String = self.line.drain(..).collect();
        self.done.push_str(line.trim_end());
        self.done.push('\n');
        self.column = 0;
    }

    /// A line of ours, on a line of its own.
    fn note(&mut self, text: &str) {
        if !self.line.is_empty() {
            self.end_line();
        }
        if !text.is_empty() {
            self.line.extend(text.chars());
            self.end_line();
        }
    }

    fn put(&mut self, c: char) {
        if self.column >= PLAIN_LINE_MAX {
            self.end_line();
        }
        if self.column >= self.line.len() {
            self.line.resize(self.column, ' ');
            self.line.push(c);
        } else if let Some(place) = self.line.get_mut(self.column) {
            *place = c;
        }
        self.column += 1;
    }

    fn go(&mut self, column: usize) {
        self.column = column.min(PLAIN_LINE_MAX);
    }

    fn blank(&mut self, from: usize, to: usize) {
        let to = to.min(self.line.len());
        if let Some(places) = self.line.get_mut(from.min(to)..to) {
            places.fill(' ');
        }
    }

    fn screen(&mut self, own: bool) {
        if own && !self.elsewhere {
            self.note("(a program took the whole screen)");
        }
        self.elsewhere = own;
    }
}

impl Perform for Page {
    fn print(&mut self, c: char) {
        // Joiners make one sign of several, and reorder nothing.
        let is_shown =
            !c.is_control() && (!is_invisible(c) || matches!(c, '\u{200c}' | '\u{200d}'));
        if is_shown && !self.elsewhere {
            self.put(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        if self.elsewhere {
            return;
        }
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => self.go((self.column / 8 + 1) * 8),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let mut given = params.iter().filter_map(|param| param.first().copied());
        let first = given.next().unwrap_or(0);
        if intermediates == b"?" {
            let screens = [47, 1047, 1049];
            if screens.contains(&first) || given.any(|mode| screens.contains(&mode)) {
                match action {
                    'h' => self.screen(true),
                    'l' => self.screen(false),
                    _ => {}
                }
            }
            return;
        }
        if ignore || !intermediates.is_empty() || self.elsewhere {
            return;
        }
        let count = usize::from(first.max(1));
        match (action, first) {
            ('C', _) => self.go(self.column + count),
            ('D', _) => self.go(self.column.saturating_sub(count)),
            ('G', _) => self.go(count - 1),
            ('J' | 'K', 0) => self.line.truncate(self.column),
            ('K', 1) => self.blank(0, self.column + 1),
            ('K', 2) => self.line.clear(),
            ('X', _) => self.blank(self.column, self.column + count),
            ('P', _) => {
                let from = self.column.min(self.line.len());
                let to = (from + count).min(self.line.len());
                self.line.drain(from..to);
            }
            ('@', _) if self.column < self.line.len() => {
                let room = PLAIN_LINE_MAX.saturating_sub(self.line.len()).min(count);
                let at = self.column;
                self.line.splice(at..at, std::iter::repeat_n(' ', room));
            }
            // To the top: what follows is no more of this line.
            ('H' | 'f', _) => self.note(""),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(output: &str) -> String {
        let mut plain = Plain::default();
        // Wherever it is cut.
        let mut text: String = output
            .as_bytes()
            .iter()
            .map(|byte| plain.feed(&[*byte]))
            .collect();
        text.push_str(&plain.rest());
        text
    }

    #[test]
    fn colours_titles_and_what_was_overwritten_do_not_show() {
        assert_eq!(
            text("\x1b]0;title\x07\x1b[1;31mred\x1b[m  \r\n 10%\r 20%\x1b[K\r\nab\x08c\r\nlast"),
            "red\n 20%\nac\nlast\n"
        );
    }

    #[test]
    fn a_line_is_edited_as_a_shell_does_it() {
        assert_eq!(text("hello\x1b[3D\x1b[1@X\x1b[P\n"), "heXlo\n");
        assert_eq!(text("abc\r\x1b[Kd\x1b[5Ge\tf\n"), "d   e   f\n");
        assert_eq!(text("%      \r \r$ ls\x1b[J\n"), "$ ls\n");
        assert_eq!(text("abcdef\x1b[3G\x1b[1K\x1b[3Xg\n"), "  g  f\n");
    }

    #[test]
    fn what_a_program_drew_on_a_screen_of_its_own_is_left_out() {
        assert_eq!(
            text("$ vim\r\n\x1b[?1049hfile\x1b[2;3Hmore\n\x1b[?1049l$ "),
            "$ vim\n(a program took the whole screen)\n$\n"
        );
    }

    #[test]
    fn nothing_that_moves_or_hides_is_left_and_no_line_is_without_end() {
        let hostile = "a\u{202e}b\u{200b}c\x1bPq\x1b\\\x1b[99999C\u{9b}31m\x1b[99999@x\n";
        let shown = text(&hostile.repeat(3));
        assert!(
            !shown
                .chars()
                .any(|c| c != '\n' && (c.is_control() || is_invisible(c)))
        );
        let long = text(&"y".repeat(PLAIN_LINE_MAX * 2 + 1));
        assert_eq!(long.lines().map(str::len).max(), Some(PLAIN_LINE_MAX));
    }

    #[test]
    fn what_is_missing_is_said_on_a_line_of_its_own() {
        let mut plain = Plain::default();
        let mut shown = plain.feed(b"half a l");
        shown += &plain.gap(7);
        shown += &plain.feed(b"ine\n");
        assert_eq!(shown, "half a l\n(7 bytes are not kept)\nine\n");
    }
}
