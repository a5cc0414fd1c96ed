//! Git: what stands before the subcommand, and which table is meant.

use super::{NotReadOnly, Reads, arguments, table};
use crate::grammar::{Piece, Word};
use crate::place::Place;

/// Options before a subcommand that change nothing but how it prints or which names it takes.
const HARMLESS: &[&str] = &[
    "--no-pager",
    "-P",
    "--no-optional-locks",
    "--literal-pathspecs",
    "--glob-pathspecs",
    "--noglob-pathspecs",
    "--icase-pathspecs",
    "--no-replace-objects",
    "--no-lazy-fetch",
    "--no-advice",
];

/// Subcommands with subcommands of their own; alone, some of them do more than read.
const NESTED: &[&str] = &["remote", "stash", "worktree", "reflog", "notes"];

/// Whether it only reads.
pub fn check(words: &[Word], place: &Place<'_>) -> Result<Reads, NotReadOnly> {
    let mut place = place.clone();
    let mut at = 0;
    let literal = |at: usize| words.get(at).and_then(Word::literal);
    while let Some(word) = literal(at) {
        if HARMLESS.contains(&word.as_str()) {
            at += 1;
        } else if word == "-C" {
            let folder = literal(at + 1).ok_or_else(|| unknown("-C"))?;
            place.enter(&folder)?;
            at += 2;
        } else {
            break;
        }
    }
    if place.is_in_another_repository() {
        return Err(NotReadOnly::OtherRepository);
    }
    let rest = words.get(at..).unwrap_or_default();
    let (name, rest) = subcommand(rest)?;
    let program = table(&name).ok_or_else(|| NotReadOnly::Program(name.replacen('-', " ", 1)))?;
    let spoken = name.replacen('-', " ", 1);
    arguments::read(&spoken, program, rest, &place)?;
    let before = words.get(..at).unwrap_or_default();
    Ok(Reads {
        program: "git".to_owned(),
        arguments: match name.as_str() {
            "git-stash-list" => [before, &stash_list(rest)].concat(),
            _ => words.to_vec(),
        },
        machine: false,
    })
}

/// What `git stash list` starts another git for, without another git: the same log. By a pattern, as it is empty where nothing is put aside.
fn stash_list(rest: &[Word]) -> Vec<Word> {
    let word = |text: &str| Word(vec![Piece::Text(text.to_owned())]);
    let log = ["log", "--format=%gd: %gs", "-g", "--first-parent"].map(word);
    [&log, rest, &[word("--glob=refs/stas[h]")]].concat()
}

/// The table's name, and the words behind the subcommand.
fn subcommand(words: &[Word]) -> Result<(String, &[Word]), NotReadOnly> {
    let Some((first, rest)) = words.split_first() else {
        return Ok(("git".to_owned(), words));
    };
    let begins_with_sign =
        matches!(first.0.first(), Some(Piece::Text(text)) if text.starts_with('-'));
    if begins_with_sign {
        return Ok(("git".to_owned(), words));
    }
    let first = first
        .literal()
        .ok_or_else(|| NotReadOnly::Pattern("git".to_owned()))?;
    let second = rest.first().and_then(Word::literal);
    if let Some(second) = second.filter(|_| NESTED.contains(&first.as_str())) {
        let name = format!("git-{first}-{second}");
        if table(&name).is_some() {
            return Ok((name, rest.get(1..).unwrap_or_default()));
        }
    }
    Ok((format!("git-{first}"), rest))
}

fn unknown(option: &str) -> NotReadOnly {
    NotReadOnly::Option {
        program: "git".to_owned(),
        option: option.to_owned(),
    }
}
