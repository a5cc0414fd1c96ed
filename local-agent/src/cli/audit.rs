//! `lanyard audit`: what was asked, answered and done. Read from the disk, and checked line by line, whether an agent runs or not.

use super::approvals::said;
use super::card::asker;
use super::permissions::mode_words;
use super::up::signals;
use super::{Failure, output, show};
use crate::audit::chain::{Broken, Entry, Head};
use crate::audit::read::{AuditError, Lines};
use crate::audit::{Event, Who};
use crate::core::Identity;
use crate::limits::{FOLLOW_EVERY, LISTED_ID};
use crate::state::StateDir;
use lanyard_policy::prompt;
use lanyard_shared::access::{Reach, Revocation};
use lanyard_shared::b64;
use lanyard_shared::ids::{ApprovalId, DeviceId, TerminalId, TokenId};
use lanyard_shared::msg::{Scope, Wanted};
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

/// One line for a person.
fn sentence(entry: &Entry) -> String {
    format!("{}  {}", show::instant(entry.at), what(&entry.event))
}

fn what(event: &Event) -> String {
    match event {
        Event::Began { version, .. } => {
            format!("the agent began, version {}", output::printable(version))
        }
        Event::Continued { .. } => "the log goes on in another file".to_owned(),
        Event::Rekeyed { .. } => "the log is signed by the machine's new identity".to_owned(),
        Event::Checkpoint { .. } => "the machine vouches for all before this".to_owned(),
        Event::Torn { bytes } => {
            format!("a line had not been written whole, and {bytes} bytes of it were taken away")
        }
        Event::Unwritten { lines } => format!("{lines} lines before this could not be written"),
        Event::Omitted { lines } => {
            format!(
                "{lines} lines about sessions and tokens before this were too many, and were left out"
            )
        }
        Event::Removed { through } => {
            format!(
                "lines up to {} were removed, as their time was over",
                through.count
            )
        }
        Event::Asked { request, .. } => format!(
            "{}  {} asks to run: {}",
            short(request.id),
            asker(&request.asker),
            shown(&request.line)
        ),
        Event::Settled { settled } => format!("{}  {}", short(settled.id), said(settled)),
        Event::Decided {
            asker: by,
            line,
            allowed,
            reason,
            ..
        } => {
            let decided = if *allowed { "allowed" } else { "denied" };
            let (by, line) = (asker(by), shown(line));
            format!("{decided} by rules: {line}, for {by}: {}", shown(reason))
        }
        Event::ModeChosen { mode, by } => {
            format!("{} was chosen by {}", mode_words(*mode), who(by))
        }
        Event::GrantEnded { id, by } => {
            format!("{}  its rules stand no longer, by {}", short(*id), who(by))
        }
        Event::RulesSaved {
            id,
            rules,
            file,
            failed,
        } => match failed {
            None => format!(
                "{}  saved in {}: {}",
                short(*id),
                shown(file),
                shown(&rules.join(", "))
            ),
            Some(why) => format!("{}  could not be saved: {}", short(*id), shown(why)),
        },
        Event::FolderTrusted { folder, .. } => {
            format!("the settings of {} count from now on", shown(folder))
        }
        Event::Paired {
            device,
            name,
            scopes,
            reach,
            until,
        } => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            let until = until.map(|until| format!(", until {}", show::instant(until)));
            format!(
                "{} was paired, with {}{}{}",
                device_named(*device, name),
                scopes.join(", "),
                bounds(reach),
                until.unwrap_or_default()
            )
        }
        Event::Connected { device, name, from } => {
            let from = if from.is_empty() {
                "nowhere known"
            } else {
                from
            };
            let from = output::printable(from);
            format!("{} connected from {from}", device_named(*device, name))
        }
        Event::Minted {
            device,
            jti,
            wanted,
            expires,
        } => format!(
            "token {} for {}, to device {}, until {}",
            short_token(*jti),
            about(wanted),
            short_device(*device),
            show::instant(*expires)
        ),
        Event::Ended { jti, why } => format!("token {} ended: {}", short_token(*jti), shown(why)),
        Event::Refused {
            device,
            wanted,
            why,
        } => format!(
            "token for {} refused to device {}: {}",
            about(wanted),
            short_device(*device),
            shown(why)
        ),
        Event::Revoked { what, by } => format!("{} ended, by {}", access(what), who(by)),
        Event::ShareEnded { device } => {
            format!("the time of device {} was over", short_device(*device))
        }
        Event::Locked { locked, by } => {
            let done = if *locked { "locked" } else { "unlocked" };
            format!("the machine was {done}, by {}", who(by))
        }
        Event::Suspended { device, name } => format!(
            "a copy of {} was seen; it may only watch",
            device_named(*device, name)
        ),
        Event::Trusted { device } => format!("device {} was trusted again", short_device(*device)),
        Event::Rotated { key, device } => {
            let of = device.map(|device| format!(" of {}", short_device(device)));
            let key = output::printable(key);
            format!(
                "the key `{key}`{} is being replaced",
                of.unwrap_or_default()
            )
        }
        Event::KeysChanged { from, to } => format!(
            "device {} goes on as {}, with new keys",
            short_device(*from),
            short_device(*to)
        ),
        Event::TerminalBegan { terminal, name, by } => format!(
            "terminal {} \"{}\" was started by {}",
            short_terminal(*terminal),
            output::printable(name),
            who(by)
        ),
        Event::TerminalEnded { terminal, by } => {
            let by = by.as_ref().map(|by| format!(", by {}", who(by)));
            format!(
                "terminal {} ended{}",
                short_terminal(*terminal),
                by.unwrap_or_default()
            )
        }
        Event::HistoryRemoved { terminal, by } => format!(
            "what was kept of terminal {} was removed by {}",
            short_terminal(*terminal),
            who(by)
        ),
        Event::Disputed { device, name, seen } => format!(
            "{} has seen {} other lines here than these",
            device_named(*device, name),
            seen.count
        ),
    }
}

