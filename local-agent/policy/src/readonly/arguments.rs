//! Reads a program's arguments by its table, as `getopt_long` of GNU does: bundles of letters, glued values, options behind operands, `--`.
//! But names of long options are not cut short.

use super::NotReadOnly;
use super::table::{Kind, Operands, Pattern, Program, Takes, Value};
use crate::grammar::{Piece, Word};
use crate::place::{Look, Place};

/// Arguments that a table allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Options with their values, in order.
    pub options: Vec<(String, Vec<String>)>,
    /// The text in the first operand's place, if the program has one.
    pub pattern: Option<String>,
    /// Operands that are no patterns of names.
    pub operands: Vec<String>,
}

impl Arguments {
    /// Whether one of these options stands there.
    pub fn has(&self, names: &[&str]) -> bool {
        self.options
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The values of an option under any of its names.
    pub fn values<'a>(&'a self, names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        let of = move |(name, _): &&(String, Vec<String>)| names.contains(&name.as_str());
        self.options
            .iter()
            .filter(of)
            .flat_map(|(_, values)| values)
            .map(String::as_str)
    }
}

/// Reads them.
///
/// # Errors
/// One of them is not known to only read.
pub fn read(
    name: &str,
    program: &Program,
    words: &[Word],
    place: &Place<'_>,
) -> Result<Arguments, NotReadOnly> {
    let mut reader = Reader {
        name,
        program,
        place,
        look: if program.names {
            Look::Name
        } else {
            Look::Content
        },
        words: words.iter(),
        options: Vec::new(),
        operands: Vec::new(),
        ended: program.plain,
        no_pattern: false,
        lists: false,
    };
    while let Some(word) = reader.words.next() {
        reader.word(word)?;
    }
    reader.done()
}

struct Reader<'a> {
    name: &'a str,
    program: &'a Program,
    place: &'a Place<'a>,
    look: Look,
    words: std::slice::Iter<'a, Word>,
    options: Vec<(String, Vec<String>)>,
    /// With whether `--` stood before it.
    operands: Vec<(&'a Word, bool)>,
    ended: bool,
    no_pattern: bool,
    lists: bool,
}

impl<'a> Reader<'a> {
    fn word(&mut self, word: &'a Word) -> Result<(), NotReadOnly> {
        let begins = match word.0.first() {
            Some(Piece::Text(text)) => text.as_str(),
            Some(Piece::Any | Piece::One) | None => "",
        };
        let literal = word.literal();
        if self.program.no_at && (begins.starts_with('@') || begins.is_empty() && literal.is_none())
        {
            return Err(self.unknown(begins));
        }
        if self.program.in_order
            && !self.operands.is_empty()
            && self.program.whole_words
            && begins.starts_with('-')
        {
            return Err(self.unknown(begins));
        }
        if self.ended {
            self.operands.push((word, true));
            return Ok(());
        }
        if self.program.whole_words
            && literal
                .as_ref()
                .is_some_and(|text| self.program.options.contains_key(text))
        {
            let name = literal.unwrap_or_default();
            let takes = self.takes(&name)?;
            return self.separate(name, takes);
        }
        if !begins.starts_with('-') || literal.as_deref() == Some("-") {
            self.operands.push((word, false));
            return Ok(());
        }
        let Some(text) = literal else {
            return self.pattern_in_option(word, begins);
        };
        if self.program.in_order && !self.operands.is_empty() {
            return Err(self.unknown(&text));
        }
        if text == "--" && !self.program.whole_words {
            self.ended = true;
            return Ok(());
        }
        if self.program.whole_words {
            return Err(self.unknown(&text));
        }
        match text.strip_prefix("--") {
            Some(_) => self.long(&text),
            None => self.short(&text),
        }
    }

    /// `--include=*.rs`: were there a file of such a name, the option would still be the same.
    fn pattern_in_option(&mut self, word: &Word, begins: &str) -> Result<(), NotReadOnly> {
        let refused = || NotReadOnly::Pattern(self.name.to_owned());
        let (name, _) = begins.split_once('=').ok_or_else(refused)?;
        let takes = self.takes(name)?;
        match takes.value {
            Value::Needs(kinds) if kinds == [Kind::Text] => Ok(()),
            Value::Needs(kinds) if kinds == [Kind::File] => {
                let file: Vec<Piece> = std::iter::once(Piece::Text(
                    begins.get(name.len() + 1..).unwrap_or_default().to_owned(),
                ))
                .chain(word.0.iter().skip(1).cloned())
                .collect();
                Ok(self.place.pattern(&Word(file), self.look)?)
            }
            Value::Needs(_) | Value::Nothing | Value::May(_) | Value::NextIfAny(_) => {
                Err(refused())
            }
        }
    }

