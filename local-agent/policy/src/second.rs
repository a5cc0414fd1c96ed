//! The same line read a second time, by a parser that shares nothing with [`grammar`](crate::grammar): tree-sitter's of Bash. A line is
//! clear only if both read the same from it, so that a mistake in one of them asks instead of letting something run.
//!
//! Only lines that the grammar has taken come here: printable ASCII of bounded length. The parser itself is C.

use crate::grammar::{Command, Join, Line, Piece, Pipeline, Redirect, Word};
use std::cell::RefCell;
use tree_sitter::{Node, Parser};

/// Whether the second parser reads `read` from `line` too.
#[must_use]
pub fn agrees(line: &str, read: &Line) -> bool {
    second(line).is_some_and(|second| second == *read)
}

thread_local! {
    /// Making one costs as much as a short line.
    static PARSER: RefCell<Option<Parser>> = RefCell::new(bash());
}

fn bash() -> Option<Parser> {
    let mut parser = Parser::new();
    let language = tree_sitter_bash::LANGUAGE.into();
    parser.set_language(&language).ok()?;
    Some(parser)
}

/// What the second parser reads, if it is of the kind that the grammar can say.
fn second(line: &str) -> Option<Line> {
    let tree = PARSER.with_borrow_mut(|parser| parser.as_mut()?.parse(line, None))?;
    let root = tree.root_node();
    if root.has_error() {
        return None;
    }
    let reader = Reader { line };
    let mut pipelines = Vec::new();
    let mut join = Join::Then;
    let mut open = true;
    for child in children(root) {
        if child.kind() == ";" {
            // Two in a row, or one before anything.
            if open {
                return None;
            }
            open = true;
            continue;
        }
        if !open {
            return None;
        }
        reader.statement(child, join, &mut pipelines)?;
        join = Join::Then;
        open = false;
    }
    let mut pipelines = pipelines.into_iter();
    let (_, first) = pipelines.next()?;
    Some(Line {
        first,
        rest: pipelines.collect(),
    })
}

struct Reader<'a> {
    line: &'a str,
}

type Joined = Vec<(Join, Pipeline)>;

