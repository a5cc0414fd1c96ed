//! Reads a line, one byte after the other, and stops at the first that is not clear.

use super::{Command, Join, Line, Piece, Pipeline, Redirect, Unclear, Why, Word};
use crate::limits::{COMMANDS_MAX, LINE_MAX, WORDS_MAX};

/// Reads a line.
///
/// # Errors
/// It is not clear.
pub fn parse(line: &str) -> Result<Line, Unclear> {
    if line.len() > LINE_MAX {
        return Err(Unclear {
            at: LINE_MAX,
            why: Why::TooLong,
        });
    }
    // Whatever else there is: a person could not be shown it as it is.
    for (at, byte) in line.bytes().enumerate() {
        let why = match byte {
            b' '..=b'~' | b'\t' => continue,
            128.. => Why::Foreign,
            _ => Why::Control,
        };
        return Err(Unclear { at, why });
    }
    let mut reader = Reader {
        bytes: line.as_bytes(),
        at: 0,
        commands: 0,
    };
    reader.line()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    commands: usize,
}

/// A word as it was written.
#[derive(Default)]
struct Written {
    word: Word,
    /// Some of it was quoted or escaped, so it is no word of the shell's own.
    quoted: bool,
}

impl Reader<'_> {
    fn line(&mut self) -> Result<Line, Unclear> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let join = match self.peek() {
                None => return Ok(Line { first, rest }),
                Some(b'&') if self.is(b"&&") => Join::And,
                Some(b'|') if self.is(b"||") => Join::Or,
                Some(b';') if !self.is(b";;") => Join::Then,
                Some(b';') => return self.unclear(Why::Nothing),
                Some(b'&') => return self.unclear(Why::Background),
                Some(b')') => return self.unclear(Why::Group),
                Some(_) => return self.unclear(Why::Nothing),
            };
            self.at += if join == Join::Then { 1 } else { 2 };
            self.blanks();
            if join == Join::Then && self.peek().is_none() {
                return Ok(Line { first, rest });
            }
            rest.push((join, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, Unclear> {
        self.blanks();
        let negated = self.peek() == Some(b'!') && self.word_ends(self.at + 1);
        if negated {
            self.at += 1;
        }
        let mut commands = vec![self.command()?];
        while self.peek() == Some(b'|') && !self.is(b"||") {
            if self.is(b"|&") {
                return self.unclear(Why::Background);
            }
            self.at += 1;
            commands.push(self.command()?);
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self) -> Result<Command, Unclear> {
        self.blanks();
        let at = self.at;
        self.commands += 1;
        if self.commands > COMMANDS_MAX {
            return self.unclear(Why::TooMany);
        }
        let (mut words, mut redirects) = (Vec::new(), Vec::new());
        loop {
            self.blanks();
            match self.peek() {
                None | Some(b'|' | b';' | b')') => break,
                Some(b'&') if !self.is(b"&>") => break,
                Some(b'(') => return self.unclear(Why::Group),
                Some(b'&' | b'<' | b'>') => self.redirect(None, &mut redirects)?,
                Some(b'#') => return self.unclear(Why::Comment),
                Some(_) => {
                    let begins = self.at;
                    let written = self.word()?;
                    let number = written.number();
                    if number.is_some() && matches!(self.peek(), Some(b'<' | b'>')) {
                        self.redirect(number, &mut redirects)?;
                        continue;
                    }
                    if words.is_empty() {
                        written.check_name(begins, self.bytes)?;
                    }
                    words.push(written.word);
                    if words.len() > WORDS_MAX {
                        return self.unclear(Why::TooMany);
                    }
                }
            }
        }
        let mut words = words.into_iter();
        let name = words.next().ok_or(Unclear {
            at,
            why: Why::Nothing,
        })?;
        let name = name.literal().filter(|name| !name.is_empty());
        Ok(Command {
            name: name.ok_or(Unclear { at, why: Why::Name })?,
            arguments: words.collect(),
            redirects,
        })
    }

    /// Behind a file's number, if one was written.
    fn redirect(&mut self, number: Option<u8>, into: &mut Vec<Redirect>) -> Result<(), Unclear> {
        let begins = self.at;
        let refused = Err(Unclear {
            at: begins,
            why: Why::Redirection,
        });
        if self.is(b"&>") {
            self.at += 2;
            self.null(begins)?;
            into.extend([Redirect::DropOutput, Redirect::ErrorsToOutput]);
            return Ok(());
        }
        if self.peek() == Some(b'<') {
            self.at += 1;
            if number.is_some() || matches!(self.peek(), Some(b'<' | b'>' | b'&' | b'(')) {
                return refused;
            }
            let file = self.target(begins)?;
            // Bash makes connections of some of these.
            if file.starts_with("/dev/") && file != "/dev/null" {
                return refused;
            }
            into.push(Redirect::Input(file));
            return Ok(());
        }
        self.at += 1;
        match self.peek() {
            Some(b'>' | b'|' | b'(') => refused,
            Some(b'&') => {
                self.at += 1;
                let to = self.peek();
                self.at += 1;
                // One more character, and it would be another file, or a word.
                let ends = matches!(self.peek(), None | Some(b' ' | b'\t' | b'|' | b';' | b'&'));
                into.push(match (number, to) {
                    (Some(2), Some(b'1')) if ends => Redirect::ErrorsToOutput,
                    (None | Some(1), Some(b'2')) if ends => Redirect::OutputToErrors,
                    _ => return refused,
                });
                Ok(())
            }
            _ => {
                self.null(begins)?;
                into.push(match number {
                    None | Some(1) => Redirect::DropOutput,
                    Some(2) => Redirect::DropErrors,
                    Some(_) => return refused,
                });
                Ok(())
            }
        }
    }

    fn null(&mut self, begins: usize) -> Result<(), Unclear> {
        if self.target(begins)? == "/dev/null" {
            return Ok(());
        }
        Err(Unclear {
            at: begins,
            why: Why::Redirection,
        })
    }

    /// The file of a redirection.
    fn target(&mut self, begins: usize) -> Result<String, Unclear> {
        self.blanks();
        let refused = Unclear {
            at: begins,
            why: Why::Redirection,
        };
        if matches!(
            self.peek(),
            None | Some(b'#' | b'&' | b'|' | b';' | b'<' | b'>' | b'(' | b')')
        ) {
            return Err(refused);
        }
        let file = self.word()?.word.literal().filter(|file| !file.is_empty());
        file.ok_or(refused)
    }

    fn word(&mut self) -> Result<Written, Unclear> {
        let begins = self.at;
        let mut written = Written::default();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'|' | b'&' | b';' | b'<' | b'>' => break,
                b'(' | b')' => return self.unclear(Why::Group),
                // Nothing follows that it could stand for.
                b'$' if self.word_ends(self.at + 1) => self.plain(&mut written, byte),
                b'$' => return self.unclear(Why::Dollar),
                b'`' => return self.unclear(Why::Backquote),
                b'\'' => self.single(&mut written)?,
                b'"' => self.double(&mut written)?,
                b'\\' => {
                    let escaped = self.bytes.get(self.at + 1).copied();
                    let Some(escaped) = escaped else {
                        return self.unclear(Why::Unfinished);
                    };
                    written.quote();
                    written.push(escaped);
                    self.at += 2;
                }
                b'!' if self.is_history() => return self.unclear(Why::History),
                b'*' => self.pattern(&mut written, Piece::Any),
                b'?' => self.pattern(&mut written, Piece::One),
                // The command `[`, and its last argument, are words of their own.
                b'[' if self.at == begins && self.word_ends(self.at + 1) => {
                    self.plain(&mut written, byte)
                }
                b'[' => return self.unclear(Why::Bracket),
                b'~' if self.begins_home(begins) => return self.unclear(Why::Tilde),
                b'{' if self.expands(self.at) => return self.unclear(Why::Braces),
                _ => self.plain(&mut written, byte),
            }
        }
        Ok(written)
    }

    fn plain(&mut self, written: &mut Written, byte: u8) {
        written.push(byte);
        self.at += 1;
    }

    fn pattern(&mut self, written: &mut Written, piece: Piece) {
        written.word.0.push(piece);
        self.at += 1;
    }

    fn single(&mut self, written: &mut Written) -> Result<(), Unclear> {
        let opens = self.at;
        written.quote();
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'\'' {
                return Ok(());
            }
            written.push(byte);
        }
        Err(Unclear {
            at: opens,
            why: Why::Unfinished,
        })
    }

    fn double(&mut self, written: &mut Written) -> Result<(), Unclear> {
        let opens = self.at;
        written.quote();
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'$' if self.bytes.get(self.at + 1) == Some(&b'"') => self.plain(written, byte),
                b'$' => return self.unclear(Why::Dollar),
                b'`' => return self.unclear(Why::Backquote),
                b'!' if self.is_history() => return self.unclear(Why::History),
                b'\\' => match self.bytes.get(self.at + 1).copied() {
                    Some(escaped @ (b'"' | b'\\' | b'$' | b'`')) => {
                        written.push(escaped);
                        self.at += 2;
                    }
                    // Before anything else a backslash is itself.
                    Some(_) => self.plain(written, byte),
                    None => break,
                },
                _ => self.plain(written, byte),
            }
        }
        Err(Unclear {
            at: opens,
            why: Why::Unfinished,
        })
    }

    /// Whether `!` here stands for an earlier command. Before these it does not (Bash manual, "Event Designators").
    fn is_history(&self) -> bool {
        let next = self.bytes.get(self.at + 1);
        !matches!(next, None | Some(b' ' | b'\t' | b'=' | b'"'))
    }

    /// Whether `~` stands here for a home directory, or would in an assignment.
    fn begins_home(&self, begins: usize) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.bytes.get(at));
        self.at == begins || matches!(before, Some(b'=' | b':'))
    }

    /// Whether braces that open here may be taken for several words: whatever has a comma or two dots before the last that close in the word.
    fn expands(&self, opens: usize) -> bool {
        let rest = self.bytes.get(opens..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b' ' | b'\t'))
            .unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let closes = word.iter().rposition(|byte| *byte == b'}').unwrap_or(0);
        let word = word.get(..closes).unwrap_or_default();
        word.contains(&b',') || word.windows(2).any(|pair| pair == b"..")
    }

    fn word_ends(&self, at: usize) -> bool {
        let byte = self.bytes.get(at);
        matches!(byte, None | Some(b' ' | b'\t'))
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is(&self, text: &[u8]) -> bool {
        self.bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(text))
    }

    fn unclear<T>(&self, why: Why) -> Result<T, Unclear> {
        Err(Unclear { at: self.at, why })
    }
}

