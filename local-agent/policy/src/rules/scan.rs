//! A text as a bag of words, for what no parser reads: quotes and backslashes removed, apart at blanks and at every sign that may end a word.
//! It finds more than is there, and knows no order.

use super::pattern::Pattern;
use super::word::{closes, decoded};
use crate::limits::{NEAR, SCANNED_PATTERNS_MAX};
use std::borrow::Cow;
use std::collections::HashSet;

/// The words of one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    /// Names of programs that the words would be.
    names: HashSet<String>,
    words: HashSet<String>,
    patterns: HashSet<Pattern>,
}

impl Scan {
    pub fn of(text: &str) -> Self {
        let mut scan = Self::default();
        let joined: Cow<'_, str> = match text.contains("\\\n") {
            true => text.replace("\\\n", "").into(),
            false => text.into(),
        };
        scan.add(&joined);
        if joined.contains('\\') {
            scan.add(&decoded(&joined));
        }
        // What stands for a variable that is empty begins behind any of these.
        if joined.contains("${") {
            scan.add(&joined.replace([':', '-', '+', '?', '/', '%', '^', '@', '~'], " "));
        }
        if joined.contains(['$', '`']) {
            scan.add(&without_expansions(&joined));
        }
        scan
    }

    /// Too many patterns to compare.
    pub fn overflows(&self) -> bool {
        self.patterns.len() > SCANNED_PATTERNS_MAX
    }

    /// Whether a program may be named.
    pub fn names(&self, name: &Pattern) -> bool {
        let among = match name.literal() {
            Some(name) => self.names.contains(name),
            None => self.names.iter().any(|word| name.matches(word)),
        };
        let program = |word: &Pattern| !word.program().is_open() && word.program().meets(name);
        among || self.patterns.iter().any(program)
    }

    /// Whether a word may be there.
    pub fn has(&self, word: &Pattern) -> bool {
        let among = match word.literal() {
            Some(word) => self.words.contains(word),
            None => self.words.iter().any(|other| word.matches(other)),
        };
        among || self.patterns.iter().any(|other| other.meets(word))
    }

    /// Its options.
    pub fn options(&self) -> impl Iterator<Item = &str> + Clone {
        let words = self.words.iter().map(String::as_str);
        words.filter(|word| word.starts_with('-'))
    }

    fn add(&mut self, text: &str) {
        let mut word = Pattern::default();
        let (mut gapped, mut in_set) = (false, false);
        for c in text.chars() {
            match c {
                '\'' | '"' | '\\' => {}
                '*' | '?' | '[' => {
                    word.push_gap();
                    gapped = true;
                    in_set = c == '[';
                }
                _ if ends_word(c) => {
                    self.take(&mut word, gapped);
                    (gapped, in_set) = (false, false);
                }
                ']' if in_set => in_set = false,
                _ if in_set => {}
                _ => word.push(c),
            }
        }
        self.take(&mut word, gapped);
    }

    fn take(&mut self, word: &mut Pattern, gapped: bool) {
        let taken = std::mem::take(word);
        if taken.text().is_empty() || self.overflows() {
            return;
        }
        if gapped {
            self.patterns.insert(taken);
            return;
        }
        let text = taken.text();
        let name = text.rsplit('/').next().unwrap_or(text).to_lowercase();
        self.names.insert(name);
        self.words.insert(text.to_owned());
    }
}

fn ends_word(c: char) -> bool {
    let sign = matches!(
        c,
        '|' | ';' | '&' | '(' | ')' | '<' | '>' | '{' | '}' | '$' | '=' | ',' | '!' | '`' | '#'
    );
    sign || c.is_whitespace() || c.is_control()
}

/// The text with variables and substitutions left out, as if all of them were empty.
fn without_expansions(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '`']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let mut chars = from.chars();
        let opens = chars.next();
        let behind = chars.as_str();
        let second = behind.chars().next();
        let end = match (opens, second) {
            (Some('`'), _) => Some(behind.find('`').map_or(0, |at| at + 1)),
            (_, Some('{')) => near(behind, '{', '}'),
            (_, Some('(')) => near(behind, '(', ')'),
            (_, Some(c)) if c == '_' || c.is_ascii_alphabetic() => {
                behind.find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
            }
            (_, Some('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9')) => Some(1),
            _ => Some(0),
        };
        rest = end.and_then(|end| behind.get(end..)).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Behind where it closes, if that is near: otherwise every one that does not close would be looked for through the whole text.
fn near(text: &str, open: char, close: char) -> Option<usize> {
    let end = text.char_indices().map(|(at, _)| at).nth(NEAR);
    let head = end.and_then(|end| text.get(..end)).unwrap_or(text);
    Some(closes(head, open, close, 0).map_or(1, |at| at + 1))
}