impl Reader<'_> {
    fn statement(&self, node: Node<'_>, join: Join, into: &mut Joined) -> Option<()> {
        match node.kind() {
            "list" => {
                let [left, operator, right] = children(node).try_into().ok()?;
                self.statement(left, join, into)?;
                let join = match operator.kind() {
                    "&&" => Join::And,
                    "||" => Join::Or,
                    _ => return None,
                };
                self.statement(right, join, into)
            }
            // The parser ties what is redirected to all before it; a shell ties it to the last command.
            "redirected_statement" => {
                let mut parts = children(node).into_iter();
                self.statement(parts.next()?, join, into)?;
                let (_, pipeline) = into.last_mut()?;
                let last = pipeline.commands.last_mut()?;
                parts.try_for_each(|part| self.redirect(part, last))
            }
            "negated_command" => {
                let [sign, body] = children(node).try_into().ok()?;
                let pipeline = self.pipeline(body)?;
                let once = sign.kind() == "!" && !pipeline.negated;
                let negated = Pipeline {
                    negated: true,
                    ..pipeline
                };
                once.then(|| into.push((join, negated)))
            }
            "pipeline" => {
                // Of more than two commands, or of redirected ones, the parser ties what stands beside the pipeline to its parts. What is in a group has
                // another name, so that `|` stands between the commands that it has beside it.
                let mut parts = children(node).into_iter();
                self.statement(parts.next()?, join, into)?;
                while let Some(sign) = parts.next() {
                    let mut joined = Joined::new();
                    self.statement(parts.next()?, Join::Then, &mut joined)?;
                    let mut joined = joined.into_iter();
                    let (_, part) = joined.next()?;
                    if sign.kind() != "|" || part.negated {
                        return None;
                    }
                    let (_, before) = into.last_mut()?;
                    before.commands.extend(part.commands);
                    into.extend(joined);
                }
                Some(())
            }
            "command" | "test_command" => {
                let alone = Pipeline {
                    negated: false,
                    commands: vec![self.command(node)?],
                };
                into.push((join, alone));
                Some(())
            }
            _ => None,
        }
    }

    /// A statement that is a single pipeline.
    fn pipeline(&self, node: Node<'_>) -> Option<Pipeline> {
        let mut joined = Joined::new();
        self.statement(node, Join::Then, &mut joined)?;
        let [(_, pipeline)] = joined.try_into().ok()?;
        Some(pipeline)
    }

    fn command(&self, node: Node<'_>) -> Option<Command> {
        let mut command = Command {
            name: String::new(),
            arguments: Vec::new(),
            redirects: Vec::new(),
        };
        let mut words = Vec::new();
        if node.kind() == "test_command" {
            self.tested(node, &mut words)?;
        } else {
            for child in children(node) {
                match child.kind() {
                    "command_name" => words.push(self.word(children(child).first().copied()?)?),
                    "file_redirect" => self.redirect(child, &mut command)?,
                    _ => words.push(self.word(child)?),
                }
            }
        }
        let mut words = words.into_iter();
        command.name = words.next()?.literal()?;
        let behind = std::mem::take(&mut command.arguments);
        command.arguments = words.chain(behind).collect();
        Some(command)
    }

    /// `[` and all up to `]`: as words, which is what they are.
    fn tested(&self, node: Node<'_>, into: &mut Vec<Word>) -> Option<()> {
        for child in children(node) {
            match child.kind() {
                "unary_expression" | "binary_expression" | "parenthesized_expression" => {
                    self.tested(child, into)?;
                }
                _ => into.push(self.word(child)?),
            }
        }
        Some(())
    }

    /// Words behind the target are arguments that the parser has put there.
    fn redirect(&self, node: Node<'_>, command: &mut Command) -> Option<()> {
        let mut parts = children(node).into_iter().peekable();
        let number = match parts.peek().copied() {
            Some(first) if first.kind() == "file_descriptor" => {
                parts.next();
                Some(self.text(first)?)
            }
            _ => None,
        };
        let operator = parts.next()?.kind();
        let target = self.word(parts.next()?)?.literal()?;
        command.redirects.extend(match (number, operator) {
            (None, "<") => vec![Redirect::Input(target)],
            (None | Some("1"), ">") if target == "/dev/null" => vec![Redirect::DropOutput],
            (Some("2"), ">") if target == "/dev/null" => vec![Redirect::DropErrors],
            (None, "&>") if target == "/dev/null" => {
                vec![Redirect::DropOutput, Redirect::ErrorsToOutput]
            }
            (Some("2"), ">&") if target == "1" => vec![Redirect::ErrorsToOutput],
            (None | Some("1"), ">&") if target == "2" => vec![Redirect::OutputToErrors],
            _ => return None,
        });
        for behind in parts {
            command.arguments.push(self.word(behind)?);
        }
        Some(())
    }

    fn word(&self, node: Node<'_>) -> Option<Word> {
        let mut pieces = Pieces::default();
        self.piece(node, &mut pieces)?;
        Some(pieces.done())
    }

    fn piece(&self, node: Node<'_>, into: &mut Pieces) -> Option<()> {
        let text = self.text(node)?;
        match node.kind() {
            "raw_string" => {
                into.quote();
                into.extend(text.strip_prefix('\'')?.strip_suffix('\'')?);
            }
            "string" => {
                into.quote();
                let inside = text.strip_prefix('"')?.strip_suffix('"')?;
                // Nothing in it but what it says.
                let plain =
                    |child: &Node<'_>| matches!(child.kind(), "\"" | "string_content" | "$");
                if !children(node).iter().all(plain) {
                    return None;
                }
                let mut escaped = false;
                for c in inside.chars() {
                    if escaped && !matches!(c, '"' | '\\' | '$' | '`') {
                        into.push('\\');
                    }
                    escaped = c == '\\' && !escaped;
                    if !escaped {
                        into.push(c);
                    }
                }
                if escaped {
                    return None;
                }
            }
            "concatenation" => {
                let mut at = node.start_byte();
                for child in children(node) {
                    if child.start_byte() != at {
                        return None;
                    }
                    at = child.end_byte();
                    self.piece(child, into)?;
                }
                if at != node.end_byte() {
                    return None;
                }
            }
            "word" | "number" | "test_operator" | "[" | "]" | "=" | "!=" | "!" | "-a" | "-o"
            | "$" => {
                let mut chars = text.chars();
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => {
                            into.quote();
                            into.push(chars.next()?);
                        }
                        '*' => into.pattern(Piece::Any),
                        '?' => into.pattern(Piece::One),
                        _ => into.push(c),
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn text(&self, node: Node<'_>) -> Option<&str> {
        self.line.get(node.byte_range())
    }
}

/// A word as it grows.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    text: String,
    /// A pair of quotes with nothing in it is a word of nothing.
    quoted: bool,
}

impl Pieces {
    fn quote(&mut self) {
        self.quoted = true;
    }

    fn push(&mut self, c: char) {
        self.text.push(c);
    }

    fn extend(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn pattern(&mut self, piece: Piece) {
        self.close();
        self.pieces.push(piece);
    }

    fn close(&mut self) {
        if !self.text.is_empty() {
            self.pieces
                .push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn done(mut self) -> Word {
        self.close();
        if self.pieces.is_empty() && self.quoted {
            self.pieces.push(Piece::Text(String::new()));
        }
        Word(self.pieces)
    }
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    node.children(&mut node.walk()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::corpus;
    use crate::grammar::parse;

    /// Whether both read the same; `None` if the grammar takes nothing.
    fn both(line: &str) -> Option<bool> {
        Some(agrees(line, &parse(line).ok()?))
    }

    #[test]
    fn every_clear_line_of_everyday_is_read_alike() {
        for entry in corpus("everyday") {
            assert_ne!(both(&entry.cmd), Some(false), "{}", entry.cmd);
        }
    }

    #[test]
    fn what_is_joined_negated_and_redirected_is_read_alike() {
        for line in [
            "a && b || c; d | e 2>/dev/null | f;",
            "! a | b && ! c",
            "a && b < c",
            "cat 2>&1 >/dev/null b c",
            r#"a 'b  c' "d\"\\\$\e" f\ g h'i'"j"k "$" l$"#,
            "[ -e a -a -e b ] && [ ! -x c ] || [ d = e ]",
            r"a * b?c '*' \? stash@{0} @{u}.. d=e",
        ] {
            assert_eq!(both(line), Some(true), "{line}");
        }
    }

    #[test]
    fn pipelines_of_every_length_are_read_alike_however_they_are_joined() {
        let commands = ["a", "b 2>&1", "c d", "e"];
        let pipelines: Vec<String> = (1..=commands.len())
            .flat_map(|length| {
                let pipeline = commands.get(..length).unwrap().join(" | ");
                [pipeline.clone(), format!("! {pipeline}")]
            })
            .collect();
        for first in &pipelines {
            for one in ["&&", "||", ";"] {
                for second in &pipelines {
                    for other in ["&&", "||", ";"] {
                        for third in &pipelines {
                            let line = format!("{first} {one} {second} {other} {third}");
                            assert_eq!(both(&line), Some(true), "{line}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn another_reading_is_no_agreement() {
        let other = |line: &str, read: &str| agrees(line, &parse(read).unwrap());
        assert!(other("a b", "a  'b'"));
        for (line, read) in [
            ("a b", "a b c"),
            ("a b", "a; b"),
            ("a | b", "a && b"),
            ("! a", "a"),
            ("a '*'", "a *"),
            ("a 2>&1", "a"),
            ("a < b", "a < c"),
            ("a $(b)", "a b"),
            ("a\nb", "a b"),
        ] {
            assert!(!other(line, read), "{line}");
        }
    }
}
