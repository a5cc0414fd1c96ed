//! `lanyard audit`: what was asked, answered and done. Read from the disk, and checked line by line, whether an agent runs or not.

use super::approvals::said;
use super::card::asker;
use super::up::signals;
use super::{Failure, output, show};
use crate::audit::Event;
use crate::audit::chain::Entry;
use crate::audit::log::{AuditError, Lines};
use crate::limits::{FOLLOW_EVERY, LISTED_ID};
use crate::state::StateDir;
use lanyard_policy::prompt;
use lanyard_shared::ids::ApprovalId;
use serde_json::json;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;
use tokio::time::sleep;

/// Flags of `lanyard audit`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Go on until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Print the lines as they are in the log
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that no line was edited, cut out, put in or moved
    ///
    /// Lines that were cut off at the end are not found by this alone: compare the count and the hash with those of an earlier time.
    #[command(
        after_help = "Examples:\n  lanyard audit verify\n  lanyard audit verify --json | jq .count"
    )]
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the log, byte for byte, as far as it is whole
    #[command(after_help = "Example:\n  lanyard audit export > audit.jsonl")]
    Export,
}

pub async fn audit(state: StateDir, args: Args) -> Result<ExitCode, Failure> {
    let mut lines = match Lines::open(&state.audit_log()) {
        Ok(lines) => lines,
        Err(AuditError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Err(Failure {
                sentence: "nothing was recorded yet".to_owned(),
                hint: "the log begins with the first `lanyard up`".to_owned(),
            });
        }
        Err(error) => return Err(failed(&error)),
    };
    match args.command {
        None => print(&mut lines, args.json, args.follow).await,
        Some(Command::Export) => print(&mut lines, true, false).await,
        Some(Command::Verify { json }) => verify(&mut lines, json),
    }
}

async fn print(lines: &mut Lines, json: bool, follow: bool) -> Result<ExitCode, Failure> {
    let mut stop = signals()?;
    loop {
        while let Some((line, entry)) = lines.next_line().map_err(|error| failed(&error))? {
            let line = if json { line } else { sentence(&entry) };
            match writeln!(output::stdout(), "{line}") {
                // Whoever reads has read enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                written => written.map_err(|error| unwritten(&error))?,
            }
        }
        if !follow {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            () = sleep(FOLLOW_EVERY) => {}
            _ = stop.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
}

fn verify(lines: &mut Lines, json: bool) -> Result<ExitCode, Failure> {
    let broken = loop {
        match lines.next_line() {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(AuditError::Broken(broken)) => break Some(broken),
            Err(error) => return Err(failed(&error)),
        }
    };
    let head = lines.head();
    if json {
        let broken = broken.as_ref();
        output::json(&json!({
            "count": head.count,
            "hash": head.hash,
            "broken": broken.map(|broken| json!({"line": broken.line, "why": broken.why})),
        }));
    } else if let Some(broken) = &broken {
        return Err(failed(&AuditError::Broken(broken.clone())));
    } else {
        let hash = lanyard_shared::b64::encode(head.hash.0);
        output::lines(&[format!(
            "{} lines, each follows from those before it; the hash of all: {hash}",
            head.count
        )]);
    }
    Ok(ExitCode::from(u8::from(broken.is_some())))
}

/// One line for a person.
fn sentence(entry: &Entry) -> String {
    let what = match &entry.event {
        Event::Began { version, .. } => {
            format!("the agent began, version {}", output::printable(version))
        }
        Event::Torn { bytes } => {
            format!("a line had not been written whole, and {bytes} bytes of it were taken away")
        }
        Event::Asked { request, .. } => {
            let line = prompt::show(&request.line).text.replace('\n', " ");
            format!(
                "{}  {} asks to run: {line}",
                short(request.id),
                asker(&request.asker)
            )
        }
        Event::Settled { settled } => format!("{}  {}", short(settled.id), said(settled)),
    };
    format!("{}  {what}", show::instant(entry.at))
}

fn short(id: ApprovalId) -> String {
    id.to_string().chars().take(LISTED_ID).collect()
}

fn failed(error: &AuditError) -> Failure {
    let hint = match error {
        AuditError::Broken(_) => {
            "somebody has edited the log, or the disk has: what stands before that line is as it was written"
        }
        AuditError::Io { .. } => "check the disk and the folder's permissions",
    };
    Failure {
        sentence: error.to_string(),
        hint: hint.to_owned(),
    }
}

fn unwritten(error: &io::Error) -> Failure {
    Failure {
        sentence: format!("the log cannot be printed: {error}"),
        hint: "check where it is printed to".to_owned(),
    }
}
