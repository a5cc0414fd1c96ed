//! The tables of programs, and their notation.
//!
//! ```text
//! # a comment
//! set NAME                  options that several programs share, named `@NAME`
//! PROGRAM... : WORDS KEYWORDS
//!     OPTIONS
//! PROGRAM : as OTHER ARGUMENT...     a script that stands for another program
//! ```
//!
//! WORDS, what stands without an option: `none`, `files`, `texts`, `words` (plain words), `revs` (revisions and paths of git), each with
//! `<=N` for at most N; `pattern` before one of them: the first word is a text (`pattern?`: if there is one).
//!
//! KEYWORDS: `globs` (`*` may begin a word: no option of the program is worth making a file of that name), `names` (shows no content),
//! `machine` (reads what the kernel says), `plain` (has no options: every word is a word), `words` (options are whole words, never
//! bundled), `no-at` (`@FILE` would be read as options), `apart` (values are never glued to a letter), `in-order` (an option behind the first
//! word that is none asks), `check=NAME` (more is looked at, in Rust).
//!
//! OPTIONS: `-abc` three without a value, `-n:KIND` or `--long:KIND` with one, `-n?KIND` with one only if it is glued on, `--long~KIND` with
//! the next word if there is one, `--long:KIND:KIND` with two, `-#` a number itself (`-20`). A `!` behind it: the pattern is then not
//! among the words. A `*` behind it: with it words are texts.
//!
//! KINDS: `text` (anything), `word` (letters, digits and `_.,:%@+=-`), `number`, `file` (a path that may be read), `rev`, `format` (a text in
//! which git finds nothing to verify), `small` (small letters), `sort` (an order of git without signatures), `place` (lines and a path, for git).

use std::collections::BTreeMap;

/// What a program may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub options: BTreeMap<String, Takes>,
    /// The first word without an option is a text.
    pub pattern: Option<Pattern>,
    pub operands: Operands,
    pub most: Option<usize>,
    pub globs: bool,
    pub names: bool,
    pub machine: bool,
    pub plain: bool,
    pub whole_words: bool,
    pub no_at: bool,
    /// A letter with a value ends its word: the value is the next word, whatever is glued on.
    pub apart: bool,
    /// What stands behind the first word without an option is no option.
    pub in_order: bool,
    pub check: Option<String>,
    /// Stands for another program with these arguments first.
    pub stands_for: Option<(String, Vec<String>)>,
}

/// The text before other words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    Needed,
    /// It may be left out.
    IfAny,
}

/// What words without an option are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operands {
    #[default]
    None,
    Of(Kind),
}

/// What an option takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    pub value: Value,
    /// Takes the pattern's place.
    pub is_pattern: bool,
    /// With it, words are texts.
    pub lists: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Nothing,
    /// The next words, or glued on.
    Needs(Vec<Kind>),
    /// Glued on, or nothing.
    May(Kind),
    /// Glued on, or the next word if there is one.
    NextIfAny(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Word,
    Number,
    File,
    Rev,
    Format,
    Place,
    Small,
    Sort,
}

/// By name. A subcommand of git is `git-SUBCOMMAND`.
pub type Tables = BTreeMap<String, Program>;

/// Reads a table.
///
/// # Errors
/// Which line is no line of a table.
pub fn read(text: &str, into: &mut Tables) -> Result<(), String> {
    let mut sets: BTreeMap<String, BTreeMap<String, Takes>> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut set = None;
    for line in text.lines() {
        let bad = || format!("no line of a table: {line}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(options) = line.strip_prefix("    ") {
            for token in options.split_whitespace() {
                let mut found = Vec::new();
                if let Some(name) = token.strip_prefix('@') {
                    found.extend(sets.get(name).ok_or_else(bad)?.clone());
                } else {
                    let whole_words = names
                        .iter()
                        .any(|name| into.get(name).is_some_and(|program| program.whole_words));
                    found.extend(option(token, whole_words).ok_or_else(bad)?);
                }
                if let Some(set) = &set {
                    sets.entry(String::clone(set))
                        .or_default()
                        .extend(found.clone());
                }
                for name in &names {
                    into.get_mut(name)
                        .ok_or_else(bad)?
                        .options
                        .extend(found.clone());
                }
            }
        } else if let Some(name) = line.strip_prefix("set ") {
            set = Some(name.to_owned());
            names.clear();
        } else {
            let (head, rest) = line.split_once(" : ").ok_or_else(bad)?;
            let program = header(rest).ok_or_else(bad)?;
            set = None;
            names = head.split_whitespace().map(str::to_owned).collect();
            for name in &names {
                if into.insert(name.clone(), program.clone()).is_some() {
                    return Err(format!("{name} stands twice in the tables"));
                }
            }
        }
    }
    Ok(())
}

