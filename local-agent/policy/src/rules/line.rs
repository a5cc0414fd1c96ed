//! All that a line may run, for rules that deny or ask.
//!
//! Three readings are put together, and a rule is touched by any of them. [`crate::grammar`] reads lines that are clear. The grammar of
//! tree-sitter finds commands in nearly everything else: in pipelines, groups, functions and control structures, and in substitutions inside
//! of words, quotes and here-documents. Where it is lost, or where the line does not say what runs, [`Scan`] takes all words together.
//!
//! Words that a program runs (`programs`) are looked through: every tail of them counts as a command of its own, and each of them is read as
//! a line again.
//!
//! What is **not** found, because the line does not say it: programs named by what a variable from elsewhere, a file, a script, a network or
//! an encoding (`base64 -d | sh`) holds. Such a line is not clear, so a person is asked. No rule that denies replaces that.

mod through;

use super::pattern::Pattern;
use super::scan::Scan;
use super::word::Word;
use crate::grammar;
use crate::limits::{
    DEPTH_MAX, INVOCATIONS_MAX, PARSED_ALL_MAX, PARSED_MAX, PARSED_SIGNS_MAX, SEEN_MAX,
};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use tree_sitter::{Node, Parser, Tree};

/// All that a line may run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// It is too large or too deep to be looked through.
    pub(super) everything: bool,
    pub(super) commands: Vec<Invocation>,
    /// Texts of which any word may be any part of a command.
    pub(super) scans: Vec<Scan>,
    /// The whole line the same way, for the commands with words that it does not say.
    pub(super) whole: Option<Scan>,
}

/// One command that may run.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    words: Arc<[Word]>,
    from: usize,
    /// Some of its words are not known.
    pub loose: bool,
}

impl Invocation {
    pub fn program(&self) -> Option<&Pattern> {
        self.words.get(self.from).map(|word| &word.program)
    }

    pub fn arguments(&self) -> &[Word] {
        self.words.get(self.from + 1..).unwrap_or_default()
    }
}

impl Seen {
    /// Reads any text at all.
    #[must_use]
    pub fn in_line(line: &str) -> Self {
        let mut reader = Reader::new(line);
        if line.len() > SEEN_MAX {
            reader.seen.everything = true;
        } else {
            reader.lines.push((line.to_owned(), 0));
            reader.run();
        }
        reader.finish()
    }

    /// What the second parser alone finds, for tests that compare.
    #[cfg(test)]
    pub(super) fn by_tree(line: &str) -> Self {
        let mut reader = Reader::new(line);
        reader.tree(line);
        reader.seen
    }
}

struct Reader<'a> {
    line: &'a str,
    parser: Option<Parser>,
    seen: Seen,
    /// Still to be read, and how deep in words each was.
    lines: Vec<(String, usize)>,
    known: HashSet<String>,
    scanned: HashSet<String>,
    depth: usize,
    parsed: usize,
    /// What the parser may have needed at worst: the square of the signs.
    steps: usize,
    /// The line that is read now has been scanned.
    scanned_now: bool,
    /// The whole line has been, for one inside of it.
    scanned_whole: bool,
    loose: bool,
}

impl<'a> Reader<'a> {
    fn new(line: &'a str) -> Self {
        let mut parser = Parser::new();
        let language = parser.set_language(&tree_sitter_bash::LANGUAGE.into());
        Self {
            line,
            // Of another version than the library it would not be used, and every line scanned.
            parser: language.is_ok().then_some(parser),
            seen: Seen::default(),
            lines: Vec::new(),
            known: HashSet::new(),
            scanned: HashSet::new(),
            depth: 0,
            parsed: 0,
            steps: 0,
            scanned_now: false,
            scanned_whole: false,
            loose: false,
        }
    }

    fn run(&mut self) {
        while let Some((line, depth)) = self.lines.pop() {
            let too_many = self.seen.commands.len() > INVOCATIONS_MAX;
            let too_long =
                self.parsed > PARSED_ALL_MAX || self.steps > PARSED_SIGNS_MAX * PARSED_SIGNS_MAX;
            if too_many || too_long || depth > DEPTH_MAX {
                self.seen.everything = true;
                return;
            }
            self.depth = depth;
            // Bash takes these away before it reads words; the parser takes them for blanks.
            if line.contains("\\\n") {
                self.read(&line.replace("\\\n", ""));
            }
            self.read(&line);
        }
    }

