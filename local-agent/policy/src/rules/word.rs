//! What one word of a line says, as far as the line says it: quotes and escapes removed, and gaps for what a shell would put in.

use super::pattern::Pattern;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub pattern: Pattern,
    /// The program that it would run, were it a command's first.
    pub program: Pattern,
    /// A variable, a substitution or braces are in it; a pattern of names alone is no such thing.
    pub unknown: bool,
}

impl Word {
    /// Reads the word that this is the source of.
    pub fn read(source: &str) -> Self {
        let mut reader = Reader {
            rest: source,
            pattern: Pattern::default(),
            unknown: false,
        };
        while reader.step() {}
        Self::new(reader.pattern, reader.unknown)
    }

    /// A word that says just this.
    pub fn literal(text: &str) -> Self {
        Self::new(Pattern::from(text), false)
    }

    fn new(pattern: Pattern, unknown: bool) -> Self {
        let program = pattern.program();
        Self {
            pattern,
            program,
            unknown,
        }
    }

    pub fn is_option(&self) -> bool {
        self.pattern.text().starts_with('-') && !self.pattern.begins_with_gap()
    }
}

struct Reader<'a> {
    rest: &'a str,
    pattern: Pattern,
    unknown: bool,
}

impl Reader<'_> {
    fn step(&mut self) -> bool {
        let Some(c) = self.take() else { return false };
        match c {
            '\\' => self.escaped(),
            '\'' => self.until('\''),
            '"' => self.double(),
            '$' => self.dollar(false),
            '`' => self.backquoted(),
            '*' | '?' => self.pattern.push_gap(),
            '[' if self.rest.contains(']') => {
                self.skip_to(|rest| rest.find(']'));
                self.pattern.push_gap();
            }
            '{' if self.rest.contains('}')
                && (self.rest.contains(',') || self.rest.contains("..")) =>
            {
                self.skip_braces();
                self.gap();
            }
            // Of patterns and substitutions no end is looked for: what follows may be anything too.
            '(' | '<' | '>' => {
                self.rest = "";
                self.gap();
            }
            _ => self.pattern.push(c),
        }
        true
    }

    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    fn gap(&mut self) {
        self.unknown = true;
        self.pattern.push_gap();
    }

    fn escaped(&mut self) {
        if let Some(c) = self.take().filter(|c| *c != '\n') {
            self.pattern.push(c);
        }
    }

    fn until(&mut self, end: char) {
        while let Some(c) = self.take().filter(|c| *c != end) {
            self.pattern.push(c);
        }
    }

    fn double(&mut self) {
        while let Some(c) = self.take().filter(|c| *c != '"') {
            match c {
                '\\' if self.rest.starts_with(['$', '`', '"', '\\', '\n']) => self.escaped(),
                '$' => self.dollar(true),
                '`' => self.backquoted(),
                _ => self.pattern.push(c),
            }
        }
    }

    fn dollar(&mut self, quoted: bool) {
        match self.rest.chars().next() {
            Some('\'') if !quoted => {
                self.take();
                let end = end_of_escapes(self.rest);
                let (inside, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
                for c in decoded(inside).chars() {
                    self.pattern.push(c);
                }
                self.rest = rest.strip_prefix('\'').unwrap_or(rest);
            }
            // The same in the reader's language.
            Some('"') if !quoted => {}
            Some('{') => {
                self.take();
                self.skip_braces();
                self.gap();
            }
            Some('(') => {
                self.skip_parentheses();
                self.gap();
            }
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                self.rest = self
                    .rest
                    .trim_start_matches(|c: char| c == '_' || c.is_ascii_alphanumeric());
                self.gap();
            }
            // Of digits, only the first is the name.
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9') => {
                self.take();
                self.gap();
            }
            Some(_) | None => self.pattern.push('$'),
        }
    }

    fn backquoted(&mut self) {
        while let Some(c) = self.take().filter(|c| *c != '`') {
            if c == '\\' {
                self.take();
            }
        }
        self.gap();
    }

    fn skip_braces(&mut self) {
        self.skip_to(|rest| closes(rest, '{', '}', 1));
    }

    fn skip_parentheses(&mut self) {
        self.skip_to(|rest| closes(rest, '(', ')', 0));
    }

    /// Behind what ends there, or to the end of the word.
    fn skip_to(&mut self, end: impl Fn(&str) -> Option<usize>) {
        self.rest = end(self.rest)
            .and_then(|at| self.rest.get(at + 1..))
            .unwrap_or_default();
    }
}

/// Where the last one that is open closes. Quotes do not count: what is hidden by one is found elsewhere, and here only the end of a gap is off.
pub(super) fn closes(text: &str, open: char, close: char, mut depth: usize) -> Option<usize> {
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

fn end_of_escapes(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return at,
            _ => {}
        }
    }
    text.len()
}

/// Text with the escapes of `$'…'` carried out (Bash manual, ANSI-C Quoting). Bytes beyond ASCII come out as one character each.
pub(super) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let mut chars = from.chars();
        chars.next();
        let kind = chars.next();
        rest = chars.as_str();
        match kind {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('e' | 'E') => out.push('\u{1b}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some('x') => number(&mut rest, 16, 2, "", &mut out),
            Some('u') => number(&mut rest, 16, 4, "", &mut out),
            Some('U') => number(&mut rest, 16, 8, "", &mut out),
            Some('c') => {
                let c = rest.chars().next();
                rest = rest.get(c.map_or(0, char::len_utf8)..).unwrap_or_default();
                out.extend(c.filter(char::is_ascii).map(|c| char::from(c as u8 & 0x1f)));
            }
            Some(digit @ '0'..='7') => {
                number(&mut rest, 8, 2, digit.encode_utf8(&mut [0; 4]), &mut out)
            }
            Some(c) => out.push(c),
            None => out.push('\\'),
        }
    }
    out.push_str(rest);
    out
}

fn number(rest: &mut &str, radix: u32, most: usize, first: &str, out: &mut String) {
    let length = rest
        .bytes()
        .take(most)
        .take_while(|byte| char::from(*byte).is_digit(radix))
        .count();
    let (digits, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
    let value = u32::from_str_radix(&format!("{first}{digits}"), radix).ok();
    out.extend(value.and_then(char::from_u32));
    *rest = after;
}
