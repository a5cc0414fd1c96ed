//! Finding what a command wrote between marks in a terminal's output.
//!
//! A mark is an escape sequence that terminals ignore (OSC, ECMA-48 8.3.89) with a random tag. What a shell echoes of the line that prints
//! it holds neither the escape byte nor the whole tag, so only the script that was started can have printed it.

use bytes::{Bytes, BytesMut};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The script runs and reads.
    Ready,
    /// The command starts.
    Begin,
    /// What it wrote.
    Output(Bytes),
    /// It ended with this status.
    End(u8),
}

/// The longest word of a mark: `end;255`.
const WORD_MAX: usize = 7;

/// Reads a terminal's output as it comes.
#[derive(Debug)]
pub(super) struct Markers {
    prefix: Vec<u8>,
    held: BytesMut,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Inside,
    After,
}

enum Match {
    /// A mark of so many bytes.
    Mark(Word, usize),
    /// Too short to tell.
    Partial,
    Nothing,
}

enum Word {
    Ready,
    Begin,
    End(u8),
}

impl Markers {
    /// Looks for marks with this tag.
    pub fn new(tag: &str) -> Self {
        Self {
            prefix: format!("\x1b]7717;{tag};").into_bytes(),
            held: BytesMut::new(),
            stage: Stage::Before,
        }
    }

    /// Takes output; returns what was found, in order.
    pub fn feed(&mut self, output: &[u8]) -> Vec<Found> {
        self.held.extend_from_slice(output);
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = self.held[from..]
            .iter()
            .position(|byte| *byte == 0x1b)
            .map(|at| from + at)
        {
            match self.mark(at) {
                Match::Nothing => from = at + 1,
                Match::Partial => {
                    self.emit(at, &mut found);
                    return found;
                }
                Match::Mark(word, length) => {
                    self.emit(at, &mut found);
                    drop(self.held.split_to(length));
                    from = 0;
                    self.pass(&word, &mut found);
                }
            }
        }
        self.emit(self.held.len(), &mut found);
        found
    }

    /// What was held back because it might have become a mark.
    pub fn rest(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        self.emit(self.held.len(), &mut found);
        found
    }

    /// Lets go of the first `length` bytes.
    fn emit(&mut self, length: usize, found: &mut Vec<Found>) {
        let bytes = self.held.split_to(length);
        if self.stage == Stage::Inside && !bytes.is_empty() {
            found.push(Found::Output(bytes.freeze()));
        }
    }

    fn mark(&self, at: usize) -> Match {
        let rest = &self.held[at..];
        let head = rest.len().min(self.prefix.len());
        if rest[..head] != self.prefix[..head] {
            return Match::Nothing;
        }
        let word = &rest[head..];
        match word
            .iter()
            .take(WORD_MAX + 1)
            .position(|byte| *byte == 0x07)
        {
            Some(end) => match read_word(&word[..end]) {
                Some(word) => Match::Mark(word, head + end + 1),
                None => Match::Nothing,
            },
            None if word.len() > WORD_MAX => Match::Nothing,
            None => Match::Partial,
        }
    }

    fn pass(&mut self, word: &Word, found: &mut Vec<Found>) {
        match (word, self.stage) {
            (Word::Ready, Stage::Before) => found.push(Found::Ready),
            (Word::Begin, Stage::Before) => {
                self.stage = Stage::Inside;
                found.push(Found::Begin);
            }
            (Word::End(status), Stage::Inside) => {
                self.stage = Stage::After;
                found.push(Found::End(*status));
            }
            (
                Word::Ready | Word::Begin | Word::End(_),
                Stage::Before | Stage::Inside | Stage::After,
            ) => {}
        }
    }
}

fn read_word(word: &[u8]) -> Option<Word> {
    match word {
        b"ready" => Some(Word::Ready),
        b"begin" => Some(Word::Begin),
        _ => {
            let digits = std::str::from_utf8(word.strip_prefix(b"end;")?).ok()?;
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok().map(Word::End))?
        }
    }
}

/// Takes back what a terminal does to new lines: CR LF becomes LF, across pieces.
#[derive(Debug, Default)]
pub(super) struct NewLines {
    held: bool,
}

