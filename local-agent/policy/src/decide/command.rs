//! Lines for a shell.

use super::start::{Fences, Starts};
use super::{Decision, Part, Policy, Verdict};
use crate::grammar::{self, Command, Join, Line, Piece, Redirect, Word};
use crate::limits::PLACES_MAX;
use crate::place::{Barred, Look, Place};
use crate::rules::{Access, Rule, Seen};
use crate::settings::Mode;
use crate::{offer, protected, readonly, second};
use std::cell::OnceCell;

impl Policy<'_> {
    pub(super) fn command(&self, line: &str, place: &Place<'_>) -> Verdict {
        // Read only if there is a rule to look for.
        let seen = OnceCell::new();
        let touched = |rule: &Rule| rule.touches_any(seen.get_or_init(|| Seen::in_line(line)));
        self.unless(self.barred(touched), || self.clear(line, place))
    }

    /// Without rules that are about the line as a whole.
    fn clear(&self, line: &str, place: &Place<'_>) -> Verdict {
        let read = match grammar::parse(line) {
            Err(unclear) => return self.left(&format!("what it says is not clear: {unclear}")),
            Ok(read) if !second::agrees(line, &read) => {
                return self.left("what it says is not clear: it can be read in two ways");
            }
            Ok(read) => read,
        };
        let judged = self.parts(&read, place);
        let Some(worst) = judged.iter().max_by_key(|judged| judged.weight()) else {
            return self.left("there is no command in it");
        };
        let parts = || judged.iter().map(|judged| judged.part.clone()).collect();
        match worst.cause {
            Cause::Allowed | Cause::Ruled => Verdict {
                decision: worst.part.decision,
                rule: worst.part.rule.clone(),
                reason: worst.part.reason.clone(),
                parts: parts(),
                always: Vec::new(),
            },
            Cause::Unknown | Cause::Barred => {
                // A rule that could not allow the line anyway is not offered, and in plan mode none could.
                let helps = self.mode != Mode::Plan
                    && judged.iter().all(|judged| match judged.cause {
                        Cause::Allowed | Cause::Unknown => true,
                        Cause::Ruled | Cause::Barred => false,
                    });
                let unknown = read.commands().zip(&judged);
                let unknown = unknown.filter(|(_, judged)| helps && judged.cause == Cause::Unknown);
                Verdict {
                    parts: parts(),
                    always: offer::rules(unknown.map(|(command, _)| command)),
                    ..self.left(&worst.part.reason)
                }
            }
        }
    }

    fn parts(&self, line: &Line, place: &Place<'_>) -> Vec<Judged> {
        // Wherever it may be by then: behind `;` and `||` nobody knows whether `cd` has moved.
        let mut places = vec![place.clone()];
        let moves_surely = line.rest.iter().all(|(join, _)| *join == Join::And);
        let pipelines =
            std::iter::once(&line.first).chain(line.rest.iter().map(|(_, pipeline)| pipeline));
        let mut parts = Vec::new();
        for pipeline in pipelines {
            let alone = pipeline.commands.len() == 1 && !pipeline.negated;
            for command in &pipeline.commands {
                if command.name != "cd" {
                    let of_each = places.iter().map(|place| self.part(command, place));
                    parts.extend(of_each.max_by_key(Judged::weight));
                    continue;
                }
                match enter(command, alone, &places) {
                    Ok(entered) => {
                        if moves_surely {
                            places.clear();
                        }
                        places.extend(entered);
                        parts.push(Judged::entered(command));
                    }
                    Err(why) => parts.push(asked(command, Cause::Barred, why)),
                }
            }
        }
        parts
    }

    /// One command, in one place.
    pub(super) fn part(&self, command: &Command, place: &Place<'_>) -> Judged {
        let paths: Vec<_> = words(command).map(|word| place.whole(&word)).collect();
        let rules_place = self.rules_place(place);
        let touched = |rule: &Rule| {
            paths.iter().any(|whole| {
                rule.touches_path(Access::Read, &whole.real, &whole.named, &rules_place)
            })
        };
        self.unless_barred(command, self.barred(touched), self.alone(command, place))
    }

    /// What a rule says of a command, and else what was found without it.
    pub(super) fn unless_barred(
        &self,
        command: &Command,
        barred: Option<Verdict>,
        judged: Judged,
    ) -> Judged {
        match barred {
            Some(verdict) if self.yields(&verdict) && judged.cause != Cause::Allowed => judged,
            Some(verdict) => Judged {
                part: Part {
                    text: shown(command),
                    decision: verdict.decision,
                    rule: verdict.rule,
                    reason: verdict.reason,
                },
                cause: Cause::Ruled,
                starts: None,
            },
            None => judged,
        }
    }

    /// Without rules for files.
    fn alone(&self, command: &Command, place: &Place<'_>) -> Judged {
        if !self.trusted && command.name == "git" {
            let why =
                "the folder is not trusted on this machine, so its repository is not looked at";
            return asked(command, Cause::Barred, why);
        }
        let why = match readonly::check(command, place) {
            Ok(reads) => {
                return Judged {
                    part: allowed(command, READ_ONLY, "it only reads"),
                    cause: Cause::Allowed,
                    starts: Some(Starts {
                        program: reads.program,
                        arguments: reads.arguments,
                        fences: Fences::ReadOnly {
                            machine: reads.machine,
                        },
                    }),
                };
            }
            Err(why) => why.to_string(),
        };
        if let Some(why) = hidden(command, place) {
            return asked(command, Cause::Barred, why);
        }
        match self.allowing(|rule| rule.allows(command)) {
            Some((rule, reason)) => Judged {
                part: allowed(command, &rule, reason),
                cause: Cause::Allowed,
                starts: Some(Starts {
                    program: command.name.clone(),
                    arguments: command.arguments.clone(),
                    fences: Fences::Workspace,
                }),
            },
            None => asked(command, Cause::Unknown, why),
        }
    }
}

