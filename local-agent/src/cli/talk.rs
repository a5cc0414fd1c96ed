//! Asking the running agent over the owner's socket.

use super::Failure;
use crate::daemon::owner::{Notice, OwnerConn, Request, Status};
use crate::state::StateDir;

/// How things are, asked once.
pub async fn read_status(state: &StateDir) -> Result<Status, Failure> {
    status_of(&mut connect(state).await?).await
}

/// How things are.
pub async fn status_of(owner: &mut OwnerConn) -> Result<Status, Failure> {
    let Notice::Status(status) = ask(owner, Request::Status {}).await? else {
        return Err(unexpected());
    };
    Ok(status)
}

/// Connects to the agent of this folder.
pub async fn connect(state: &StateDir) -> Result<OwnerConn, Failure> {
    OwnerConn::connect(&state.owner_socket())
        .await
        .map_err(|_| not_running())
}

/// Sends a request and waits for its answer; what is told in between is for others.
pub async fn ask(owner: &mut OwnerConn, request: Request) -> Result<Notice, Failure> {
    owner.send(&request).await.map_err(lost)?;
    loop {
        let notice = owner.next().await.map_err(lost)?.ok_or_else(refused)?;
        match notice {
            Notice::Link(_)
            | Notice::Status(_)
            | Notice::Done {}
            | Notice::Ended { .. }
            | Notice::Rotated { .. }
            | Notice::Decided { .. }
            | Notice::Answered { .. }
            | Notice::Approvals { .. }
            | Notice::Permissions { .. }
            | Notice::ClockAccepted { .. } => {
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
            | Notice::RotationDone { .. }
            | Notice::Approval { .. }
            | Notice::Settled { .. }
            | Notice::Paired { .. } => {}
        }
    }
}

pub fn not_running() -> Failure {
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

pub fn unexpected() -> Failure {
    Failure {
        sentence: "the agent answered something else".to_owned(),
        hint: "the running agent may be of another version: restart it".to_owned(),
    }
}

pub fn lost(error: std::io::Error) -> Failure {
    Failure {
        sentence: format!("the agent was lost: {error}"),
        hint: "check `lanyard status`".to_owned(),
    }
}
