//! `lanyard audit`: what was asked, answered and done. Read from the disk, and checked line by line, whether an agent runs or not.

mod words;

use super::up::signals;
use super::{Failure, output};
use crate::audit::chain::{Broken, Head};
use crate::audit::read::{AuditError, Lines};
use crate::core::Identity;
use crate::limits::FOLLOW_EVERY;
use crate::state::StateDir;
use lanyard_shared::b64;
use serde_json::json;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;
use tokio::time::sleep;
use words::sentence;

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
    /// Check that no line was edited, cut out, put in, moved or signed anew
    ///
    /// Lines that were cut off at the end are not found by the log alone. What a device has seen of it is shown on its Audit screen as COUNT:HASH; the
    /// machine also compares by itself, each time that the device comes back.
    #[command(
        after_help = "Examples:\n  lanyard audit verify\n  lanyard audit verify --seen 812:Hk1x… # from a device\n  lanyard audit verify --json | jq .count"
    )]
    Verify {
        /// The log must have had so many lines with this hash; as a device shows it, or as an earlier check printed it
        #[arg(long, value_name = "COUNT:HASH", value_parser = seen)]
        seen: Vec<Head>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the log, byte for byte, as far as it is whole
    #[command(after_help = "Example:\n  lanyard audit export > audit.jsonl")]
    Export,
}

pub async fn audit(state: StateDir, args: Args) -> Result<ExitCode, Failure> {
    let mut lines = Lines::open(&state.audit_log()).map_err(|error| failed(&error))?;
    if lines.is_empty() {
        return Err(Failure {
            sentence: "nothing was recorded yet".to_owned(),
            hint: "the log begins with the first `lanyard up`".to_owned(),
        });
    }
    match args.command {
        None => print(&mut lines, args.json, args.follow).await,
        Some(Command::Export) => print(&mut lines, true, false).await,
        Some(Command::Verify { seen, json }) => verify(&state, &mut lines, &seen, json),
    }
}

async fn print(lines: &mut Lines, json: bool, follow: bool) -> Result<ExitCode, Failure> {
    let mut stop = signals()?;
    loop {
        while let Some(line) = lines.next_line().map_err(|error| failed(&error))? {
            let line = if json {
                line.text
            } else {
                sentence(&line.entry)
            };
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

fn verify(
    state: &StateDir,
    lines: &mut Lines,
    seen: &[Head],
    json: bool,
) -> Result<ExitCode, Failure> {
    let identity = state.known_identity(lanyard_dial::clock::unix());
    let broken = match check(lines, identity.as_ref(), seen) {
        Ok(()) => None,
        Err(AuditError::Broken(broken)) => Some(broken),
        Err(error) => return Err(failed(&error)),
    };
    let (head, signed) = (lines.head(), lines.sense().signed());
    if json {
        let broken = broken.as_ref();
        output::json(&json!({
            "count": head.count,
            "hash": head.hash,
            "signed": signed,
            "removed": lines.removed().map_or(0, |removed| removed.count),
            "broken": broken.map(|broken| json!({"line": broken.line, "why": broken.why})),
        }));
    } else if let Some(broken) = &broken {
        return Err(failed(&AuditError::Broken(broken.clone())));
    } else {
        let mut said = vec![format!(
            "{} lines, each follows from those before it, and the first {signed} of them are signed by this machine",
            head.count
        )];
        if let Some(removed) = lines.removed() {
            let count = removed.count;
            said.push(format!(
                "the first {count} were removed as their time was over"
            ));
        }
        let hash = b64::encode(head.hash.0);
        said.push(format!("to compare later: --seen {}:{hash}", head.count));
        output::lines(&said);
    }
    Ok(ExitCode::from(u8::from(broken.is_some())))
}

/// All that a log can be wrong in.
fn check(lines: &mut Lines, identity: Option<&Identity>, seen: &[Head]) -> Result<(), AuditError> {
    while lines.next_line()?.is_some() {
        let head = lines.head();
        for seen in seen.iter().filter(|seen| seen.count == head.count) {
            if *seen != head {
                let why = "is not the one that was seen here";
                return Err(Broken {
                    line: head.count,
                    why,
                }
                .into());
            }
        }
    }
    lines.check_beginning()?;
    let end = lines.head().count;
    if seen.iter().any(|seen| seen.count > end) {
        let why = "was seen here, and is missing";
        let line = end + 1;
        return Err(Broken { line, why }.into());
    }
    let key = lines.sense().key();
    if identity.is_some_and(|identity| key != Some(identity.public())) {
        let why = "is signed by a key that is not this machine's";
        return Err(Broken { line: end, why }.into());
    }
    Ok(())
}

fn seen(text: &str) -> Result<Head, String> {
    let wrong = || "this is no COUNT:HASH, such as `lanyard audit verify` prints".to_owned();
    let (count, hash) = text.split_once(':').ok_or_else(wrong)?;
    let hash = serde_json::from_value(json!(hash)).map_err(|_| wrong())?;
    let count = count.parse().map_err(|_| wrong())?;
    Ok(Head { count, hash })
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
