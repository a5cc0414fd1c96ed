//! `lanyard approvals`, `approve` and `deny`: what waits for an answer, and the answer of the person at the machine.

use super::card::{asker, card};
use super::pick::{Choice, pick};
use super::really::really;
use super::span::grant_minutes;
use super::talk::{ask, connect, unexpected};
use super::{Failure, output};
use crate::daemon::owner::{Notice, OwnerConn, Request as Owner};
use crate::limits::LISTED_ID;
use crate::state::StateDir;
use lanyard_dial::clock;
use lanyard_policy::prompt;
use lanyard_shared::access::in_short;
use lanyard_shared::approval::{By, End, Holds, Request, Said, Settled, Verdict};
use serde_json::json;
use std::process::ExitCode;

/// Flags of `lanyard approvals`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `lanyard approve` and `deny`.
#[derive(Debug, clap::Args)]
pub struct AnswerArgs {
    /// Its id, or the beginning of it, from `lanyard approvals`
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `lanyard approve` alone.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    answer: AnswerArgs,
    /// Let its rules stand for so long, until the agent ends at the latest
    #[arg(long = "for", value_name = "TIME", value_parser = grant_minutes, conflicts_with = "always")]
    minutes: Option<u32>,
    /// Save its rules in the folder's own settings
    #[arg(long)]
    always: bool,
}

pub async fn list(state: StateDir, args: ListArgs) -> Result<ExitCode, Failure> {
    let requests = waiting(&mut connect(&state).await?).await?;
    if args.json {
        output::json(&requests);
        return Ok(ExitCode::SUCCESS);
    }
    if requests.is_empty() {
        output::lines(&["nothing waits for an approval".to_owned()]);
    }
    let now = clock::now().unix;
    let lines: Vec<_> = requests
        .iter()
        .flat_map(|request| {
            let id: String = request.id.to_string().chars().take(LISTED_ID).collect();
            let left = in_short(now.until(request.until));
            let line = prompt::show(&request.line).text;
            [
                format!("{id}  {} ({left} left)", asker(&request.asker)),
                format!("    {}", line.replace('\n', "\n    ")),
            ]
        })
        .collect();
    output::lines(&lines);
    Ok(ExitCode::SUCCESS)
}

pub async fn approve(state: StateDir, args: ApproveArgs) -> Result<ExitCode, Failure> {
    let holds = match args.minutes {
        Some(minutes) => Holds::Time { minutes },
        None if args.always => Holds::Always {},
        None => Holds::Once {},
    };
    let verdict = Verdict::Approved;
    answer(state, args.answer, Said { verdict, holds }).await
}

pub async fn deny(state: StateDir, args: AnswerArgs) -> Result<ExitCode, Failure> {
    answer(state, args, Verdict::Denied.into()).await
}

async fn answer(state: StateDir, args: AnswerArgs, said_now: Said) -> Result<ExitCode, Failure> {
    let Said { verdict, holds } = said_now;
    let mut owner = connect(&state).await?;
    let requests = waiting(&mut owner).await?;
    let choices = requests.iter().map(|request| Choice {
        id: request.id.to_string(),
        name: "",
        what: request,
    });
    let request = pick(choices.collect(), &args.id, "request", "lanyard approvals")?;
    if !said_now.fits(request) {
        return Err(unfit(holds));
    }
    if verdict == Verdict::Approved && !args.yes {
        output::lines(&card(request, clock::now().unix));
        output::lines(&longer(request, holds));
        let nobody = || Failure {
            sentence: "nobody can be asked whether to run it".to_owned(),
            hint: "read it with `lanyard approvals`, then pass `--yes`".to_owned(),
        };
        if !really("Run it?", "it still waits", nobody)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    let answer = Owner::AnswerApproval {
        id: request.id,
        hash: request.hash(),
        verdict,
        holds,
    };
    let Notice::Answered { settled } = ask(&mut owner, answer).await? else {
        return Err(unexpected());
    };
    if args.json {
        output::json(&json!({ "settled": settled }));
    } else {
        output::lines(&[said(&settled)]);
    }
    let ours = matches!(settled.end, End::Answered { verdict: given, .. } if given == verdict);
    Ok(if ours {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a yes would let stand, beside the command.
fn longer(request: &Request, holds: Holds) -> Vec<String> {
    let rules = output::printable(&request.rules.join(", "));
    match holds {
        Holds::Once {} => Vec::new(),
        Holds::Time { minutes } => {
            vec![format!(
                "for {minutes} minutes nobody is asked about: {rules}"
            )]
        }
        Holds::Always {} => vec![format!(
            "from now on nobody is asked about: {rules}, saved in {}",
            output::printable(&request.saved_in)
        )],
    }
}

fn unfit(holds: Holds) -> Failure {
    let hint = match holds {
        Holds::Always {} => {
            "trust the folder first, with `lanyard policy trust`; or approve it once"
        }
        Holds::Once {} | Holds::Time { .. } => "approve it once",
    };
    Failure {
        sentence: "there is no rule that could stand for this".to_owned(),
        hint: hint.to_owned(),
    }
}

async fn waiting(owner: &mut OwnerConn) -> Result<Vec<Request>, Failure> {
    let Notice::Approvals { requests } = ask(owner, Owner::Approvals {}).await? else {
        return Err(unexpected());
    };
    Ok(requests)
}

/// What has come of a request, in words.
pub fn said(settled: &Settled) -> String {
    match &settled.end {
        End::Answered { verdict, holds, by } => {
            let by = match by {
                By::Machine {} => "at the machine".to_owned(),
                By::Device { name, .. } => format!("on \"{}\"", output::printable(name)),
            };
            match verdict {
                Verdict::Approved => match holds {
                    Holds::Once {} => format!("approved {by}"),
                    Holds::Time { minutes } => {
                        format!("approved {by}, and its rules for {minutes} minutes")
                    }
                    Holds::Always {} => format!("approved {by}, and its rules for good"),
                },
                Verdict::Denied => format!("denied {by}"),
            }
        }
        End::Expired {} => "denied, as nobody answered in time".to_owned(),
        End::Withdrawn {} => "withdrawn: nothing is done by it".to_owned(),
        End::Overtaken {} => "void, as the mode was changed meanwhile: ask again".to_owned(),
    }
}