    fn long(&mut self, text: &str) -> Result<(), NotReadOnly> {
        let Some((name, value)) = text.split_once('=') else {
            let takes = self.takes(text)?;
            return self.separate(text.to_owned(), takes);
        };
        let takes = self.takes(name)?;
        match &takes.value {
            Value::Needs(kinds) => match kinds.as_slice() {
                [kind] => self.check(name, *kind, value)?,
                _ => return Err(self.unknown(text)),
            },
            Value::May(kind) | Value::NextIfAny(kind) => self.check(name, *kind, value)?,
            Value::Nothing => return Err(self.unknown(text)),
        }
        self.note(name.to_owned(), vec![value.to_owned()], &takes);
        Ok(())
    }

    fn short(&mut self, text: &str) -> Result<(), NotReadOnly> {
        let mut rest = text.get(1..).unwrap_or_default();
        while let Some(letter) = rest.chars().next() {
            let name = format!("-{letter}");
            if !self.program.options.contains_key(&name)
                && letter.is_ascii_digit()
                && self.program.options.contains_key("-#")
            {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                continue;
            }
            let takes = self.takes(&name).map_err(|_| self.unknown(text))?;
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            match &takes.value {
                Value::Nothing => self.note(name, Vec::new(), &takes),
                _ if self.program.apart && !rest.is_empty() => return Err(self.unknown(text)),
                Value::Needs(kinds) if !rest.is_empty() => {
                    let [kind] = kinds.as_slice() else {
                        return Err(self.unknown(text));
                    };
                    self.check(&name, *kind, rest)?;
                    self.note(name, vec![rest.to_owned()], &takes);
                    return Ok(());
                }
                Value::May(kind) | Value::NextIfAny(kind) if !rest.is_empty() => {
                    self.check(&name, *kind, rest)?;
                    self.note(name, vec![rest.to_owned()], &takes);
                    return Ok(());
                }
                Value::Needs(_) | Value::May(_) | Value::NextIfAny(_) => {
                    return self.separate(name, takes);
                }
            }
        }
        Ok(())
    }

    /// An option whose value, if it needs one, is in the words behind it.
    fn separate(&mut self, name: String, takes: Takes) -> Result<(), NotReadOnly> {
        let kinds = match &takes.value {
            Value::Nothing | Value::May(_) => &[][..],
            Value::Needs(kinds) => kinds.as_slice(),
            Value::NextIfAny(kind) if !self.words.as_slice().is_empty() => {
                std::slice::from_ref(kind)
            }
            Value::NextIfAny(_) => &[][..],
        };
        let mut values = Vec::new();
        for kind in kinds {
            let value = self.words.next().and_then(Word::literal);
            // A pattern of names could become several words.
            let value = value.filter(|value| !(self.program.no_at && value.starts_with('@')));
            let value = value.ok_or_else(|| self.unknown(&name))?;
            self.check(&name, *kind, &value)?;
            values.push(value);
        }
        self.note(name, values, &takes);
        Ok(())
    }

    fn note(&mut self, name: String, values: Vec<String>, takes: &Takes) {
        self.no_pattern |= takes.is_pattern;
        self.lists |= takes.lists;
        self.options.push((name, values));
    }

    fn done(self) -> Result<Arguments, NotReadOnly> {
        let mut operands = self.operands.iter();
        let mut arguments = Arguments::default();
        let pattern = self.program.pattern.filter(|_| !self.no_pattern);
        let left_out = pattern == Some(Pattern::IfAny) && self.operands.is_empty();
        if pattern.is_some() && !left_out {
            let text = operands.next().and_then(|(word, _)| word.literal());
            arguments.pattern =
                Some(text.ok_or_else(|| NotReadOnly::NoPattern(self.name.to_owned()))?);
        }
        let kind = match self.program.operands {
            Operands::None if self.lists => Operands::Of(Kind::Text),
            kind @ (Operands::None | Operands::Of(_)) => kind,
        };
        let most = match kind {
            Operands::None => 0,
            Operands::Of(_) => self.program.most.unwrap_or(usize::MAX),
        };
        if operands.len() > most {
            return Err(NotReadOnly::TooMany(self.name.to_owned()));
        }
        for (word, ended) in operands {
            let Operands::Of(kind) = kind else { continue };
            match word.literal() {
                Some(text) => {
                    self.operand(kind, &text)?;
                    arguments.operands.push(text);
                }
                None => self.pattern(word, *ended)?,
            }
        }
        arguments.options = self.options;
        Ok(arguments)
    }

