//! Whether a folder is trusted: what that would allow is shown, and somebody at the machine's terminal says yes or no.

use super::super::really::really;
use super::super::{Failure, output, show};
use super::{TrustArgs, workspace};
use crate::policy::settings::Found;
use crate::policy::trust::{Known, ProjectHash, Word, would_allow};
use crate::state::{StateDir, StateError};
use lanyard_dial::clock;
use serde_json::json;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub fn run(state: &StateDir, args: &TrustArgs) -> Result<ExitCode, Failure> {
    if args.list {
        list(state, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    let folder = workspace(args.folder.as_deref())?;
    if args.forget {
        return forget(state, &folder);
    }
    super::say_wrong(&Found::of(&folder));
    let question = Question::of(state.clone(), folder);
    if question.known() == Known::Trusted {
        output::say("it is trusted already, with its settings as they are");
        return Ok(ExitCode::SUCCESS);
    }
    question.show();
    let trusted = really(QUESTION, REFUSED, || Failure {
        sentence: "only somebody at a terminal can trust a folder".to_owned(),
        hint: "run this in a terminal of the machine".to_owned(),
    })?;
    question.take(trusted)?;
    Ok(if trusted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

const QUESTION: &str = "Trust it, with its settings as they are now?";
const REFUSED: &str = "it is not trusted; `lanyard policy trust` asks again";

/// Whether a folder is to be trusted, with its settings as they are.
pub struct Question {
    state: StateDir,
    folder: PathBuf,
    hash: ProjectHash,
    allows: Vec<String>,
}

impl Question {
    /// About this folder, with its settings as they are now.
    #[must_use]
    pub fn of(state: StateDir, folder: PathBuf) -> Self {
        let found = Found::of(&folder);
        Self {
            hash: found.project_hash(),
            allows: would_allow(&found, &folder),
            folder,
            state,
        }
    }

    /// At the start: about a folder of which nothing is known, if there is anything to trust and anybody to ask. Without an answer it is not trusted.
    #[must_use]
    pub fn at_start(state: &StateDir, folder: &Path) -> Option<Self> {
        let folder = std::fs::canonicalize(folder).ok()?;
        let question = Self::of(state.clone(), folder);
        let settled = matches!(question.known(), Known::Trusted | Known::Refused);
        if settled || question.allows.is_empty() {
            return None;
        }
        if io::stdin().is_terminal() {
            return Some(question);
        }
        output::say(&format!(
            "{} is not trusted, so that its own settings allow nothing: `lanyard policy trust` shows what they would",
            question.folder.display()
        ));
        None
    }

    fn known(&self) -> Known {
        self.state.trust().of(&self.folder, &self.hash)
    }

    /// What a yes would allow.
    pub fn show(&self) {
        let folder = self.folder.display();
        if self.known() == Known::Changed {
            output::say("the settings of this folder have changed since it was trusted");
        }
        if self.allows.is_empty() {
            output::say(&format!("{folder} has nothing of its own to trust"));
        } else {
            output::say(&format!("{folder}, if it is trusted, may"));
        }
        for line in &self.allows {
            output::say(&format!("  - {line}"));
        }
        output::say(
            "whoever writes that folder has written this; what is denied or asked about there counts in any case",
        );
    }

    /// Shows it, and asks.
    pub fn ask(&self) {
        output::say("");
        self.show();
        output::prompt(&format!("{QUESTION} [y/N] "));
    }

    /// Writes the answer down. What was shown is what it is about: its hash was taken with it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn take(&self, trusted: bool) -> Result<(), StateError> {
        let now = clock::unix();
        let mut trust = self.state.trust();
        trust.take(Word {
            folder: self.folder.to_string_lossy().into_owned(),
            hash: self.hash,
            trusted,
            at: now,
        });
        self.state.save_trust(&trust, now)
    }

    /// The same, said to the person; what the disk refuses too.
    pub fn answer(&self, trusted: bool) {
        match self.take(trusted) {
            Ok(()) if trusted => output::say("it is trusted, as it is now"),
            Ok(()) => output::say(REFUSED),
            Err(error) => output::failure(&error.to_string(), &error.hint()),
        }
    }
}

fn forget(state: &StateDir, folder: &Path) -> Result<ExitCode, Failure> {
    let mut trust = state.trust();
    let known = trust.forget(folder);
    state.save_trust(&trust, clock::unix())?;
    output::say(if known {
        "forgotten: it is not trusted any more"
    } else {
        "nothing was known of it"
    });
    Ok(ExitCode::SUCCESS)
}

fn list(state: &StateDir, as_json: bool) {
    let trust = state.trust();
    let standing = |word: &Word| {
        let found = Found::of(Path::new(&word.folder));
        match trust.of(Path::new(&word.folder), &found.project_hash()) {
            Known::Trusted => "trusted",
            Known::Refused => "refused",
            Known::Changed | Known::Nothing => "changed since",
        }
    };
    if as_json {
        let words = trust.words().iter().map(
            |word| json!({"folder": word.folder, "standing": standing(word), "at": word.at, "hash": word.hash}),
        );
        output::json(&words.collect::<Vec<_>>());
        return;
    }
    let mut lines: Vec<String> = trust
        .words()
        .iter()
        .map(|word| {
            let folder = output::printable(&word.folder);
            format!(
                "{:13}  {}  {folder}",
                standing(word),
                show::instant(word.at)
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing was said of any folder".to_owned());
    }
    output::lines(&lines);
}
