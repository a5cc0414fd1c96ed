//! Commands that talk to the running agent over the owner's socket.

use super::question::{Keyboard, Questions};
use super::{Failure, Grant, output, scopes};
use crate::daemon::owner::{Notice, OwnerConn, Request, Status};
use crate::state::StateDir;
use lanyard_shared::access::{Reach, Revocation};
use lanyard_shared::ids::DeviceId;
use std::process::ExitCode;

/// Flags of `lanyard pair`.
#[derive(Debug, clap::Args)]
pub struct PairArgs {
    /// What the link grants
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "view",
        value_name = "WHAT"
    )]
    grant: Vec<Grant>,
    /// Let in whoever opens the link, without asking; for scripts. Prints the link and leaves
    #[arg(long)]
    yes: bool,
    /// End all pairing links that are still open
    #[arg(long, conflicts_with_all = ["grant", "yes"])]
    cancel: bool,
    /// Print the link as JSON and leave; the question is asked where `lanyard up` runs
    #[arg(long)]
    json: bool,
}

/// Flags of commands that only show.
#[derive(Debug, clap::Args)]
pub struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `lanyard revoke`.
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    /// The device's id, from `lanyard devices`
    device: String,
}

pub async fn pair(state: StateDir, args: PairArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    if args.cancel {
        ask(&mut owner, Request::Cancel {}).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let scopes = scopes(&args.grant);
    let answer = ask(
        &mut owner,
        Request::Pair {
            scopes: scopes.clone(),
            reach: Reach::default(),
            stays: None,
            yes: args.yes,
        },
    )
    .await?;
    let Notice::Link(link) = &answer else {
        return Err(unexpected());
    };
    if args.json {
        output::json(link);
        return Ok(ExitCode::SUCCESS);
    }
    output::link(link, &scopes);
    if args.yes {
        return Ok(ExitCode::SUCCESS);
    }
    output::say("Waiting for a device; Ctrl-C leaves, the link stays open.");
    wait_for_device(&mut owner).await
}

async fn wait_for_device(owner: &mut OwnerConn) -> Result<ExitCode, Failure> {
    let mut keyboard = Keyboard::default();
    let mut questions = Questions::default();
    loop {
        tokio::select! {
            notice = owner.next() => {
                let notice = notice.map_err(lost)?.ok_or_else(not_running)?;
                questions.hear(&notice, &mut keyboard);
                if matches!(notice, Notice::Paired { .. }) {
                    output::notice(&notice);
                    return Ok(ExitCode::SUCCESS);
                }
            }
            line = keyboard.line() => {
                if let Some((question, yes)) = questions.answer(&line) {
                    owner.send(&Request::Answer { question, yes }).await.map_err(lost)?;
                    if !yes {
                        return Ok(ExitCode::FAILURE);
                    }
                }
            }
        }
    }
}

pub async fn status(state: StateDir, args: JsonArgs) -> Result<ExitCode, Failure> {
    let status = read_status(&state).await?;
    if args.json {
        output::json(&status)
    } else {
        output::status(&status)
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn devices(state: StateDir, args: JsonArgs) -> Result<ExitCode, Failure> {
    let status = read_status(&state).await?;
    if args.json {
        output::json(&status.devices)
    } else {
        output::devices(&status)
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn revoke(state: StateDir, args: RevokeArgs) -> Result<ExitCode, Failure> {
    let device = DeviceId::parse(&args.device).ok_or_else(|| Failure {
        sentence: "that is not the id of a device".to_owned(),
        hint: "`lanyard devices` lists the ids".to_owned(),
    })?;
    let mut owner = connect(&state).await?;
    let revocation = Revocation::Device { device };
    ask(&mut owner, Request::Revoke { revocation }).await?;
    output::say("ended; it must pair again to come back");
    Ok(ExitCode::SUCCESS)
}

async fn read_status(state: &StateDir) -> Result<Status, Failure> {
    let mut owner = connect(state).await?;
    let Notice::Status(status) = ask(&mut owner, Request::Status {}).await? else {
        return Err(unexpected());
    };
    Ok(status)
}

async fn connect(state: &StateDir) -> Result<OwnerConn, Failure> {
    OwnerConn::connect(&state.owner_socket())
        .await
        .map_err(|_| not_running())
}

/// Sends a request and waits for its answer; what is told in between is for others.
async fn ask(owner: &mut OwnerConn, request: Request) -> Result<Notice, Failure> {
    owner.send(&request).await.map_err(lost)?;
    loop {
        let notice = owner.next().await.map_err(lost)?.ok_or_else(refused)?;
        match notice {
            Notice::Link(_)
            | Notice::Status(_)
            | Notice::Done {}
            | Notice::Ended { .. }
            | Notice::Rotated { .. } => {
                return Ok(notice);
            }
            Notice::Refused { reason } => {
                return Err(Failure {
                    sentence: reason.sentence,
                    hint: reason.hint,
                });
            }
            Notice::Online { .. }
            | Notice::Offline { .. }
            | Notice::Unreachable { .. }
            | Notice::Trouble { .. }
            | Notice::Question { .. }
            | Notice::Withdrawn { .. }
            | Notice::Suspended { .. }
            | Notice::Paired { .. } => {}
        }
    }
}

fn not_running() -> Failure {
    Failure {
        sentence: "no agent is running for this folder of state".to_owned(),
        hint: "start it with `lanyard up`".to_owned(),
    }
}

fn refused() -> Failure {
    Failure {
        sentence: "the agent did not answer".to_owned(),
        hint: "this command works outside of Lanyard's own terminals only".to_owned(),
    }
}

fn unexpected() -> Failure {
    Failure {
        sentence: "the agent answered something else".to_owned(),
        hint: "the running agent may be of another version: restart it".to_owned(),
    }
}

fn lost(error: std::io::Error) -> Failure {
    Failure {
        sentence: format!("the agent was lost: {error}"),
        hint: "check `lanyard status`".to_owned(),
    }
}
