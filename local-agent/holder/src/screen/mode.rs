//! Modes: what programs switch on and off besides what is on the screen.

use super::render::print;

/// All modes that outlive the sequence that set them, in their state after a reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modes {
    pub(super) insert: bool,
    pub(super) new_line: bool,
    pub(super) origin: bool,
    pub(super) autowrap: bool,
    pub(super) cursor_visible: bool,
    pub(super) app_keypad: bool,
    /// DECSCUSR, 0 to 6.
    pub(super) cursor_style: u8,
    /// 0, or the mouse protocol: 9, 1000, 1002, 1003.
    pub(super) mouse: u16,
    /// 0, or the mouse encoding: 1005, 1006, 1015, 1016.
    pub(super) mouse_encoding: u16,
    /// `CSI > 4 ; n m`.
    pub(super) modify_other_keys: u8,
    /// Modes that are just on or off, in the order of [`PLAIN`].
    plain: [bool; PLAIN.len()],
}

/// DEC private modes without any meaning for the screen kept here: number, and whether on after a reset.
const PLAIN: [(u16, bool); 8] = [
    (1, false),    // application cursor keys
    (5, false),    // reverse video
    (12, false),   // blinking cursor
    (45, false),   // reverse wraparound
    (1004, false), // focus events
    (1007, false), // wheel sends cursor keys
    (1034, false), // meta sends the eighth bit
    (2004, false), // bracketed paste
];

impl Default for Modes {
    fn default() -> Self {
        Self {
            insert: false,
            new_line: false,
            origin: false,
            autowrap: true,
            cursor_visible: true,
            app_keypad: false,
            cursor_style: 0,
            mouse: 0,
            mouse_encoding: 0,
            modify_other_keys: 0,
            plain: PLAIN.map(|(_, on)| on),
        }
    }
}

impl Modes {
    /// Sets a DEC private mode that needs nothing else to be done. Others are ignored.
    pub(super) fn set_private(&mut self, number: u16, on: bool) {
        match number {
            7 => self.autowrap = on,
            25 => self.cursor_visible = on,
            66 => self.app_keypad = on,
            // As in xterm, switching off any of them switches off the one that is on.
            9 | 1000 | 1002 | 1003 => self.mouse = if on { number } else { 0 },
            1005 | 1006 | 1015 | 1016 => self.mouse_encoding = if on { number } else { 0 },
            _ => {
                if let Some(at) = PLAIN.iter().position(|(known, _)| *known == number) {
                    self.plain[at] = on;
                }
            }
        }
    }

    /// What DECSTR puts back.
    pub(super) fn soft_reset(&mut self) {
        self.insert = false;
        self.origin = false;
        self.autowrap = true;
        self.cursor_visible = true;
        self.app_keypad = false;
        self.set_private(1, false);
        self.set_private(45, false);
    }

    /// Brings a freshly reset terminal into these modes. Without origin mode, which moves the cursor and belongs elsewhere.
    pub(super) fn render(&self, out: &mut Vec<u8>) {
        if self.app_keypad {
            out.extend_from_slice(b"\x1b=");
        }
        for ((number, reset), on) in PLAIN.iter().zip(self.plain) {
            if on != *reset {
                private(out, *number, on);
            }
        }
        for number in [self.mouse, self.mouse_encoding] {
            if number != 0 {
                private(out, number, true);
            }
        }
        if self.modify_other_keys != 0 {
            print(out, format_args!("\x1b[>4;{}m", self.modify_other_keys));
        }
        if self.cursor_style != 0 {
            print(out, format_args!("\x1b[{} q", self.cursor_style));
        }
        if !self.cursor_visible {
            private(out, 25, false);
        }
        if !self.autowrap {
            private(out, 7, false);
        }
        if self.new_line {
            out.extend_from_slice(b"\x1b[20h");
        }
        if self.insert {
            out.extend_from_slice(b"\x1b[4h");
        }
    }
}

/// Switches a DEC private mode.
pub(super) fn private(out: &mut Vec<u8>, number: u16, on: bool) {
    print(
        out,
        format_args!("\x1b[?{number}{}", if on { 'h' } else { 'l' }),
    );
}