impl NewLines {
    pub fn feed(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            if std::mem::take(&mut self.held) && byte != b'\n' {
                out.extend_from_slice(b"\r");
            }
            if byte == b'\r' {
                self.held = true;
            } else {
                out.extend_from_slice(&[byte]);
            }
        }
        out.freeze()
    }

    pub fn rest(&mut self) -> Bytes {
        if std::mem::take(&mut self.held) {
            Bytes::from_static(b"\r")
        } else {
            Bytes::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAG: &str = "0123abcd";

    fn mark(word: &str) -> Vec<u8> {
        format!("\x1b]7717;{TAG};{word}\x07").into_bytes()
    }

    fn joined(found: Vec<Found>) -> (Vec<Found>, Vec<u8>) {
        let mut output = Vec::new();
        let others = found.into_iter().filter(|found| match found {
            Found::Output(bytes) => {
                output.extend_from_slice(bytes);
                false
            }
            Found::Ready | Found::Begin | Found::End(_) => true,
        });
        (others.collect(), output)
    }

    #[test]
    fn only_what_stands_between_the_marks_is_the_commands() {
        let stream = [
            b"$ printf \\033]7717;0123abcd;begin\r\n",
            &mark("ready")[..],
            b"echo",
            &mark("begin"),
            b"hi\x1b[m",
            &mark("end;7"),
            b"$ ",
        ];
        let found = joined(Markers::new(TAG).feed(&stream.concat()));
        assert_eq!(
            found,
            (
                vec![Found::Ready, Found::Begin, Found::End(7)],
                b"hi\x1b[m".to_vec()
            )
        );
    }

    #[test]
    fn a_mark_with_another_tag_or_a_wrong_word_is_output_like_any_other() {
        let fake = b"\x1b]7717;0123abce;end;0\x07\x1b]7717;0123abcd;end;256\x07\x1b]7717;0123abcd;end;+1\x07";
        let mut markers = Markers::new(TAG);
        markers.feed(&mark("begin"));
        assert_eq!(joined(markers.feed(fake)), (vec![], fake.to_vec()));
    }

    #[test]
    fn a_half_mark_at_the_end_of_all_output_is_output() {
        let mut markers = Markers::new(TAG);
        markers.feed(&mark("begin"));
        assert_eq!(markers.feed(b"x\x1b]7717;01").len(), 1);
        assert_eq!(
            markers.rest(),
            [Found::Output(Bytes::from_static(b"\x1b]7717;01"))]
        );
    }

    fn chunked(stream: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(stream[from..cut].to_vec());
            from = cut;
        }
        chunks.push(stream[from..].to_vec());
        chunks
    }

    proptest! {
        #[test]
        fn marks_are_found_however_the_output_is_cut(
            echo in "[a-z\\x1b\\]7;\\x07]{0,40}",
            output in "[a-z\\x1b\\]7;\\x07\r\n]{0,80}",
            status: u8,
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let end = mark(&format!("end;{status}"));
            let stream = [echo.as_bytes(), &mark("ready"), &mark("begin"), output.as_bytes(), &end, b"tail"].concat();
            let mut markers = Markers::new(TAG);
            let mut found: Vec<_> = chunked(&stream, &cuts).iter().flat_map(|chunk| markers.feed(chunk)).collect();
            found.extend(markers.rest());
            let expected = (vec![Found::Ready, Found::Begin, Found::End(status)], output.into_bytes());
            prop_assert_eq!(joined(found), expected);
        }

        #[test]
        fn new_lines_go_back_however_the_output_is_cut(text in "[a\r\n]{0,40}", cuts in proptest::collection::vec(any::<usize>(), 0..10)) {
            let through_terminal = text.replace('\n', "\r\n");
            let mut lines = NewLines::default();
            let mut back: Vec<u8> = chunked(through_terminal.as_bytes(), &cuts).iter().flat_map(|chunk| lines.feed(chunk)).collect();
            back.extend(lines.rest());
            prop_assert_eq!(back, text.into_bytes());
        }
    }
}
