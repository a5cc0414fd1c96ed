//! A line that is about to run, and each of its commands that is about to start: the same decisions as values, which are the proof.
//!
//! Between the decision on a line and the start of one of its commands names have taken the place of patterns, and files may have changed.
//! So each command is decided again, by the same code, with the words that it will be given and in the folder that it will find itself in.

use super::command::{Cause, Judged, asked, enter, shown};
use super::{Decision, Part, Policy, Request, Verdict};
use crate::grammar::{self, Command, Line, Redirect, Word};
use crate::place::{Look, Place};
use crate::rules::{Rule, Seen};
use std::cell::OnceCell;
use std::path::PathBuf;

/// A line that may run without asking. Only [`Policy::allowed_line`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedLine(Line);

/// A command that may start now, in its place. Only [`Policy::start`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    program: String,
    arguments: Vec<String>,
    redirects: Vec<Redirect<PathBuf>>,
    fences: Fences,
}

/// What a command may do once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fences {
    /// Read, and change nothing: it is of the built-in read-only set.
    ReadOnly {
        /// It reads what the kernel says of the machine and its processes.
        machine: bool,
    },
    /// Change files of the workspace: a rule or a grant allowed it.
    Workspace,
}

/// What would start; not yet a proof.
pub(super) struct Starts {
    pub(super) program: String,
    pub(super) arguments: Vec<Word>,
    pub(super) fences: Fences,
}

impl AllowedLine {
    /// What both parsers have read.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.0
    }
}

impl Ready {
    /// The program. Not always as it was written: a script may stand for it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Its arguments, without its name.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// In their order; a file to read as it was found, from the root and without links.
    #[must_use]
    pub fn redirects(&self) -> &[Redirect<PathBuf>] {
        &self.redirects
    }

    /// What it may do.
    #[must_use]
    pub fn fences(&self) -> Fences {
        self.fences
    }
}

impl Policy<'_> {
    /// The words of a line that may run without asking.
    ///
    /// # Errors
    /// It is asked about, or denied.
    pub fn allowed_line(&self, line: &str, place: &Place<'_>) -> Result<AllowedLine, Verdict> {
        let verdict = self.decide(&Request::Command(line), place);
        match (verdict.decision, grammar::parse(line)) {
            // What was decided on is what the same parser reads from the same text.
            (Decision::Allow, Ok(read)) => Ok(AllowedLine(read)),
            (Decision::Allow, Err(unclear)) => {
                Err(self.left(&format!("what it says is not clear: {unclear}")))
            }
            (Decision::Ask | Decision::Deny, _) => Err(verdict),
        }
    }

    /// Decides on one command that is about to start in `place`. It has no patterns any more.
    ///
    /// # Errors
    /// It is asked about, or denied.
    pub fn start(&self, command: &Command, place: &Place<'_>) -> Result<Ready, Part> {
        let judged = self.judged_again(command, self.startable(command, place));
        let part = judged.part;
        let ready = judged
            .starts
            .filter(|_| judged.cause == Cause::Allowed)
            .and_then(|starts| starts.ready(&command.redirects, place));
        ready.ok_or_else(|| match judged.cause {
            Cause::Ruled => part,
            Cause::Allowed => self.unsure(command, "what it names has changed"),
            // In plan mode nobody is asked.
            Cause::Unknown | Cause::Barred => self.unsure(command, &part.reason),
        })
    }

    /// What is decided of a command of which it cannot be said what it would be given, or that cannot be kept within its fences: as of one that
    /// nothing speaks of.
    #[must_use]
    pub fn unsure(&self, command: &Command, why: &str) -> Part {
        Part {
            decision: self.left(why).decision,
            ..asked(command, Cause::Unknown, why).part
        }
    }

    /// Where `cd` leads from `place`, all by itself in its pipeline.
    ///
    /// # Errors
    /// It is asked about, or denied.
    pub fn enter<'a>(&self, command: &Command, place: &Place<'a>) -> Result<Place<'a>, Part> {
        let entered = match command.name.as_str() {
            "cd" => enter(command, true, std::slice::from_ref(place)),
            _ => Err("it goes to no folder".to_owned()),
        };
        let (judged, place) = match entered {
            Ok(mut places) => (Judged::entered(command), places.pop()),
            Err(why) => (asked(command, Cause::Barred, why), None),
        };
        let part = self.judged_again(command, judged).part;
        place
            .filter(|_| part.decision == Decision::Allow)
            .ok_or(part)
    }

    /// Rules that are about a whole line hold for each command of it, as it stands now.
    fn judged_again(&self, command: &Command, judged: Judged) -> Judged {
        let seen = OnceCell::new();
        let touched =
            |rule: &Rule| rule.touches_any(seen.get_or_init(|| Seen::in_line(&shown(command))));
        self.unless_barred(command, self.barred(touched), judged)
    }

    /// Without rules for lines.
    fn startable(&self, command: &Command, place: &Place<'_>) -> Judged {
        if command.name == "cd" {
            return asked(command, Cause::Barred, "where `cd` leads cannot be said");
        }
        if !place.stands() {
            let why = "a link has taken the place of the folder that it would start in";
            return asked(command, Cause::Barred, why);
        }
        let pattern = command
            .arguments
            .iter()
            .any(|word| word.literal().is_none());
        if pattern {
            let why = "which files its patterns mean is not known yet";
            return asked(command, Cause::Barred, why);
        }
        self.part(command, place)
    }
}

impl Starts {
    fn ready(self, redirects: &[Redirect], place: &Place<'_>) -> Option<Ready> {
        Some(Ready {
            program: self.program,
            arguments: self
                .arguments
                .iter()
                .map(Word::literal)
                .collect::<Option<_>>()?,
            redirects: redirects
                .iter()
                .map(|redirect| redirect.found(|file| place.path(file, Look::Content).ok()))
                .collect::<Option<_>>()?,
            fences: self.fences,
        })
    }
}

impl Redirect {
    /// The same with its file as it was found.
    fn found(&self, find: impl Fn(&str) -> Option<PathBuf>) -> Option<Redirect<PathBuf>> {
        Some(match self {
            Self::DropOutput => Redirect::DropOutput,
            Self::DropErrors => Redirect::DropErrors,
            Self::ErrorsToOutput => Redirect::ErrorsToOutput,
            Self::OutputToErrors => Redirect::OutputToErrors,
            Self::Input(file) => Redirect::Input(find(file)?),
        })
    }
}
