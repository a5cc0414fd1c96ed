//! `lanyard mode` and `lanyard grants`: how the machine works for now, and what stands for a time. All of it is gone when the agent ends.

use super::pick::{Choice, pick};
use super::talk::{ask, connect, unexpected};
use super::{Failure, output};
use crate::daemon::owner::{Notice, OwnerConn, Request as Owner};
use crate::limits::LISTED_ID;
use crate::state::StateDir;
use lanyard_dial::clock;
use lanyard_shared::access::in_short;
use lanyard_shared::approval::{Granted, Mode};
use serde_json::json;
use std::process::ExitCode;

/// Flags of `lanyard mode`.
#[derive(Debug, clap::Args)]
pub struct ModeArgs {
    /// The mode to work in from now on; without it the present one is printed
    #[arg(value_name = "MODE")]
    mode: Option<Chosen>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What can be chosen.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Chosen {
    /// Nothing but what only reads
    Plan,
    /// Everything else is asked for
    Ask,
    /// Edits in the workspace are not asked for
    AcceptEdits,
    /// What the settings of each folder say
    Settings,
}

/// Flags of `lanyard grants`.
#[derive(Debug, clap::Args)]
pub struct GrantsArgs {
    /// End this one: its id, or the beginning of it
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    end: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn mode(state: StateDir, args: ModeArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    if let Some(chosen) = args.mode {
        let mode = match chosen {
            Chosen::Plan => Some(Mode::Plan),
            Chosen::Ask => Some(Mode::Ask),
            Chosen::AcceptEdits => Some(Mode::AcceptEdits),
            Chosen::Settings => None,
        };
        ask(&mut owner, Owner::SetMode { mode }).await?;
    }
    let (mode, _) = permissions(&mut owner).await?;
    if args.json {
        output::json(&json!({ "mode": mode }));
    } else {
        output::lines(&[mode_words(mode).to_owned()]);
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn grants(state: StateDir, args: GrantsArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    if let Some(named) = &args.end {
        let (_, granted) = permissions(&mut owner).await?;
        let choices = granted.iter().map(|granted| Choice {
            id: granted.id.to_string(),
            name: "",
            what: granted.id,
        });
        let id = pick(choices.collect(), named, "grant", "lanyard grants")?;
        ask(&mut owner, Owner::EndGranted { id }).await?;
    }
    let (_, granted) = permissions(&mut owner).await?;
    if args.json {
        output::json(&granted);
        return Ok(ExitCode::SUCCESS);
    }
    let now = clock::now().unix;
    let mut lines: Vec<String> = granted
        .iter()
        .map(|granted| {
            let id: String = granted.id.to_string().chars().take(LISTED_ID).collect();
            let by = match granted.by.as_str() {
                "" => "at the machine".to_owned(),
                by => format!("on \"{}\"", output::printable(by)),
            };
            format!(
                "{id}  {}, in {}, for {} ({by})",
                output::printable(&granted.rules.join(", ")),
                output::printable(&granted.workspace),
                in_short(now.until(granted.until)),
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("no rule stands for a time".to_owned());
    }
    output::lines(&lines);
    Ok(ExitCode::SUCCESS)
}

async fn permissions(owner: &mut OwnerConn) -> Result<(Option<Mode>, Vec<Granted>), Failure> {
    let Notice::Permissions { mode, granted } = ask(owner, Owner::Permissions {}).await? else {
        return Err(unexpected());
    };
    Ok((mode, granted))
}

/// A mode, as people read it.
pub fn mode_words(mode: Option<Mode>) -> &'static str {
    match mode {
        None => "the mode that the settings of each folder say",
        Some(Mode::Plan) => "plan mode: nothing but what only reads",
        Some(Mode::Ask) => "ask mode: what does not only read is asked for",
        Some(Mode::AcceptEdits) => "accept-edits mode: edits in the workspace are not asked for",
    }
}
