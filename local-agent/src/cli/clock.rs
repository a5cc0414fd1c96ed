//! `lanyard clock`: whether the machine believes its clock, and the way out when the clock was ahead once.

use super::talk::{ask, connect, status_of, unexpected};
use super::{Failure, output, show};
use crate::daemon::owner::{Notice, Request};
use crate::state::StateDir;
use serde_json::json;
use std::process::ExitCode;

/// Flags of `lanyard clock`.
#[derive(Debug, clap::Args)]
pub struct ClockArgs {
    /// Take the present time for right, although this machine knew a later one: its clock was ahead then
    #[arg(long)]
    accept: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn clock(state: StateDir, args: ClockArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    if args.accept {
        let Notice::ClockAccepted { time, pair_again } =
            ask(&mut owner, Request::AcceptClock {}).await?
        else {
            return Err(unexpected());
        };
        if args.json {
            output::json(&json!({"time": time, "behind": null, "pair_again": pair_again}));
            return Ok(ExitCode::SUCCESS);
        }
        output::say(&format!("the time is {}", show::instant(time)));
        for name in pair_again {
            let name = output::printable(&name);
            output::say(&format!(
                "{name} must pair again: it was last seen while the clock was ahead"
            ));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let status = status_of(&mut owner).await?;
    if args.json {
        output::json(&json!({"time": status.time, "behind": status.clock_behind}));
        return Ok(ExitCode::SUCCESS);
    }
    output::say(&format!("the time is {}", show::instant(status.time)));
    output::lines(&show::clock_behind(&status));
    Ok(ExitCode::SUCCESS)
}