    fn finish(mut self) -> Seen {
        if self.loose && !self.seen.everything {
            self.seen.whole = Some(Scan::of(self.line));
        }
        let scans = self.seen.scans.iter().chain(&self.seen.whole);
        if scans.into_iter().any(Scan::overflows) {
            self.seen.everything = true;
        }
        self.seen
    }

    fn read(&mut self, line: &str) {
        self.scanned_now = false;
        if let Ok(clear) = grammar::parse(line) {
            for command in clear.commands() {
                let words = command.arguments.iter().map(|word| {
                    let mut pattern = String::new();
                    for piece in &word.0 {
                        match piece {
                            grammar::Piece::Text(text) => {
                                pattern.extend(text.chars().flat_map(|c| ['\\', c]))
                            }
                            grammar::Piece::Any | grammar::Piece::One => pattern.push('*'),
                        }
                    }
                    Word::read(&pattern)
                });
                let words = std::iter::once(Word::literal(&command.name))
                    .chain(words)
                    .collect();
                self.command(words, line, false);
            }
        }
        // Control characters mean other things to other shells, and a parser in C need not see them.
        let strange = line
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t');
        // What a variable holds is read as a prompt, with substitutions that are in no line.
        if line.contains("@P}") {
            self.scan_now(line);
        }
        let signs = signs(line);
        if line.len() > PARSED_MAX || signs > PARSED_SIGNS_MAX || strange {
            self.scan_now(line);
        } else {
            self.parsed += line.len();
            self.steps += signs * signs;
            self.tree(line);
        }
    }

    fn tree(&mut self, line: &str) {
        let Some(tree) = self.parse(line) else {
            self.scan_now(line);
            return;
        };
        if tree.root_node().has_error() {
            self.scan_now(line);
        }
        let mut cursor = tree.walk();
        loop {
            self.node(cursor.node(), line);
            if cursor.goto_first_child() || cursor.goto_next_sibling() {
                continue;
            }
            loop {
                if !cursor.goto_parent() {
                    return;
                }
                if cursor.goto_next_sibling() {
                    break;
                }
            }
        }
    }

    fn parse(&mut self, line: &str) -> Option<Tree> {
        let parser = self.parser.as_mut()?;
        parser.reset();
        parser.parse(&*masked(line), None)
    }

    fn node(&mut self, node: Node<'_>, line: &str) {
        let source = |node: Node<'_>| line.get(node.byte_range()).unwrap_or_default();
        if is_torn(node, line) {
            self.scan_now(line);
        }
        match node.kind() {
            "command" | "declaration_command" | "unset_command" | "test_command" => {
                let mut cursor = node.walk();
                let own = |child: &Node<'_>| {
                    !matches!(
                        child.kind(),
                        "file_redirect" | "herestring_redirect" | "heredoc_redirect" | "comment"
                    )
                };
                let is_word = |child: &Node<'_>| {
                    node.kind() != "command" || child.kind() != "variable_assignment"
                };
                let words: Vec<_> = node
                    .children(&mut cursor)
                    .filter(|child| own(child) && is_word(child))
                    .map(|child| Word::read(source(child)))
                    .collect();
                // A variable that the parser takes for a program.
                if words
                    .first()
                    .is_some_and(|word| word.pattern.text().contains('='))
                {
                    self.scan_now(line);
                }
                self.command(words, line, false);
            }
            "variable_assignment" => {
                if let Some(value) = node.child_by_field_name("value") {
                    self.value(&Word::read(source(value)));
                }
            }
            // The grammar takes words behind a redirection for its targets.
            "file_redirect" => {
                let mut cursor = node.walk();
                let targets = node.children_by_field_name("destination", &mut cursor);
                if targets.count() > 1 {
                    self.scan_now(line);
                }
            }
            "heredoc_redirect" if !ends_where_it_says(node, line) => self.scan_now(line),
            "comment" => {}
            // A substitution that was not seen as one, or text in quotes that has one and may be read again.
            _ if node.child_count() == 0 => {
                let text = source(node);
                if text.len() > 2 && (text.contains("$(") || text.contains('`')) {
                    self.scan(text);
                }
            }
            _ => {}
        }
    }

    /// All words of a text count.
    fn scan(&mut self, text: &str) {
        if self.scanned.insert(text.to_owned()) {
            self.seen.scans.push(Scan::of(text));
        }
    }

    /// All words of the line that is read now count.
    fn scan_now(&mut self, text: &str) {
        if !std::mem::replace(&mut self.scanned_now, true) {
            self.scan(text);
        }
    }

    /// What runs comes from elsewhere: perhaps from the other end of a pipe.
    fn scan_all(&mut self, text: &str) {
        if self.depth > 0 && !std::mem::replace(&mut self.scanned_whole, true) {
            self.scan(self.line);
        }
        self.scan_now(text);
    }
}