fn header(text: &str) -> Option<Program> {
    let mut program = Program::default();
    let mut said = false;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "as" => {
                let other = words.next()?.to_owned();
                program.stands_for = Some((other, words.by_ref().map(str::to_owned).collect()));
                said = true;
            }
            "pattern" => program.pattern = Some(Pattern::Needed),
            "pattern?" => program.pattern = Some(Pattern::IfAny),
            "globs" => program.globs = true,
            "names" => program.names = true,
            "machine" => program.machine = true,
            "plain" => program.plain = true,
            "no-at" => program.no_at = true,
            "apart" => program.apart = true,
            "in-order" => program.in_order = true,
            "words" if said => program.whole_words = true,
            _ if word.starts_with("check=") => {
                program.check = word.strip_prefix("check=").map(str::to_owned)
            }
            _ => {
                let (kind, most) = word
                    .split_once("<=")
                    .map_or((word, None), |(kind, most)| (kind, Some(most)));
                program.most = most.map(str::parse).transpose().ok()?;
                program.operands = match kind {
                    "none" => Operands::None,
                    "files" => Operands::Of(Kind::File),
                    "texts" => Operands::Of(Kind::Text),
                    "words" => Operands::Of(Kind::Word),
                    "revs" => Operands::Of(Kind::Rev),
                    _ => return None,
                };
                said = true;
            }
        }
    }
    said.then_some(program)
}

/// One token of options: several names if they are letters in a row.
fn option(token: &str, whole_words: bool) -> Option<Vec<(String, Takes)>> {
    let (token, is_pattern) = token
        .strip_suffix('!')
        .filter(|rest| !rest.is_empty())
        .map_or((token, false), |rest| (rest, true));
    let (token, lists) = token
        .strip_suffix('*')
        .map_or((token, false), |rest| (rest, true));
    let sign = token.find([':', '?', '~']);
    let (name, value) = sign.map_or((token, ""), |at| token.split_at(at));
    let kinds = |text: &str| text.split(':').map(kind).collect::<Option<Vec<_>>>();
    let value = match value.split_at_checked(1) {
        None => Value::Nothing,
        Some((":", rest)) => Value::Needs(kinds(rest)?),
        Some(("?", rest)) => Value::May(kind(rest)?),
        Some(("~", rest)) => Value::NextIfAny(kind(rest)?),
        Some(_) => return None,
    };
    let takes = Takes {
        value,
        is_pattern,
        lists,
    };
    let is_bundle =
        !whole_words && !name.starts_with("--") && name != "-#" && takes.value == Value::Nothing;
    if !is_bundle {
        let is_name = whole_words
            || name.starts_with("--")
            || name.chars().count() == 2 && name.starts_with('-');
        return is_name.then(|| vec![(name.to_owned(), takes)]);
    }
    let Some(letters) = name.strip_prefix('-') else {
        return matches!(name, "(" | ")").then(|| vec![(name.to_owned(), takes)]);
    };
    Some(
        letters
            .chars()
            .map(|letter| (format!("-{letter}"), takes.clone()))
            .collect(),
    )
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "text" => Kind::Text,
        "word" => Kind::Word,
        "number" => Kind::Number,
        "file" => Kind::File,
        "rev" => Kind::Rev,
        "format" => Kind::Format,
        "place" => Kind::Place,
        "small" => Kind::Small,
        "sort" => Kind::Sort,
        _ => return None,
    })
}
