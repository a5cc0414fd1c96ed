//! `lanyard-relay service`: the relay as a service, of the machine when root installs it, else of its user.

mod unit;

use super::serve::Serve;
use crate::output::{self, Form};
use crate::trouble::Trouble;
use clap::Parser as _;
use lanyard_service::systemd::{Scope, ServiceError, Systemd, Wait};
use serde_json::json;
use std::path::{Path, PathBuf};
use unit::{DATA, NAME, USER};

#[derive(Debug, clap::Subcommand)]
pub enum Service {
    /// Start the relay now, and whenever the machine starts
    ///
    /// Writes a unit for systemd: of the machine when run as root, with its data in /var/lib/lanyard-relay and a user of its own; else of this user.
    #[command(after_help = "Examples:\n  \
        lanyard-relay service install -- --listen 203.0.113.7:443 --http-listen off --host relay.example\n  \
        lanyard-relay service install --print    # show the unit, change nothing")]
    Install(Install),
    /// Stop the relay and start it no more; its data stays
    #[command(after_help = "Example:\n  lanyard-relay service uninstall")]
    Uninstall(Uninstall),
    /// Show whether the relay is installed as a service, and whether it runs
    #[command(after_help = "Example:\n  lanyard-relay service status --json | jq -r .active")]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct Install {
    /// Print the unit and change nothing
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    common: Common,
    /// How to serve: the options of `lanyard-relay serve`
    #[arg(last = true, value_name = "SERVE OPTIONS")]
    serve: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct Uninstall {
    #[command(flatten)]
    common: Common,
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

/// The options of `serve`, read as `serve` reads them.
#[derive(Debug, clap::Parser)]
#[command(name = "lanyard-relay serve")]
struct Options {
    #[command(flatten)]
    serve: Serve,
}

impl From<ServiceError> for Trouble {
    fn from(error: ServiceError) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}

/// Does what was asked about the service.
///
/// # Errors
/// What the operator has to put right.
pub fn service(command: Service) -> Result<(), Trouble> {
    let scope = if rustix::process::geteuid().is_root() {
        Scope::System
    } else {
        Scope::User
    };
    match command {
        Service::Install(args) => install(args, scope),
        Service::Uninstall(args) => uninstall(&args.common, scope),
        Service::Status { json } => {
            let status = Systemd::of(scope)?.status(NAME)?;
            output::service(Form::json(json), &status);
            Ok(())
        }
    }
}

fn install(args: Install, scope: Scope) -> Result<(), Trouble> {
    let typed = ["lanyard-relay serve"].into_iter();
    let options = Options::try_parse_from(typed.chain(args.serve.iter().map(String::as_str)))
        .unwrap_or_else(|wrong| wrong.exit())
        .serve;
    check(&options, scope)?;
    let exe = std::env::current_exe()
        .map_err(|error| Trouble::new(format!("this program does not find itself: {error}")))?;
    let unit = unit::unit(&exe, &args.serve, &options, scope).map_err(ServiceError::from)?;
    if args.print {
        output::unit(&unit.text());
        return Ok(());
    }
    let form = Form::json(args.common.json);
    let systemd = manager(&args.common, scope)?;
    systemd.check()?;
    if scope == Scope::System && args.common.root.is_none() {
        check_program(&exe)?;
        systemd.make_user(USER, "Lanyard relay", DATA)?;
    }
    let path = systemd.install(&unit, args.common.force, Wait::Ready)?;
    if args.common.root.is_some() {
        let wrote = format!("wrote {}", path.display());
        output::done(form, &json!({"path": path, "started": false}), &[wrote]);
        return Ok(());
    }
    let mut lines = vec![format!("wrote {} and started it", path.display())];
    let lingers = scope == Scope::System || systemd.linger();
    match scope {
        Scope::System => lines.extend([
            "`lanyard-relay service status` shows it, `journalctl -u lanyard-relay` what it says"
                .to_owned(),
            format!("to add a machine: sudo -u {USER} lanyard-relay enrol --data {DATA}"),
        ]),
        Scope::User => lines.push(
            "`lanyard-relay service status` shows it, `journalctl --user -u lanyard-relay` what it says"
                .to_owned(),
        ),
    }
    if !lingers {
        lines.push(
            "it runs while you are logged in; for always: sudo loginctl enable-linger $USER"
                .to_owned(),
        );
    }
    let outcome = json!({"path": path, "started": true, "lingers": lingers});
    output::done(form, &outcome, &lines);
    Ok(())
}

/// What the service would stumble over, said now.
fn check(options: &Serve, scope: Scope) -> Result<(), Trouble> {
    let mut paths = options.files().chain(options.data());
    if let Some(relative) = paths.find(|path| path.is_relative()) {
        return Err(Trouble::new(format!(
            "a service starts in no folder of yours, and {} is relative to one",
            relative.display()
        ))
        .hint("pass the whole path"));
    }
    if scope == Scope::User {
        return Ok(());
    }
    if options.data().is_some() {
        return Err(Trouble::new(format!("as a service of the machine the relay keeps its data in {DATA}"))
            .hint(format!("leave out --data; to go on with other data, stop that relay and copy it there, owned by {USER}")));
    }
    if let Some(path) = options.files().find(|path| is_in(path, HOMES)) {
        return Err(Trouble::new(format!(
            "a service of the machine sees nobody's home, and {} lies in one",
            path.display()
        ))
        .hint(format!(
            "copy it to /etc/lanyard-relay, and let the key belong to {USER}"
        )));
    }
    Ok(())
}

/// Folders that the service does not see.
const HOMES: &[&str] = &["/home", "/root", "/run/user"];
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp"];

fn is_in(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn check_program(exe: &Path) -> Result<(), Trouble> {
    if is_in(exe, HOMES) || is_in(exe, TEMPORARY) {
        return Err(Trouble::new(format!(
            "a service of the machine sees no home and no temporary folder, and this program is {}",
            exe.display()
        ))
        .hint("copy it to /usr/local/bin, and install with that"));
    }
    Ok(())
}

fn uninstall(common: &Common, scope: Scope) -> Result<(), Trouble> {
    let systemd = manager(common, scope)?;
    let path = systemd.path(NAME);
    let removed = systemd.uninstall(NAME, common.force)?;
    let said = if removed {
        format!("removed {}; the relay's data stays", path.display())
    } else {
        format!("not installed: there is no {}", path.display())
    };
    let outcome = json!({"path": path, "removed": removed});
    output::done(Form::json(common.json), &outcome, &[said]);
    Ok(())
}

fn manager(common: &Common, scope: Scope) -> Result<Systemd, ServiceError> {
    match &common.root {
        Some(root) => Systemd::below(root, scope),
        None => Systemd::of(scope),
    }
}
