//! An accept-only grammar of command lines, far smaller than a shell's: literal words, `*` and `?`, pipes, `&&`, `||`, `;`, and the few
//! redirections that write nothing. Where this grammar accepts a line, POSIX's shell (IEEE Std 1003.1, Shell Command Language) reads the same
//! words from it. Everything else is [`Unclear`]: variables, substitutions, expansions, groups, functions, assignments, comments, here-documents,
//! characters that are not printable ASCII.

mod read;
#[cfg(test)]
mod tests;

pub use read::parse;

use std::fmt;

/// A line that is clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What runs first.
    pub first: Pipeline,
    /// What may run after it, in order.
    pub rest: Vec<(Join, Pipeline)>,
}

/// When the next pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// `&&`: when the one before has succeeded.
    And,
    /// `||`: when it has failed.
    Or,
    /// `;`: in any case.
    Then,
}

/// Commands of which each reads what the one before it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// `!` stands before it: it succeeds when it would have failed.
    pub negated: bool,
    /// One at least.
    pub commands: Vec<Command>,
}

/// One program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name. No pattern, never empty.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Word>,
    /// In the order in which they are carried out.
    pub redirects: Vec<Redirect>,
}

/// One word, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(
    /// No two texts stand beside each other; a word of nothing is one empty pair of quotes.
    pub Vec<Piece>,
);

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Itself, quotes and escapes removed.
    Text(String),
    /// `*`: any characters of a name, which may be none.
    Any,
    /// `?`: any one character of a name.
    One,
}

/// A redirection. None writes anything but to where output goes anyway. A file is named as it was written, or as it was found (`F`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect<F = String> {
    /// Output to `/dev/null`.
    DropOutput,
    /// Errors to `/dev/null`.
    DropErrors,
    /// Errors to where output goes now.
    ErrorsToOutput,
    /// Output to where errors go now.
    OutputToErrors,
    /// Input from this file.
    Input(F),
}

/// Why a line is not clear, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}, at byte {at}")]
pub struct Unclear {
    /// Byte of the line, from 0.
    pub at: usize,
    /// Why.
    pub why: Why,
}

/// What a line has that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing at all, or nothing where a command belongs.
    Nothing,
    /// Longer than [`crate::limits::LINE_MAX`].
    TooLong,
    /// More than [`crate::limits::COMMANDS_MAX`] commands, or [`crate::limits::WORDS_MAX`] words.
    TooMany,
    /// A control character, a line end among them.
    Control,
    /// A character beyond ASCII, which may look like another.
    Foreign,
    /// A quote or an escape that does not end.
    Unfinished,
    /// `$` where a shell would put something in its place.
    Dollar,
    /// A backquote.
    Backquote,
    /// `~` where a shell would put a home directory.
    Tilde,
    /// Braces of which a shell would make several words.
    Braces,
    /// `[` of a pattern.
    Bracket,
    /// `#` where a comment begins.
    Comment,
    /// `&`, or a pipe with it: something would run on behind.
    Background,
    /// A redirection that writes, or reads from what is no file.
    Redirection,
    /// Parentheses.
    Group,
    /// `!` with something behind it: an earlier command, to a shell that a person types in.
    History,
    /// A word that a shell takes for its own at the beginning of a command.
    Reserved,
    /// A variable set before a command.
    Assignment,
    /// A command whose name is a pattern or empty.
    Name,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "a command is missing",
            Self::TooLong => "the line is too long",
            Self::TooMany => "there are too many commands or words",
            Self::Control => "there is a control character",
            Self::Foreign => "there is a character that may look like another",
            Self::Unfinished => "a quote or an escape does not end",
            Self::Dollar => "`$` stands for something else",
            Self::Backquote => "a backquote runs something",
            Self::Tilde => "`~` stands for a home directory",
            Self::Braces => "braces stand for several words",
            Self::Bracket => "`[` begins a pattern",
            Self::Comment => "`#` begins a comment",
            Self::Background => "`&` lets something run on",
            Self::Redirection => "a redirection does more than throw output away",
            Self::Group => "parentheses group commands",
            Self::History => "`!` stands for an earlier command",
            Self::Reserved => "a word of the shell's own language begins a command",
            Self::Assignment => "a variable is set",
            Self::Name => "the name of a command is not plain",
        })
    }
}

impl Word {
    /// The word, if it is no pattern.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Any | Piece::One => return None,
            }
        }
        Some(text)
    }
}

impl Line {
    /// All commands, from left to right.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let rest = self.rest.iter().map(|(_, pipeline)| pipeline);
        std::iter::once(&self.first)
            .chain(rest)
            .flat_map(|pipeline| &pipeline.commands)
    }
}