fn who(who: &Who) -> String {
    match who {
        Who::Machine {} => "somebody at the machine".to_owned(),
        Who::Device { device, name } => device_named(*device, name),
    }
}

fn device_named(device: DeviceId, name: &str) -> String {
    format!("\"{}\" ({})", output::printable(name), short_device(device))
}

fn access(what: &Revocation) -> String {
    match what {
        Revocation::Token { jti } => format!("token {} was", short_token(*jti)),
        Revocation::Purpose { purpose, device } => {
            let whose = device.map_or("all devices".to_owned(), short_device);
            format!("the purpose `{}` of {whose} was", purpose.name())
        }
        Revocation::Device { device } => format!("device {} was", short_device(*device)),
        Revocation::Everything {} => "all access was".to_owned(),
    }
}

fn about(wanted: &Wanted) -> String {
    let purpose: Scope = wanted.scope();
    let about = match wanted {
        Wanted::View { terminal } | Wanted::Terminal { terminal } => short_terminal(*terminal),
        Wanted::FilesRead { root }
        | Wanted::Run { root }
        | Wanted::FilesWrite { root }
        | Wanted::Prompt { root } => shown(root),
        Wanted::Approve { request } => short(*request),
        Wanted::Devices {} => return purpose.name().to_owned(),
    };
    format!("{} {about}", purpose.name())
}

fn bounds(reach: &Reach) -> String {
    let root = reach
        .root
        .as_deref()
        .map(|root| format!(" below {}", shown(root)));
    let terminal = reach
        .terminal
        .map(|id| format!(" for terminal {}", short_terminal(id)));
    root.or(terminal).unwrap_or_default()
}

/// On one line, with nothing that hides.
fn shown(text: &str) -> String {
    prompt::show(text).text.replace('\n', " ")
}

fn short_device(id: DeviceId) -> String {
    shortened(&id.to_string())
}

fn short_token(id: TokenId) -> String {
    shortened(&id.to_string())
}

fn short_terminal(id: TerminalId) -> String {
    shortened(&id.to_string())
}

fn shortened(id: &str) -> String {
    id.chars().take(LISTED_ID).collect()
}

fn short(id: ApprovalId) -> String {
    shortened(&id.to_string())
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
