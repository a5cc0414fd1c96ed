//! The built-in read-only set: commands that run without asking anybody.
//!
//! A table says of each program which options only read, what values they take, and what the words without an option are. Whatever is in no
//! table asks: an unknown program, an unknown option, a long option cut short, a path that leaves the workspace, a file that holds secrets.
//! Options are read as the programs themselves read them: bundled, glued to their values, behind operands.
//!
//! The tables are text, so that those who answer for security can read them without reading Rust: `readonly/tables/`, in the notation
//! that `readonly/table.rs` describes.

mod arguments;
mod awk;
mod checks;
mod git;
mod jq;
mod sed;
mod table;
#[cfg(test)]
mod tests;

use crate::grammar::{Command, Piece, Redirect, Word};
use crate::place::{Barred, Look, Place};
use std::sync::LazyLock;
use table::{Program, Tables};

/// A command that only reads, as it is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The program's name, without a path. Not always as it was written: `egrep` is a script that stands for `grep -E`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<Word>,
    /// It reads what the kernel says of the machine and its processes.
    pub machine: bool,
}

/// Why a command is not known to only read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReadOnly {
    /// No table has the program.
    #[error("`{0}` is not among the programs known to only read")]
    Program(String),
    /// Its table does not have the option.
    #[error("`{option}` of `{program}` is not known to only read")]
    Option {
        /// The program.
        program: String,
        /// As it was written.
        option: String,
    },
    /// A value is not of the kind that it should be.
    #[error("`{value}` is more than `{of}` of `{program}` may be given without asking")]
    Value {
        /// The program.
        program: String,
        /// The option, or the word itself.
        of: String,
        /// The value.
        value: String,
    },
    /// More words than it only reads.
    #[error("`{0}` has more words than it only reads: one of them could be written or changed")]
    TooMany(String),
    /// Without the text that it looks for.
    #[error("`{0}` lacks the text that comes first")]
    NoPattern(String),
    /// A pattern of names that may become an option.
    #[error("a file's name in place of the pattern could be an option of `{0}`")]
    Pattern(String),
    /// Git would look at a repository inside of the workspace.
    #[error("another repository lies here, and what its configuration starts is not known")]
    OtherRepository,
    /// A path that may not be read.
    #[error(transparent)]
    Barred(#[from] Barred),
    /// A small language's script that does more than print.
    #[error("{0}")]
    Script(String),
}

impl std::error::Error for Barred {}

/// Whether the command only reads, in `place`.
///
/// # Errors
/// It is not known to.
pub fn check(command: &Command, place: &Place<'_>) -> Result<Reads, NotReadOnly> {
    for redirect in &command.redirects {
        match redirect {
            Redirect::Input(file) => {
                place.path(file, Look::Content)?;
            }
            Redirect::DropOutput
            | Redirect::DropErrors
            | Redirect::ErrorsToOutput
            | Redirect::OutputToErrors => {}
        }
    }
    let (program, arguments) = stands_for(command);
    if program == "git" {
        return git::check(&arguments, place);
    }
    let table = table(&program).ok_or_else(|| NotReadOnly::Program(program.clone()))?;
    let read = arguments::read(&program, table, &arguments, place)?;
    if let Some(name) = &table.check {
        checks::check(name, &program, &read)?;
    }
    Ok(Reads {
        program,
        arguments,
        machine: table.machine,
    })
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut tables = Tables::new();
    for text in TEXTS {
        // A table that cannot be read has no programs; a test reads them all.
        let _ = table::read(text, &mut tables);
    }
    tables
});

const TEXTS: &[&str] = &[
    include_str!("readonly/tables/files.table"),
    include_str!("readonly/tables/text.table"),
    include_str!("readonly/tables/search.table"),
    include_str!("readonly/tables/bytes.table"),
    include_str!("readonly/tables/system.table"),
    include_str!("readonly/tables/git.table"),
];

fn table(name: &str) -> Option<&'static Program> {
    TABLES.get(name)
}

/// The program that a script stands for, with the arguments it puts first.
fn stands_for(command: &Command) -> (String, Vec<Word>) {
    let other = table(&command.name).and_then(|program| program.stands_for.as_ref());
    let Some((program, first)) = other else {
        return (command.name.clone(), command.arguments.clone());
    };
    let first = first
        .iter()
        .map(|text| Word(vec![Piece::Text(text.clone())]));
    (
        program.clone(),
        first.chain(command.arguments.iter().cloned()).collect(),
    )
}
