//! `lanyard status`, `devices` and `tokens`: once, or for as long as somebody watches.

use super::output::{self, Screen};
use super::talk::{connect, lost, read_status};
use super::up::signals;
use super::{Failure, show};
use crate::daemon::owner::{Notice, OwnerConn, Request, Status};
use crate::limits::WATCH_EVERY;
use crate::state::StateDir;
use serde_json::{Value, json};
use std::process::ExitCode;
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Flags of commands that only show.
#[derive(Debug, clap::Args)]
pub struct SeeArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Go on showing until Ctrl-C, also across a restart of the agent; with --json a line whenever something has changed
    #[arg(long)]
    watch: bool,
}

/// Which of the lists.
#[derive(Clone, Copy, Debug)]
pub enum List {
    /// How things are.
    Status,
    /// The paired devices.
    Devices,
    /// Every live credential.
    Tokens,
}

impl List {
    fn lines(self, status: &Status, width: usize) -> Vec<String> {
        match self {
            Self::Status => show::status(status, width),
            Self::Devices => show::devices(status, width),
            Self::Tokens => show::tokens(status, width),
        }
    }

    /// The same for programs. Nothing in it moves by itself but `time`.
    fn json(self, status: &Status) -> Value {
        match self {
            Self::Status => json!(status),
            Self::Devices => json!(status.devices),
            Self::Tokens => json!({
                "time": status.time,
                "locked": status.locked,
                "keys": status.keys,
                "invitations": status.invitations,
                "devices": status.devices,
                "tokens": status.tokens,
                "first_to_stop": first(status),
            }),
        }
    }
}

/// What stops first, at which instant; the sentence would change every second.
fn first(status: &Status) -> Value {
    use lanyard_shared::access::{What, first_to_stop};
    let Some(stop) = first_to_stop(status.time, &status.devices, &status.tokens) else {
        return Value::Null;
    };
    let what = match &stop.what {
        What::Token { purpose, .. } => purpose.name(),
        What::Share => "share",
        What::Grant => "grant",
        What::Keys => "keys",
    };
    json!({"what": what, "device": stop.device, "at": stop.at})
}

pub async fn see(state: StateDir, args: SeeArgs, list: List) -> Result<ExitCode, Failure> {
    if args.watch {
        return watch(state, args.json, list).await;
    }
    let status = read_status(&state).await?;
    if args.json {
        output::json(&list.json(&status));
    } else {
        output::lines(&list.lines(&status, output::width()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows until somebody ends it. An agent that is not there is waited for.
async fn watch(state: StateDir, json: bool, list: List) -> Result<ExitCode, Failure> {
    let mut stop = signals()?;
    let mut view = View {
        list,
        json,
        screen: Screen::default(),
        shown: Value::Null,
    };
    loop {
        if let Ok(mut owner) = connect(&state).await
            && follow(&mut owner, &mut view, &mut stop).await.is_ok()
        {
            return Ok(ExitCode::SUCCESS);
        }
        view.waiting();
        tokio::select! {
            _ = stop.recv() => return Ok(ExitCode::SUCCESS),
            () = sleep(WATCH_EVERY) => {}
        }
    }
}

/// Ends well when somebody ends it, and otherwise when the agent is lost.
async fn follow(
    owner: &mut OwnerConn,
    view: &mut View,
    stop: &mut Receiver<()>,
) -> Result<(), Failure> {
    let mut tick = interval(WATCH_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
                    _ = stop.recv() => return Ok(()),
                    _ = tick.tick() => {
                        owner.send(&Request::Status {}).await.map_err(lost)?;
                    }
                    notice = owner.next() => match notice.map_err(lost)?.ok_or_else(super::talk::not_running)? {
                        Notice::Status(status) => view.show(&status),
                        Notice::Online { .. }
                        | Notice::Offline { .. }
                        | Notice::Paired { .. }
                        | Notice::Suspended { .. }
                        | Notice::RotationDone { .. } => {
                            owner.send(&Request::Status {}).await.map_err(lost)?;
                        }
                        Notice::Unreachable { .. }
                        | Notice::Trouble { .. }
                        | Notice::Link(_)
                        | Notice::Question { .. }
                        | Notice::Withdrawn { .. }
                        | Notice::Done {}
                        | Notice::Rotated { .. }
                        | Notice::ClockAccepted { .. }
                        | Notice::Decided { .. }
                        | Notice::Approval { .. }
                        | Notice::Settled { .. }
                        | Notice::Answered { .. }
                        | Notice::Approvals { .. }
        | Notice::Permissions { .. }
                        | Notice::Ended { .. }
                        | Notice::Refused { .. } => {}
                    },
                }
    }
}

/// What is on the screen, or was written last.
struct View {
    list: List,
    json: bool,
    screen: Screen,
    shown: Value,
}

impl View {
    fn show(&mut self, status: &Status) {
        if !self.json {
            let lines = self.list.lines(status, output::width());
            return self.screen.draw(&lines);
        }
        let value = self.list.json(status);
        let but_the_clock = without_time(value.clone());
        if but_the_clock != self.shown {
            output::json(&value);
            self.shown = but_the_clock;
        }
    }

    fn waiting(&mut self) {
        let line = "agent is not running; waiting";
        if !self.json {
            return self.screen.draw(&[line.to_owned()]);
        }
        let value = json!({ "waiting": line });
        if value != self.shown {
            output::json(&value);
            self.shown = value;
        }
    }
}

fn without_time(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("time");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passing_of_time_alone_is_no_change() {
        let at = |time: u64, locked: bool| without_time(json!({"time": time, "locked": locked}));
        assert_eq!(at(1, false), at(2, false));
        assert_ne!(at(1, false), at(1, true));
    }
}