/// Whether a line ends, or a command may, in what the parser takes for one piece.
fn is_torn(node: Node<'_>, line: &str) -> bool {
    let mut cursor = node.walk();
    let mut ends = node.start_byte();
    let kind = node.kind();
    node.children(&mut cursor).any(|child| {
        let between = line.get(ends..child.start_byte()).unwrap_or_default();
        let inner = ends > node.start_byte();
        ends = child.end_byte();
        let redirects = child.kind().ends_with("_redirect");
        // An escaped blank is a word, or part of one. A word's parts stand together; and where nothing stands between two words, Bash would see one.
        between.contains('\\')
            || PARTS_OF_WORDS.contains(&kind) && !between.is_empty()
            || WORDS.contains(&kind) && inner && !redirects && between.is_empty()
            || (WORDS.contains(&kind) || REDIRECTED.contains(&kind)) && between.contains('\n')
    })
}

const PARTS_OF_WORDS: &[&str] = &[
    "command_name",
    "concatenation",
    "simple_expansion",
    "variable_assignment",
];
const WORDS: &[&str] = &[
    "command",
    "declaration_command",
    "unset_command",
    "variable_assignments",
];
const REDIRECTED: &[&str] = &[
    "file_redirect",
    "herestring_redirect",
    "redirected_statement",
    "test_command",
];

/// Whether Bash sees the same here-document: one, with a plain word for its end, which no line of it is, and nothing else behind that word.
fn ends_where_it_says(node: Node<'_>, line: &str) -> bool {
    let mut cursor = node.walk();
    let (mut word, mut body) = ("", "");
    for child in node.children(&mut cursor) {
        let source = line.get(child.byte_range()).unwrap_or_default();
        match child.kind() {
            "heredoc_start" => word = source,
            "heredoc_body" => body = source,
            "<<" | "<<-" | "heredoc_end" => {}
            _ => return false,
        }
    }
    let quoted = |quote| {
        word.strip_prefix(quote)
            .and_then(|word| word.strip_suffix(quote))
    };
    let word = quoted('\'').or_else(|| quoted('"')).unwrap_or(word);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !word.is_empty() && word.chars().all(plain) && body.lines().all(|line| line.trim() != word)
}

/// The text with a letter for each byte that is not ASCII, which to Bash are letters too. The parser looks some characters up in a table of
/// the C library that has no place for them, and reads outside of it.
fn masked(line: &str) -> Cow<'_, str> {
    if line.is_ascii() {
        return line.into();
    }
    let mask = |byte: u8| {
        if byte.is_ascii() {
            char::from(byte)
        } else {
            '_'
        }
    };
    line.bytes().map(mask).collect::<String>().into()
}

/// Signs of the shell's language, over which the parser may have to go more than once.
fn signs(text: &str) -> usize {
    text.bytes()
        .filter(|byte| {
            byte.is_ascii_punctuation()
                && !matches!(byte, b'.' | b'-' | b'_' | b'/' | b',' | b':' | b'+' | b'@')
        })
        .count()
}