/// Words that a shell takes for its own where a command begins (POSIX 2.4, and what Bash and Zsh add).
const RESERVED: &[&str] = &[
    "!",
    "{",
    "}",
    "[[",
    "]]",
    "case",
    "coproc",
    "do",
    "done",
    "elif",
    "else",
    "end",
    "esac",
    "fi",
    "for",
    "foreach",
    "function",
    "if",
    "in",
    "nocorrect",
    "noglob",
    "repeat",
    "select",
    "then",
    "time",
    "until",
    "while",
];

impl Written {
    /// It has a quote or an escape: a word even if nothing is in it.
    fn quote(&mut self) {
        self.quoted = true;
        if self.word.0.is_empty() {
            self.word.0.push(Piece::Text(String::new()));
        }
    }

    fn push(&mut self, byte: u8) {
        let c = char::from(byte);
        if let Some(Piece::Text(text)) = self.word.0.last_mut() {
            text.push(c);
        } else {
            self.word.0.push(Piece::Text(c.into()));
        }
    }

    /// The number of a file, if that is all there is.
    fn number(&self) -> Option<u8> {
        let text = self.word.literal().filter(|_| !self.quoted)?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A higher one than there can be is refused as any other.
        is_number.then(|| text.parse().unwrap_or(u8::MAX))
    }

    /// Whether a command may begin with it.
    fn check_name(&self, at: usize, bytes: &[u8]) -> Result<(), Unclear> {
        let text = self.word.literal().ok_or(Unclear { at, why: Why::Name })?;
        if !self.quoted && RESERVED.contains(&text.as_str()) {
            return Err(Unclear {
                at,
                why: Why::Reserved,
            });
        }
        let raw = bytes.get(at..).unwrap_or_default();
        let length = raw.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        let raw = raw.get(..length.unwrap_or(raw.len())).unwrap_or_default();
        // In quotes it would be none; but nobody names a program so.
        if text.contains('=') || raw.contains(&b'=') {
            return Err(Unclear {
                at,
                why: Why::Assignment,
            });
        }
        Ok(())
    }
}
