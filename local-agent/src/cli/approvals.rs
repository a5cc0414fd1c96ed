//! `lanyard approvals`, `approve` and `deny`: what waits for an answer, and the answer of the person at the machine.

use super::card::{asker, card};
use super::pick::{Choice, pick};
use super::really::really;
use super::talk::{ask, connect, unexpected};
use super::{Failure, output};
use crate::daemon::owner::{Notice, OwnerConn, Request as Owner};
use crate::limits::LISTED_ID;
use crate::state::StateDir;
use lanyard_dial::clock;
use lanyard_policy::prompt;
use lanyard_shared::access::in_short;
use lanyard_shared::approval::{By, End, Request, Settled, Verdict};
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

pub async fn answer(
    state: StateDir,
    args: AnswerArgs,
    verdict: Verdict,
) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    let requests = waiting(&mut owner).await?;
    let choices = requests.iter().map(|request| Choice {
        id: request.id.to_string(),
        name: "",
        what: request,
    });
    let request = pick(choices.collect(), &args.id, "request", "lanyard approvals")?;
    if verdict == Verdict::Approved && !args.yes {
        output::lines(&card(request, clock::now().unix));
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

async fn waiting(owner: &mut OwnerConn) -> Result<Vec<Request>, Failure> {
    let Notice::Approvals { requests } = ask(owner, Owner::Approvals {}).await? else {
        return Err(unexpected());
    };
    Ok(requests)
}

/// What has come of a request, in words.
pub fn said(settled: &Settled) -> String {
    match &settled.end {
        End::Answered { verdict, by } => {
            let by = match by {
                By::Machine {} => "at the machine".to_owned(),
                By::Device { name, .. } => format!("on \"{}\"", output::printable(name)),
            };
            match verdict {
                Verdict::Approved => format!("approved {by}"),
                Verdict::Denied => format!("denied {by}"),
            }
        }
        End::Expired {} => "denied, as nobody answered in time".to_owned(),
        End::Withdrawn {} => "withdrawn: nothing is done by it".to_owned(),
    }
}
