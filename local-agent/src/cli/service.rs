//! `lanyard service`: the agent as a service of its user.

mod unit;

use super::span::{audit_time, keep_time};
use super::{Failure, output, show};
use crate::state::{StateDir, StateError};
use lanyard_service::systemd::{Scope, ServiceError, Systemd, Wait};
use lanyard_shared::time::UnixMs;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use unit::NAME;

#[derive(Debug, clap::Subcommand)]
pub enum Service {
    /// Start the agent now, and whenever this user's services start
    ///
    /// Writes a unit for systemd. The machine must be enrolled: run `lanyard up --enrol CODE` once before. Pairing links are printed by
    /// `lanyard pair`, not by the service.
    #[command(
        after_help = "Examples:\n  lanyard service install --cwd ~/src\n  lanyard service install --print    # show the unit, change nothing"
    )]
    Install(InstallArgs),
    /// Stop the agent and start it no more; its terminals live on
    #[command(after_help = "Example:\n  lanyard service uninstall")]
    Uninstall(UninstallArgs),
    /// Show whether the agent is installed as a service, and whether it runs
    #[command(after_help = "Example:\n  lanyard service status --json | jq -r .active")]
    Status(StatusArgs),
}

#[derive(Debug, clap::Args)]
pub struct InstallArgs {
    /// Where new terminals start [default: the present folder]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Keep what terminals print for so long after they ended; 0 keeps nothing [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = |time: &str| keep_time(time).map(|_| time.to_owned()))]
    keep_history: Option<String>,
    /// Keep the record of what was asked, answered and done for so long [default: 365d]
    #[arg(long, value_name = "TIME", value_parser = |time: &str| audit_time(time).map(|_| time.to_owned()))]
    keep_audit: Option<String>,
    /// Print the unit and change nothing
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub struct UninstallArgs {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Do it even if the unit that is there was changed by hand
    #[arg(long)]
    force: bool,
    /// Only write or remove the file, below this folder, as for an image of a system
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        Self {
            sentence: error.to_string(),
            hint: error.hint(),
        }
    }
}

pub fn service(state: Option<PathBuf>, command: Service) -> Result<ExitCode, Failure> {
    match command {
        Service::Install(args) => install(state, args),
        Service::Uninstall(args) => uninstall(&args.common),
        Service::Status(args) => status(&args),
    }
}

fn install(state: Option<PathBuf>, args: InstallArgs) -> Result<ExitCode, Failure> {
    let state = StateDir::place(state)?;
    let cwd = folder(args.cwd)?;
    let exe = std::env::current_exe().map_err(|error| Failure {
        sentence: format!("this program does not find itself: {error}"),
        hint: "start it by its whole path".to_owned(),
    })?;
    let kept = [
        ("--keep-history", args.keep_history.as_deref()),
        ("--keep-audit", args.keep_audit.as_deref()),
    ];
    let kept: Vec<_> = kept
        .into_iter()
        .filter_map(|(flag, time)| Some((flag, time?)))
        .collect();
    let unit = unit::unit(&exe, &state, &cwd, &kept).map_err(ServiceError::from)?;
    if args.print {
        output::text(&unit.text());
        return Ok(ExitCode::SUCCESS);
    }
    let systemd = manager(&args.common)?;
    systemd.check()?;
    if args.common.root.is_some() {
        let path = systemd.install(&unit, args.common.force, Wait::No)?;
        report(
            &args.common,
            &json!({"path": path, "started": false}),
            || vec![format!("wrote {}", path.display())],
        );
        return Ok(ExitCode::SUCCESS);
    }
    can_run(&StateDir::open(Some(state))?, &systemd)?;
    let path = systemd.install(&unit, args.common.force, Wait::No)?;
    let lingers = systemd.linger();
    let outcome = json!({"path": path, "started": true, "lingers": lingers});
    report(&args.common, &outcome, || {
        vec![
            format!("wrote {} and started it", path.display()),
            "`lanyard service status` shows it, `journalctl --user -u lanyard` what it says"
                .to_owned(),
            if lingers {
                "it runs from the start of the machine on, with or without a login".to_owned()
            } else {
                "it runs while you are logged in; for always: sudo loginctl enable-linger $USER"
                    .to_owned()
            },
        ]
    });
    Ok(ExitCode::SUCCESS)
}

/// What the service would end with at once, said now.
fn can_run(state: &StateDir, systemd: &Systemd) -> Result<(), Failure> {
    if state.enrolment()?.is_none() {
        return Err(Failure {
            sentence: "this machine is not enrolled at a relay".to_owned(),
            hint: "run `lanyard up --enrol CODE` once, end it with Ctrl-C, then install".to_owned(),
        });
    }
    let runs = |error: &StateError| matches!(error, StateError::Taken(_));
    match state.lock() {
        // It may be the service itself, which is about to be started anew.
        Err(error) if runs(&error) && systemd.status(NAME)?.active != "inactive" => Ok(()),
        Err(error) if runs(&error) => Err(Failure {
            sentence: error.to_string(),
            hint: "end it with Ctrl-C, then install; its terminals live on".to_owned(),
        }),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn uninstall(common: &Common) -> Result<ExitCode, Failure> {
    let systemd = manager(common)?;
    let path = systemd.path(NAME);
    let removed = systemd.uninstall(NAME, common.force)?;
    report(common, &json!({"path": path, "removed": removed}), || {
        vec![if removed {
            format!(
                "removed {}; keys, devices and terminals stay",
                path.display()
            )
        } else {
            format!("not installed: there is no {}", path.display())
        }]
    });
    Ok(ExitCode::SUCCESS)
}

fn status(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let status = Systemd::of(Scope::User)?.status(NAME)?;
    if args.json {
        output::json(&status);
    } else {
        output::lines(&status.lines(|at| show::instant(UnixMs(at))));
    }
    Ok(ExitCode::SUCCESS)
}

fn manager(common: &Common) -> Result<Systemd, ServiceError> {
    match &common.root {
        Some(root) => Systemd::below(root, Scope::User),
        None => Systemd::of(Scope::User),
    }
}

fn report(common: &Common, outcome: &serde_json::Value, lines: impl FnOnce() -> Vec<String>) {
    if common.json {
        output::json(outcome);
    } else {
        lines().iter().for_each(|line| output::say(line));
    }
}

fn folder(asked: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let named = asked.unwrap_or_else(|| PathBuf::from("."));
    let found = named
        .canonicalize()
        .and_then(|path| path.read_dir().map(|_| path));
    found.map_err(|error| Failure {
        sentence: format!("{} is no folder to start in: {error}", named.display()),
        hint: "pass one that exists with `--cwd DIR`".to_owned(),
    })
}