    fn operand(&self, kind: Kind, text: &str) -> Result<(), NotReadOnly> {
        if kind == Kind::File && text == "-" {
            return Ok(());
        }
        self.check(text, kind, text)
    }

    fn pattern(&self, word: &Word, ended: bool) -> Result<(), NotReadOnly> {
        let begins_with_text = matches!(word.0.first(), Some(Piece::Text(_)));
        let safe = begins_with_text || (self.program.globs || ended) && !self.program.whole_words;
        // Of more words one could be where the program writes.
        if !safe || self.program.most.is_some() {
            return Err(NotReadOnly::Pattern(self.name.to_owned()));
        }
        Ok(self.place.pattern(word, self.look)?)
    }

    fn takes(&self, name: &str) -> Result<Takes, NotReadOnly> {
        self.program
            .options
            .get(name)
            .cloned()
            .ok_or_else(|| self.unknown(name))
    }

    fn check(&self, of: &str, kind: Kind, value: &str) -> Result<(), NotReadOnly> {
        let fits = match kind {
            Kind::Text => true,
            Kind::Word => value.bytes().all(is_plain),
            Kind::Number => is_number(value),
            Kind::File => {
                self.place.path(value, self.look)?;
                true
            }
            Kind::Rev => {
                self.revision(value)?;
                true
            }
            Kind::Format => is_plain_format(value),
            Kind::Sort => !value.contains("signature"),
            Kind::Small => value.bytes().all(|byte| byte.is_ascii_lowercase()),
            Kind::Place => {
                let path = value.rsplit_once(':').map_or("", |(_, path)| path);
                self.revision(path)?;
                true
            }
        };
        if fits {
            return Ok(());
        }
        Err(NotReadOnly::Value {
            program: self.name.to_owned(),
            of: of.to_owned(),
            value: value.to_owned(),
        })
    }

    /// A revision, a path, or both: what has the form of a path out of here is looked at as one.
    fn revision(&self, text: &str) -> Result<(), NotReadOnly> {
        let leaves = text.starts_with(['/', '~']) || text.split('/').any(|part| part == "..");
        // Where there is no repository, git compares files, and follows links.
        if leaves || self.place.leads_elsewhere(text) {
            self.place.path(text, Look::Content)?;
        }
        let path = text.rsplit_once(':').map_or(text, |(_, path)| path);
        if self.look == Look::Content && crate::secret::is_secret(std::path::Path::new(path)) {
            return Err(crate::place::Barred::Secret(text.to_owned()).into());
        }
        Ok(())
    }

    fn unknown(&self, option: &str) -> NotReadOnly {
        NotReadOnly::Option {
            program: self.name.to_owned(),
            option: option.to_owned(),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.,:%@+=-".contains(&byte)
}

/// `10`, `+5`, `-3`, `1.5`, `20M`, `50%`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let unit = digits.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < digits.len()
        && unit.len() <= 3
        && unit
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'%')
}

/// Formats that git knows by itself. Another name would be looked up in the repository's configuration, and to verify a signature
/// (`%G?`, `%(signature)`) it starts the program that is named there.
fn is_plain_format(text: &str) -> bool {
    const NAMED: &[&str] = &[
        "oneline",
        "short",
        "medium",
        "full",
        "fuller",
        "reference",
        "email",
        "raw",
        "mboxrd",
    ];
    let own = text.contains('%') || text.starts_with("format:") || text.starts_with("tformat:");
    // `%G?` may have a sign in it: `%+G?`.
    let verifies = text
        .split('%')
        .skip(1)
        .any(|item| item.trim_start_matches(['-', '+', ' ']).starts_with('G'));
    NAMED.contains(&text) || own && !verifies && !text.contains("signature")
}