/// A part, what kind of reason it has, and what would start.
pub(super) struct Judged {
    pub(super) part: Part,
    pub(super) cause: Cause,
    /// The program, if it is allowed and there is one.
    pub(super) starts: Option<Starts>,
}

impl Judged {
    /// `cd` to a folder of the workspace. No program: whoever walks the line goes there itself.
    pub(super) fn entered(command: &Command) -> Self {
        Self {
            part: allowed(command, READ_ONLY, "it stays in the workspace"),
            cause: Cause::Allowed,
            starts: None,
        }
    }

    fn weight(&self) -> (Decision, Cause) {
        (self.part.decision, self.cause)
    }
}

/// Why a part is decided as it is; what weighs more stands later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// It may run.
    Allowed,
    /// A rule for files asks about it or denies it.
    Ruled,
    /// Nothing speaks of it.
    Unknown,
    /// No rule could allow it.
    Barred,
}

/// What is said to have decided where no rule of a file did.
pub(super) const READ_ONLY: &str = "read-only";

fn allowed(command: &Command, rule: &str, reason: impl Into<String>) -> Part {
    Part {
        text: shown(command),
        decision: Decision::Allow,
        rule: Some(rule.to_owned()),
        reason: reason.into(),
    }
}

pub(super) fn asked(command: &Command, cause: Cause, reason: impl Into<String>) -> Judged {
    let part = Part {
        text: shown(command),
        decision: Decision::Ask,
        rule: None,
        reason: reason.into(),
    };
    Judged {
        part,
        cause,
        starts: None,
    }
}

