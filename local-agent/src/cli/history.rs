//! `lanyard history`: what is kept of terminals on this machine. Read from the disk, whether an agent runs or not.

use super::pick::{Choice, pick};
use super::really::really;
use super::table::table;
use super::talk::{ask, connect};
use super::{Failure, output, show};
use crate::daemon::owner::Request;
use crate::history::plain::Plain;
use crate::history::{Found, Shelf};
use crate::state::StateDir;
use lanyard_dial::clock;
use lanyard_holder::history::{Reader, What};
use lanyard_shared::access::in_short;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::Exit;
use lanyard_shared::time::UnixMs;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `lanyard history`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what a terminal has printed, as plain text
    ///
    /// Without colours, with what was overwritten overwritten, and without what an editor or a pager drew on a screen of its own.
    #[command(
        after_help = "Examples:\n  lanyard history show build | less\n  lanyard history show build --raw > build.log   # every byte, escapes included"
    )]
    Show(ShowArgs),
    /// Remove what is kept of terminals that have ended
    #[command(
        after_help = "Examples:\n  lanyard history forget build\n  lanyard history forget --all --yes"
    )]
    Forget(ForgetArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The terminal: its id, the beginning of its id, or its name
    #[arg(value_name = "TERMINAL", allow_hyphen_values = true)]
    terminal: String,
    /// Print the bytes as the programs wrote them: what they say, your terminal does
    #[arg(long)]
    raw: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
struct ForgetArgs {
    /// Terminals: their ids, the beginnings of their ids, or their names
    #[arg(value_name = "TERMINAL", group = "which", allow_hyphen_values = true)]
    terminals: Vec<String>,
    /// All that have ended
    #[arg(long, group = "which")]
    all: bool,
    /// With --all: do not ask
    #[arg(long, conflicts_with = "terminals")]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn history(state: StateDir, args: Args) -> Result<ExitCode, Failure> {
    let shelf = Shelf::new(state.history());
    match args.command {
        None => list(&shelf, args.json),
        Some(Command::Show(args)) => print(&shelf, &args),
        Some(Command::Forget(args)) => forget(&state, &shelf, &args).await,
    }
}

fn list(shelf: &Shelf, json: bool) -> Result<ExitCode, Failure> {
    let found = all(shelf)?;
    if json {
        output::json(&found.iter().map(as_json).collect::<Vec<_>>());
    } else {
        output::lines(&lines(&found, clock::unix(), output::width()));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(found: &Found) -> Value {
    let mut value = json!(found.past);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("live".to_owned(), json!(found.live));
    }
    value
}

/// What is kept, the latest first, below the folder where it was started.
fn lines(found: &[Found], now: UnixMs, width: usize) -> Vec<String> {
    if found.is_empty() {
        return vec!["nothing is kept of any terminal".to_owned()];
    }
    let mut folders: Vec<&str> = Vec::new();
    for found in found {
        if !folders.contains(&found.past.cwd.as_str()) {
            folders.push(&found.past.cwd);
        }
    }
    let mut lines = Vec::new();
    for folder in folders {
        let here = found.iter().filter(|found| found.past.cwd == folder);
        let rows: Vec<_> = here.map(|found| row(found, now)).collect();
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(if folder.is_empty() {
            "in a folder that is not known:".to_owned()
        } else {
            format!("in {}:", output::printable(folder))
        });
        lines.extend(table(
            &["ID", "NAME", "STARTED", "LASTED", "END", "KEPT"],
            &rows,
            width,
        ));
    }
    lines
}

fn row(found: &Found, now: UnixMs) -> Vec<String> {
    let past = &found.past;
    let end = match (past.exit, found.live) {
        (Some(Exit::Status { code }), _) => format!("status {code}"),
        (Some(Exit::Signal { number }), _) => format!("signal {number}"),
        (None, true) => "still running".to_owned(),
        (None, false) => "nobody saw it".to_owned(),
    };
    let mut kept = size(past.kept);
    if past.dropped > 0 {
        kept.push_str(&format!(", {} before dropped", size(past.dropped)));
    }
    let lasted = if found.live { now } else { past.ended };
    vec![
        past.id.to_string(),
        output::printable(&past.name),
        show::instant(past.started),
        in_short(past.started.until(lasted)),
        end,
        kept,
    ]
}

/// A number of bytes, to read.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB"];
    let mut whole = bytes;
    let mut unit = "bytes";
    for next in units {
        if whole < 10 * 1024 {
            break;
        }
        (whole, unit) = (whole / 1024, next);
    }
    format!("{whole} {unit}")
}

fn print(shelf: &Shelf, args: &ShowArgs) -> Result<ExitCode, Failure> {
    let found = named(shelf, &args.terminal)?;
    let folder = shelf.folder(found.past.id);
    match write(&folder, args.raw, &mut output::stdout().lock()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(unreadable(&error)),
        Ok(damaged) => {
            // While it runs, half a record waits for its other half.
            if !found.live {
                say_damaged(&damaged);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says which segments could not be read to their end.
pub fn say_damaged(segments: &[PathBuf]) {
    for segment in segments {
        output::say(&format!(
            "warning: {} is damaged or cut off: what it held behind that is missing",
            segment.display()
        ));
    }
}

/// Writes all that is kept. Returns the segments that cannot be read to their end.
fn write(folder: &Path, raw: bool, into: &mut impl Write) -> io::Result<Vec<PathBuf>> {
    let mut reader = Reader::new(folder);
    let mut plain = Plain::default();
    let mut end = 0;
    loop {
        let records = reader.more()?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let What::Output { offset, bytes } = record.what else {
                continue;
            };
            let missing =
                offset.saturating_sub(std::mem::replace(&mut end, offset + bytes.len() as u64));
            if raw {
                into.write_all(&bytes)?;
                continue;
            }
            if missing > 0 {
                into.write_all(plain.gap(missing).as_bytes())?;
            }
            into.write_all(plain.feed(&bytes).as_bytes())?;
        }
    }
    into.write_all(plain.rest().as_bytes())?;
    into.flush()?;
    Ok(reader.damaged())
}

async fn forget(state: &StateDir, shelf: &Shelf, args: &ForgetArgs) -> Result<ExitCode, Failure> {
    let ids = if args.all {
        let ended: Vec<_> = all(shelf)?
            .into_iter()
            .filter(|found| !found.live)
            .map(|found| found.past.id)
            .collect();
        if !args.yes && !ended.is_empty() && !all_may_go(ended.len())? {
            return Ok(ExitCode::FAILURE);
        }
        ended
    } else {
        let ids = args.terminals.iter().map(|wanted| ended(shelf, wanted));
        ids.collect::<Result<_, _>>()?
    };
    for id in &ids {
        shelf.remove(*id).map_err(|error| Failure {
            sentence: format!("what is kept of a terminal cannot be removed: {error}"),
            hint: format!("look at {}", shelf.folder(*id).display()),
        })?;
    }
    tell_agent(state).await;
    if args.json {
        output::json(&json!({"forgotten": ids}));
    } else {
        output::say(&match ids.len() {
            0 => "nothing was to be forgotten".to_owned(),
            1 => "forgotten: nothing is kept of it any more".to_owned(),
            count => format!("forgotten: nothing is kept of {count} terminals any more"),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// One that has ended.
fn ended(shelf: &Shelf, wanted: &str) -> Result<TerminalId, Failure> {
    let found = named(shelf, wanted)?;
    if found.live {
        return Err(Failure {
            sentence: format!(
                "\"{}\" has not ended, so it cannot be forgotten",
                output::printable(wanted)
            ),
            hint: "end it first; it is forgotten by this command then".to_owned(),
        });
    }
    Ok(found.past.id)
}

/// So that no device is shown what is gone. An agent that does not run, or does not listen here, sees it by itself later.
async fn tell_agent(state: &StateDir) {
    if let Ok(mut owner) = connect(state).await {
        let _ = ask(&mut owner, Request::LookAtHistory {}).await;
    }
}

fn all_may_go(count: usize) -> Result<bool, Failure> {
    let plural = if count == 1 { "" } else { "s" };
    really(
        &format!("Remove what is kept of {count} terminal{plural}, really?"),
        "nothing was removed",
        || Failure {
            sentence: "this removes the history of every terminal that has ended, \
                       and there is nobody to ask"
                .to_owned(),
            hint: "add `--yes` to remove it without asking".to_owned(),
        },
    )
}

/// All that is kept, the latest first.
fn all(shelf: &Shelf) -> Result<Vec<Found>, Failure> {
    let listing = shelf.list().map_err(|error| unreadable(&error))?;
    let found = listing.ids.into_iter().map(|id| shelf.find(id));
    let found: io::Result<Vec<_>> = found.filter_map(Result::transpose).collect();
    let mut found = found.map_err(|error| unreadable(&error))?;
    found.sort_by_key(|found| (Reverse(found.past.started), found.past.id));
    Ok(found)
}

/// The one that is meant.
pub fn named(shelf: &Shelf, wanted: &str) -> Result<Found, Failure> {
    let all = all(shelf)?;
    let choices = all.iter().map(|found| Choice {
        id: found.past.id.to_string(),
        name: &found.past.name,
        what: found,
    });
    pick(choices.collect(), wanted, "terminal", "lanyard history").cloned()
}

/// The history is there, and the disk does not give it.
pub fn unreadable(error: &io::Error) -> Failure {
    Failure {
        sentence: format!("the history cannot be read: {error}"),
        hint: "check the disk and the permissions of the folder `history` in the agent's folder"
            .to_owned(),
    }
}
