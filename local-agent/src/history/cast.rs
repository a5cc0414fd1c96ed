//! What is kept of a terminal as an asciicast, version 2 (<https://docs.asciinema.org/manual/asciicast/v2/>): a line for the header, and one
//! for everything that happened. Free of IO.

use lanyard_holder::history::{Record, What};
use serde_json::json;

/// Makes the lines, in order.
#[derive(Debug, Default)]
pub struct Cast {
    /// When the first thing happened that is kept, in milliseconds after the terminal's start: that is where the recording begins.
    begin: Option<u64>,
    size: Option<(u16, u16)>,
    /// Output before this offset was taken in.
    end: u64,
    /// The first bytes of a character that is not whole yet, and when they came.
    carried: (u64, Vec<u8>),
}

/// What the header says beside the size.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Start of the terminal, in seconds since 1970.
    pub started: u64,
    /// Its name.
    pub title: &'a str,
    /// Its size at the start, if no other is kept.
    pub size: (u16, u16),
}

impl Cast {
    /// The lines that a record becomes.
    pub fn record(&mut self, about: About<'_>, Record { ms, what }: &Record) -> Vec<String> {
        let mut lines = Vec::new();
        if let (None, What::Size { cols, rows }) = (self.begin, what) {
            // Said by the header.
            self.size = Some((*cols, *rows));
            return lines;
        }
        lines.extend(self.header(about, *ms));
        let begin = self.begin.unwrap_or(*ms);
        let ms = ms.saturating_sub(begin);
        match what {
            What::Size { cols, rows } => {
                if self.size.replace((*cols, *rows)) != Some((*cols, *rows)) {
                    lines.push(event(ms, "r", &format!("{cols}x{rows}")));
                }
            }
            What::Output { offset, bytes } => {
                let missing = offset.saturating_sub(self.end);
                self.end = offset + bytes.len() as u64;
                if missing > 0 {
                    lines.extend(self.rest());
                    lines.push(event(ms, "m", &format!("{missing} bytes are not kept")));
                }
                let text = self.text(ms, bytes);
                if !text.is_empty() {
                    lines.push(event(ms, "o", &text));
                }
            }
            // There is no event for it in this version.
            What::Exit(_) => {}
        }
        lines
    }

    /// The lines that are still to come: half a character at the end; and the header, if nothing else has come.
    pub fn end(&mut self, about: About<'_>) -> Vec<String> {
        let header = self.header(about, 0);
        header.into_iter().chain(self.rest()).collect()
    }

    /// The first line, once.
    fn header(&mut self, about: About<'_>, ms: u64) -> Option<String> {
        if self.begin.is_some() {
            return None;
        }
        self.begin = Some(ms);
        let (width, height) = *self.size.get_or_insert(about.size);
        let timestamp = about.started + ms / 1000;
        let title = about.title;
        let header = json!({"version": 2, "width": width, "height": height, "timestamp": timestamp, "title": title});
        Some(header.to_string())
    }

    fn rest(&mut self) -> Option<String> {
        let (ms, carried) = std::mem::take(&mut self.carried);
        (!carried.is_empty()).then(|| event(ms, "o", "\u{fffd}"))
    }

    /// Output as text. What is no UTF-8 is replaced; what may become some waits for the next.
    fn text(&mut self, ms: u64, bytes: &[u8]) -> String {
        let (_, mut all) = std::mem::take(&mut self.carried);
        all.extend_from_slice(bytes);
        let mut rest = all.as_slice();
        let mut text = String::new();
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => error,
            };
            let (valid, broken) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            let Some(length) = error.error_len() else {
                self.carried = (ms, broken.to_vec());
                return text;
            };
            text.push('\u{fffd}');
            rest = broken.get(length..).unwrap_or_default();
        }
    }
}

fn event(ms: u64, code: &str, data: &str) -> String {
    // A number of seconds, exact to the millisecond.
    let seconds = format!("{}.{:03}", ms / 1000, ms % 1000);
    format!("[{seconds}, \"{code}\", {}]", json!(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_holder::wire::ExitStatus;

    const ABOUT: About<'_> = About {
        started: 1000,
        title: "build",
        size: (80, 24),
    };

    fn lines(records: Vec<(u64, What)>) -> Vec<String> {
        let mut cast = Cast::default();
        let records = records.into_iter().map(|(ms, what)| Record { ms, what });
        let mut lines: Vec<_> = records.flat_map(|r| cast.record(ABOUT, &r)).collect();
        lines.extend(cast.end(ABOUT));
        lines
    }

    fn output(offset: u64, bytes: &[u8]) -> What {
        What::Output {
            offset,
            bytes: bytes.to_vec(),
        }
    }

    const WIDE: What = What::Size {
        cols: 100,
        rows: 30,
    };

    #[test]
    fn a_recording_begins_with_a_header_and_with_the_first_thing_that_is_kept() {
        let records = vec![
            (5000, WIDE),
            (7500, output(0, b"hi\r\n\x1b[1m")),
            (9001, WIDE),
            (9002, What::Size { cols: 9, rows: 3 }),
            (9003, What::Exit(ExitStatus::Code(0))),
        ];
        assert_eq!(
            lines(records),
            [
                r#"{"height":30,"timestamp":1007,"title":"build","version":2,"width":100}"#,
                r#"[0.000, "o", "hi\r\n\u001b[1m"]"#,
                r#"[1.502, "r", "9x3"]"#,
            ]
        );
    }

    #[test]
    fn a_terminal_that_has_printed_nothing_is_a_recording_of_nothing() {
        assert_eq!(
            lines(Vec::new()),
            [r#"{"height":24,"timestamp":1000,"title":"build","version":2,"width":80}"#]
        );
    }

    #[test]
    fn a_character_in_two_parts_is_one_and_what_is_none_is_replaced() {
        let records = vec![
            (0, output(0, "ä".as_bytes().get(..1).unwrap_or_default())),
            (5, output(1, b"\xa4b\xffc\xe2\x82")),
        ];
        assert_eq!(
            lines(records)[1..],
            [r#"[0.005, "o", "äb�c"]"#, r#"[0.005, "o", "�"]"#]
        );
    }

    #[test]
    fn what_is_not_kept_is_marked_where_it_was() {
        let records = vec![(0, output(10, b"a")), (1, output(12, b"b"))];
        assert_eq!(
            lines(records)[1..],
            [
                r#"[0.000, "m", "10 bytes are not kept"]"#,
                r#"[0.000, "o", "a"]"#,
                r#"[0.001, "m", "1 bytes are not kept"]"#,
                r#"[0.001, "o", "b"]"#,
            ]
        );
    }
}
