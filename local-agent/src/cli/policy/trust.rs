//! Whether a folder is trusted: what that would allow is shown, and somebody at the machine's terminal says yes or no.

use super::super::really::really;
use super::super::{Failure, output, show};
use super::{TrustArgs, workspace};
use crate::policy::settings::Found;
use crate::policy::trust::{Known, Word, would_allow};
use crate::state::StateDir;
use lanyard_dial::clock;
use serde_json::json;
use std::io::{self, IsTerminal as _};
use std::path::Path;
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
    let found = Found::of(&folder);
    super::say_wrong(&found);
    if state.trust().of(&folder, &found.project_hash()) == Known::Trusted {
        output::say("it is trusted already, with its settings as they are");
        return Ok(ExitCode::SUCCESS);
    }
    let said = ask(state, &folder, &found)?;
    Ok(if said {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// At the start: asks about a folder of which nothing is known, if there is anything to trust and anybody to ask. Without that it is not trusted.
///
/// # Errors
/// The answer cannot be written down.
pub fn ask_about(state: &StateDir, folder: &Path) -> Result<(), Failure> {
    let Ok(folder) = std::fs::canonicalize(folder) else {
        return Ok(());
    };
    let found = Found::of(&folder);
    let known = state.trust().of(&folder, &found.project_hash());
    let settled = matches!(known, Known::Trusted | Known::Refused);
    if settled || would_allow(&found, &folder).is_empty() {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        output::say(&format!(
            "{} is not trusted, so that its own settings allow nothing: `lanyard policy trust` shows what they would",
            folder.display()
        ));
        return Ok(());
    }
    if known == Known::Changed {
        output::say("the settings of this folder have changed since it was trusted");
    }
    ask(state, &folder, &found).map(drop)
}

fn ask(state: &StateDir, folder: &Path, found: &Found) -> Result<bool, Failure> {
    let allows = would_allow(found, folder);
    let mut said = vec![format!("{}, if it is trusted, may", folder.display())];
    said.extend(allows.iter().map(|line| format!("  - {line}")));
    if allows.is_empty() {
        said = vec![format!(
            "{} has nothing of its own to trust",
            folder.display()
        )];
    }
    said.push("whoever writes that folder has written this; what is denied or asked about there counts in any case".to_owned());
    for line in said {
        output::say(&line);
    }
    let trusted = really(
        "Trust it, with its settings as they are now?",
        "it is not trusted; `lanyard policy trust` asks again",
        || Failure {
            sentence: "only somebody at a terminal can trust a folder".to_owned(),
            hint: "run this in a terminal of the machine".to_owned(),
        },
    )?;
    // What was shown is what was said yes to: its hash was taken with it.
    let mut trust = state.trust();
    trust.take(Word {
        folder: folder.to_string_lossy().into_owned(),
        hash: found.project_hash(),
        trusted,
        at: clock::unix(),
    });
    state.save_trust(&trust, clock::unix())?;
    Ok(trusted)
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
