//! `lanyard pair` and `lanyard share`: links that let a device in.

use super::grant::{Grant, scopes};
use super::pick::{Choice, pick};
use super::question::{Answer, Keyboard, Questions};
use super::span::share_time;
use super::talk::{ask, connect, lost, not_running, status_of, unexpected};
use super::{Failure, output};
use crate::daemon::owner::{Notice, OwnerConn, Request};
use crate::limits::ROOT_MAX;
use crate::state::StateDir;
use lanyard_shared::access::Reach;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::Scope;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Flags of `lanyard pair`.
#[derive(Debug, clap::Args)]
pub struct PairArgs {
    /// What the link grants; more than one with commas
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "view",
        value_name = "PURPOSE"
    )]
    grant: Vec<Grant>,
    /// Let in whoever opens the link, without asking; for scripts. Prints the link and leaves
    #[arg(long)]
    yes: bool,
    /// End all pairing and share links that are still open
    #[arg(long, conflicts_with_all = ["grant", "yes"])]
    cancel: bool,
    /// Print the link as JSON and leave; the question is asked where `lanyard up` runs
    #[arg(long)]
    json: bool,
}

/// Flags of `lanyard share`.
#[derive(Debug, clap::Args)]
pub struct ShareArgs {
    /// What the other device may do; more than one with commas
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "view",
        value_name = "PURPOSE"
    )]
    purpose: Vec<Grant>,
    /// For how long, from when the device was let in: 1m to 30d
    #[arg(long = "for", value_name = "TIME", value_parser = share_time)]
    time: Duration,
    /// Only what is below this folder: terminals that were started there, files
    #[arg(long, value_name = "DIR")]
    root: Option<std::path::PathBuf>,
    /// Only this terminal, by name or id
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    terminal: Option<String>,
    /// Let in whoever opens the link, without asking; for scripts. Prints the link and leaves
    #[arg(long)]
    yes: bool,
    /// Print the link as JSON and leave; the question is asked where `lanyard up` runs
    #[arg(long)]
    json: bool,
}

/// What to ask the agent for, and how to say it.
struct Wish {
    scopes: Vec<Scope>,
    reach: Reach,
    stays: Option<Duration>,
    yes: bool,
    json: bool,
}

pub async fn pair(state: StateDir, args: PairArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    if args.cancel {
        ask(&mut owner, Request::Cancel {}).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let wish = Wish {
        scopes: scopes(&args.grant),
        reach: Reach::default(),
        stays: None,
        yes: args.yes,
        json: args.json,
    };
    hand_out(&mut owner, wish).await
}

pub async fn share(state: StateDir, args: ShareArgs) -> Result<ExitCode, Failure> {
    let root = args.root.as_deref().map(folder).transpose()?;
    let mut owner = connect(&state).await?;
    let terminal = match &args.terminal {
        Some(wanted) => Some(terminal(&mut owner, wanted).await?),
        None => None,
    };
    let (scopes, reach) = (scopes(&args.purpose), Reach { root, terminal });
    if !reach.can_bound(&scopes) {
        return Err(Failure {
            sentence:
                "`devices` sees and ends all access, whatever folder or terminal it is shared for"
                    .to_owned(),
            hint: "leave `devices` out, or share it without --root and --terminal".to_owned(),
        });
    }
    let wish = Wish {
        scopes,
        reach,
        stays: Some(args.time),
        yes: args.yes,
        json: args.json,
    };
    hand_out(&mut owner, wish).await
}

async fn hand_out(owner: &mut OwnerConn, wish: Wish) -> Result<ExitCode, Failure> {
    // Asked for before the link, so that what the link reaches can be named.
    let status = status_of(owner).await?;
    let request = Request::Pair {
        scopes: wish.scopes.clone(),
        reach: wish.reach.clone(),
        stays: wish.stays.map(|stays| stays.as_secs()),
        yes: wish.yes,
    };
    let Notice::Link(link) = ask(owner, request).await? else {
        return Err(unexpected());
    };
    if wish.json {
        output::json(&link);
        return Ok(ExitCode::SUCCESS);
    }
    let terms = output::Terms {
        scopes: &wish.scopes,
        reaches: super::show::reaches(&status, &wish.reach),
        stays: wish.stays,
        asks: !wish.yes,
    };
    output::link(&link, &terms);
    if wish.yes {
        return Ok(ExitCode::SUCCESS);
    }
    output::say("Waiting for a device; Ctrl-C leaves, the link stays open.");
    wait_for_device(owner).await
}

async fn wait_for_device(owner: &mut OwnerConn) -> Result<ExitCode, Failure> {
    let mut keyboard = Keyboard::default();
    let mut questions = Questions::default();
    loop {
        tokio::select! {
            notice = owner.next() => {
                let notice = notice.map_err(lost)?.ok_or_else(not_running)?;
                // Who is here to let a device in is asked for nothing else.
                if !matches!(notice, Notice::Approval { .. }) {
                    questions.hear(&notice, &mut keyboard);
                }
                if matches!(notice, Notice::Paired { .. }) {
                    output::notice(&notice);
                    return Ok(ExitCode::SUCCESS);
                }
            }
            line = keyboard.line() => {
                if let Some(answer) = questions.answer(&line) {
                    let refused = matches!(answer, Answer::Device(_, false));
                    owner.send(&answer.into()).await.map_err(lost)?;
                    if refused {
                        return Ok(ExitCode::FAILURE);
                    }
                }
            }
        }
    }
}

async fn terminal(owner: &mut OwnerConn, wanted: &str) -> Result<TerminalId, Failure> {
    let status = status_of(owner).await?;
    let choices = status.terminals.iter().map(|terminal| Choice {
        id: terminal.id.to_string(),
        name: &terminal.name,
        what: terminal.id,
    });
    pick(choices.collect(), wanted, "terminal", "lanyard status")
}

/// The folder as the machine knows it: without links, so that what lies below can be told by its words.
fn folder(path: &Path) -> Result<String, Failure> {
    let fault = |why: &str, hint: &str| Failure {
        sentence: format!("{} {why}", path.display()),
        hint: hint.to_owned(),
    };
    let whole = path.canonicalize().map_err(|error| {
        fault(
            &format!("cannot be shared: {error}"),
            "give a folder that exists",
        )
    })?;
    if !whole.is_dir() {
        return Err(fault("is not a folder", "give the folder it lies in"));
    }
    let text = whole.to_str().ok_or_else(|| {
        fault(
            "has a name that is not text",
            "give a folder above it, or rename it",
        )
    })?;
    if text.len() > ROOT_MAX {
        return Err(fault(
            &format!("is longer than {ROOT_MAX} bytes"),
            "give a folder above it",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_folder_is_named_as_the_machine_knows_it() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let real = dir.path().canonicalize()?.join("project");
        std::fs::create_dir(&real)?;
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&real, &link)?;
        for way in [real.clone(), link, real.join("../project/.")] {
            assert_eq!(folder(&way).ok(), real.to_str().map(str::to_owned));
        }
        Ok(())
    }

    #[test]
    fn what_is_no_folder_or_too_deep_is_not_shared() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let refused = |path: &Path| {
            folder(path)
                .err()
                .map(|failure| failure.sentence)
                .unwrap_or_default()
        };
        assert!(refused(&dir.path().join("none")).contains("cannot be shared"));
        let file = dir.path().join("file");
        std::fs::write(&file, "")?;
        assert!(refused(&file).contains("not a folder"));
        let deep = dir.path().join("a".repeat(ROOT_MAX));
        std::fs::create_dir(&deep)?;
        assert!(refused(&deep).contains("longer than"));
        Ok(())
    }
}
