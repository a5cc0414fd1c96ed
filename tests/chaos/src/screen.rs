//! What a terminal must show, by a terminal emulator that is not ours.

use avt::Terminal;

/// Columns and rows of every terminal in a run.
pub const SIZE: (u16, u16) = (80, 24);
/// Output before a moment that decides all of what is on the screen then.
pub const DECISIVE: u64 = 16 * 1024;

/// The rows that this output leaves on an empty screen, without the blanks at their ends.
#[must_use]
pub fn shows(output: &[u8]) -> Vec<String> {
    let Ok(mut terminal) = Terminal::new(SIZE.0.into(), SIZE.1.into()) else {
        return Vec::new();
    };
    terminal.feed(String::from_utf8_lossy(output).as_ref());
    let rows = terminal.screen().visible_lines();
    rows.map(|line| line.text().trim_end().to_owned()).collect()
}

/// Output from the beginning of a line.
#[must_use]
pub fn whole_lines(output: &[u8], from_start: bool) -> &[u8] {
    if from_start {
        return output;
    }
    let newline = output.iter().position(|byte| *byte == b'\n');
    newline.map_or(output, |at| &output[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_output_decides_what_is_shown() {
        let long: String = (0..500).map(|n| format!("line {n}\r\n")).collect();
        let end = &long.as_bytes()[long.len() - 1000..];
        assert_eq!(shows(long.as_bytes()), shows(whole_lines(end, false)));
        assert_eq!(shows(long.as_bytes()).last().map(String::as_str), Some(""));
    }
}