/// Where `cd` leads from each of these places, all of it in the workspace. More places than one stand for a doubt, so there are few.
pub(super) fn enter<'a>(
    command: &Command,
    alone: bool,
    places: &[Place<'a>],
) -> Result<Vec<Place<'a>>, String> {
    let to = match command.arguments.as_slice() {
        [folder] => folder
            .literal()
            .filter(|folder| !folder.is_empty() && !folder.starts_with('-')),
        _ => None,
    };
    let reads = command
        .redirects
        .iter()
        .any(|redirect| matches!(redirect, Redirect::Input(_)));
    let to = to
        .filter(|_| alone && !reads && places.len() <= PLACES_MAX)
        .ok_or("where `cd` leads cannot be said")?;
    let enter = |place: &Place<'a>| {
        let mut place = place.clone();
        place.enter(&to).map_err(|why| why.to_string())?;
        Ok(place)
    };
    places.iter().map(enter).collect()
}

/// What of a command asks whatever rules say: paths that lead out, secrets, and files that decide what runs later.
fn hidden(command: &Command, place: &Place<'_>) -> Option<String> {
    for path in words(command) {
        let barred = match place.path(&path, Look::Content) {
            Ok(real) if protected::is_protected(&real) => {
                Some(format!("`{path}` decides what runs later"))
            }
            Ok(_) => None,
            // What has no form of a path, and is none, leads nowhere: `@scope/name`, `s/a/b/`.
            Err(Barred::Outside(_)) if !looks_like_path(&path) && !place.leads_elsewhere(&path) => {
                None
            }
            Err(why) => Some(why.to_string()),
        };
        if let Some(why) = barred {
            return Some(format!("no rule allows that: {why}"));
        }
    }
    None
}

/// What may be paths among its words, and in them: `--file=PATH`, `-fPATH`, `REVISION:PATH`. Signs of patterns stand for one letter.
fn words(command: &Command) -> impl Iterator<Item = String> {
    let inputs = command
        .redirects
        .iter()
        .filter_map(|redirect| match redirect {
            Redirect::Input(file) => Some(file.clone()),
            Redirect::DropOutput
            | Redirect::DropErrors
            | Redirect::ErrorsToOutput
            | Redirect::OutputToErrors => None,
        });
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Any | Piece::One => "x".to_owned(),
    };
    let words = command
        .arguments
        .iter()
        .map(move |word| word.0.iter().map(text).collect::<String>());
    words.chain(inputs).flat_map(|word| {
        let value = word.split_once('=').map(|(_, value)| value.to_owned());
        let glued = (word.starts_with('-') && !word.starts_with("--"))
            .then(|| word.get(2..).unwrap_or_default().to_owned());
        let behind = word.rsplit_once(':').map(|(_, path)| path.to_owned());
        let inside = [value, glued, behind].into_iter().flatten();
        let inside: Vec<_> = inside.filter(|path| !path.is_empty()).collect();
        std::iter::once(word).chain(inside)
    })
}

fn looks_like_path(word: &str) -> bool {
    word.starts_with(['/', '~']) || word.split('/').any(|part| part == "..")
}

/// The words of a command as a person would type them.
pub(super) fn shown(command: &Command) -> String {
    let mut shown = quoted(&command.name);
    for word in &command.arguments {
        shown.push(' ');
        shown.push_str(&word_shown(word));
    }
    for redirect in &command.redirects {
        shown.push(' ');
        shown.push_str(&match redirect {
            Redirect::DropOutput => ">/dev/null".to_owned(),
            Redirect::DropErrors => "2>/dev/null".to_owned(),
            Redirect::ErrorsToOutput => "2>&1".to_owned(),
            Redirect::OutputToErrors => ">&2".to_owned(),
            Redirect::Input(file) => format!("< {}", quoted(file)),
        });
    }
    shown
}

fn word_shown(word: &Word) -> String {
    if let Some(text) = word.literal() {
        return quoted(&text);
    }
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => quoted(text),
        Piece::Any => "*".to_owned(),
        Piece::One => "?".to_owned(),
    };
    word.0.iter().map(piece).collect()
}

fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+=,-^~".contains(&byte);
    if !text.is_empty() && !text.starts_with('~') && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
