//! What the parser found, as operations.

use vte::{Params, Perform};

use super::sgr;
use super::term::Term;

impl Perform for Term {
    #[inline]
    fn print(&mut self, ch: char) {
        // DEL and what is no character take no place.
        if ch != '\u{7f}' {
            self.put(ch);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x08 => self.left(1),
            0x09 => self.tab(1),
            0x0a..=0x0c => {
                self.line_feed();
                if self.modes.new_line {
                    self.cursor.col = 0;
                }
            }
            0x0d => self.go_to_col(0),
            0x0e => self.charsets.active = 1,
            0x0f => self.charsets.active = 0,
            // C1 controls, in one byte that is no UTF-8 or as a character.
            0x84 => self.line_feed(),
            0x85 => self.next_line(),
            0x88 => self.set_tab(),
            0x8d => self.reverse_line_feed(),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], ignore: bool, byte: u8) {
        if ignore {
            return;
        }
        match (intermediates, byte) {
            ([], b'7') => self.save_cursor(),
            ([], b'8') => self.restore_cursor(),
            ([], b'=') => self.modes.app_keypad = true,
            ([], b'>') => self.modes.app_keypad = false,
            ([], b'D') => self.line_feed(),
            ([], b'E') => self.next_line(),
            ([], b'H') => self.set_tab(),
            ([], b'M') => self.reverse_line_feed(),
            ([], b'c') => self.reset(),
            ([], b'n') => self.charsets.active = 2,
            ([], b'o') => self.charsets.active = 3,
            ([b'('], charset) => self.designate(0, charset),
            ([b')'], charset) => self.designate(1, charset),
            ([b'*'], charset) => self.designate(2, charset),
            ([b'+'], charset) => self.designate(3, charset),
            ([b'#'], b'8') => self.align(),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore {
            return;
        }
        let mut numbers = params
            .iter()
            .map(|param| param.first().copied().unwrap_or(0));
        match intermediates {
            [] => {
                let first = numbers.next().unwrap_or(0);
                self.csi(params, first, numbers.next().unwrap_or(0), action);
            }
            [b'?'] => match action {
                'h' => numbers.for_each(|number| self.set_private_mode(number, true)),
                'l' => numbers.for_each(|number| self.set_private_mode(number, false)),
                // Selective erase: nothing here is protected.
                'J' => self.erase_display(numbers.next().unwrap_or(0)),
                'K' => self.erase_line(numbers.next().unwrap_or(0)),
                _ => {}
            },
            [b'>'] if action == 'm' && numbers.next() == Some(4) => {
                self.modes.modify_other_keys = numbers.next().map_or(0, |level| level.min(2) as u8);
            }
            [b'!'] if action == 'p' => self.soft_reset(),
            [b' '] if action == 'q' => {
                if let style @ 0..=6 = numbers.next().unwrap_or(0) {
                    self.modes.cursor_style = style as u8;
                }
            }
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        if let [b"0" | b"2", title @ ..] = params {
            // A title may hold semicolons.
            self.set_title(&title.join(&b';'));
        }
    }
}

impl Term {
    fn csi(&mut self, params: &Params, first: u16, second: u16, action: char) {
        let count = usize::from(first.max(1));
        match action {
            '@' => self.insert_chars(count),
            'A' => self.up(count),
            'B' | 'e' => self.down(count),
            'C' | 'a' => self.right(count),
            'D' => self.left(count),
            'E' => {
                self.down(count);
                self.cursor.col = 0;
            }
            'F' => {
                self.up(count);
                self.cursor.col = 0;
            }
            'G' | '`' => self.go_to_col(count - 1),
            'H' | 'f' => self.go_to(count - 1, usize::from(second.max(1)) - 1),
            'I' => self.tab(count),
            'J' => self.erase_display(first),
            'K' => self.erase_line(first),
            'L' => self.insert_lines(count),
            'M' => self.delete_lines(count),
            'P' => self.delete_chars(count),
            'S' => self.scroll_up(count),
            'T' => self.scroll_down(count),
            'X' => self.erase_chars(count),
            'Z' => self.back_tab(count),
            'b' => self.repeat(count),
            'd' => self.go_to_row(count - 1),
            'g' => match first {
                0 => self.tabs[self.cursor.col] = false,
                3 => self.tabs.fill(false),
                _ => {}
            },
            'h' | 'l' => {
                for number in params.iter().filter_map(|param| param.first()) {
                    match number {
                        4 => self.modes.insert = action == 'h',
                        20 => self.modes.new_line = action == 'h',
                        _ => {}
                    }
                }
            }
            'm' => sgr::apply(&mut self.pen, params),
            'r' => {
                let bottom = if second == 0 {
                    self.rows
                } else {
                    usize::from(second)
                };
                self.set_region(count - 1, bottom - 1);
            }
            's' => self.save_cursor(),
            'u' => self.restore_cursor(),
            't' if matches!(second, 0 | 2) => match first {
                22 => self.push_title(),
                23 => self.pop_title(),
                _ => {}
            },
            _ => {}
        }
    }

    fn next_line(&mut self) {
        self.line_feed();
        self.cursor.col = 0;
    }

    fn set_tab(&mut self) {
        self.tabs[self.cursor.col] = true;
    }
}
