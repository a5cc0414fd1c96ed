//! The service manager: a unit put in its place, started, asked about, taken away.

use crate::unit::{Unfit, Unit, is_ours};
use serde::Serialize;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whose services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The machine's.
    System,
    /// This user's.
    User,
}

/// Whether the caller waits until the service works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it is ready.
    Ready,
    /// Not at all: what it needs may come much later.
    No,
}

/// A manager, or a folder that one will find later.
#[derive(Debug)]
pub struct Systemd {
    scope: Scope,
    units: PathBuf,
    /// `None` when only files are written.
    manager: Option<Manager>,
}

#[derive(Debug)]
struct Manager {
    /// Where the programs that speak with it lie; empty for wherever `PATH` says.
    programs: PathBuf,
    /// This folder is there when the machine was started by it.
    booted: PathBuf,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is none to ask.
    #[error("this machine is not run by systemd")]
    NoSystemd,
    /// Somebody has taken the unit over.
    #[error("{0} was not written by this command, or was changed by hand")]
    Foreign(PathBuf),
    /// Nothing says where a user's units lie.
    #[error("there is no home directory to keep the unit in")]
    NoHome,
    /// The manager, or a program of it, says no.
    #[error("`{command}` failed: {words}")]
    Refused {
        /// What was run.
        command: String,
        /// What it said.
        words: String,
    },
    /// A word of the unit.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ServiceError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoSystemd => {
                "`service install --print` shows the unit; give its command to the service manager that there is"
                    .to_owned()
            }
            Self::Foreign(_) => {
                "look at it; `--force` goes on all the same, and what it holds is lost".to_owned()
            }
            Self::NoHome => "set HOME".to_owned(),
            Self::Refused { words, .. } if words.contains("bus") => {
                "log in as this user; `su` and `sudo` do not reach the user's services".to_owned()
            }
            Self::Refused { .. } => "`journalctl -e` with `-u`, or `--user -u`, says more".to_owned(),
            Self::Unfit(_) => "use a path without it".to_owned(),
            Self::Io { .. } => "check the folder's permissions".to_owned(),
        }
    }

    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// What the manager says of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Where the unit lies, or would.
    pub path: PathBuf,
    /// It is there.
    pub installed: bool,
    /// It starts by itself.
    pub enabled: bool,
    /// As systemd calls it: `active`, `activating`, `inactive`, `failed` and others.
    pub active: String,
    /// Since when, in milliseconds since 1970.
    pub since: Option<u64>,
    /// What the service says of itself.
    pub says: String,
}

impl Status {
    /// For people; `instant` writes a time.
    #[must_use]
    pub fn lines(&self, instant: impl Fn(u64) -> String) -> Vec<String> {
        if !self.installed {
            return vec![format!(
                "not installed: there is no {}",
                self.path.display()
            )];
        }
        let enabled = if self.enabled { "yes" } else { "no" };
        let since = self.since.map(instant).map(|at| format!(", since {at}"));
        let mut lines = vec![
            format!("unit       {}", self.path.display()),
            format!("enabled    {enabled}"),
            format!("state      {}{}", self.active, since.unwrap_or_default()),
        ];
        if !self.says.is_empty() {
            lines.push(format!("says       {}", self.says));
        }
        lines
    }
}

impl Systemd {
    /// The manager of this machine, or of this user.
    ///
    /// # Errors
    /// There is no home directory.
    pub fn of(scope: Scope) -> Result<Self, ServiceError> {
        Ok(Self {
            scope,
            units: units(scope)?,
            manager: Some(Manager {
                programs: PathBuf::new(),
                booted: PathBuf::from("/run/systemd/system"),
            }),
        })
    }

    /// The same places below `root`, where nothing runs.
    ///
    /// # Errors
    /// There is no home directory.
    pub fn below(root: &Path, scope: Scope) -> Result<Self, ServiceError> {
        let units = units(scope)?;
        Ok(Self {
            scope,
            units: root.join(units.strip_prefix("/").unwrap_or(&units)),
            manager: None,
        })
    }

    /// Where a unit lies.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.units.join(name)
    }

    /// Says early, before anything is written, that there is nobody to start a service.
    ///
    /// # Errors
    /// `NoSystemd`.
    pub fn check(&self) -> Result<(), ServiceError> {
        match &self.manager {
            Some(manager) if !manager.booted.is_dir() => Err(ServiceError::NoSystemd),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes the unit, enables it and starts it, anew if it ran. Returns where it lies.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub fn install(&self, unit: &Unit, force: bool, wait: Wait) -> Result<PathBuf, ServiceError> {
        self.check()?;
        let path = self.path(unit.name);
        keep_foreign(&path, force)?;
        write(&path, &unit.text())?;
        if self.manager.is_some() {
            self.systemctl(&["daemon-reload"])?;
            self.systemctl(&["enable", unit.name])?;
            // Not `enable --now`: a service that runs would go on as the old unit says.
            match wait {
                Wait::Ready => self.systemctl(&["restart", unit.name])?,
                Wait::No => self.systemctl(&["restart", "--no-block", unit.name])?,
            };
        }
        Ok(path)
    }

    /// Stops the service, disables it and removes the unit; `false` when there was none.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub fn uninstall(&self, name: &str, force: bool) -> Result<bool, ServiceError> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(false);
        }
        keep_foreign(&path, force)?;
        let runs = self.manager.is_some() && self.check().is_ok();
        if runs {
            self.systemctl(&["disable", "--now", name])?;
        }
        std::fs::remove_file(&path).map_err(ServiceError::io(&path))?;
        if runs {
            self.systemctl(&["daemon-reload"])?;
        }
        Ok(true)
    }

    /// What the manager says of the service.
    ///
    /// # Errors
    /// There is no manager, or it does not answer.
    pub fn status(&self, name: &str) -> Result<Status, ServiceError> {
        self.check()?;
        let path = self.path(name);
        let shown = self.systemctl(&[
            "show",
            "--timestamp=unix",
            "--property=UnitFileState,ActiveState,StateChangeTimestamp,StatusText",
            name,
        ])?;
        Ok(Status {
            installed: path.exists(),
            path,
            ..read(&shown)
        })
    }

    /// Lets this user's services run while the user is not logged in; `false` when that is not allowed.
    #[must_use]
    pub fn linger(&self) -> bool {
        self.run("loginctl", &["--no-ask-password", "enable-linger"])
            .is_ok()
    }

    /// Makes a user for a service of the machine, unless there is one of this name.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_user(&self, name: &str, about: &str, home: &str) -> Result<(), ServiceError> {
        if self.manager.is_none() {
            return Ok(());
        }
        let line = format!("u {name} - \"{about}\" {home}");
        self.run("systemd-sysusers", &["--inline", &line])
            .map(|_| ())
    }

    fn systemctl(&self, arguments: &[&str]) -> Result<String, ServiceError> {
        match self.scope {
            Scope::System => self.run("systemctl", arguments),
            Scope::User => self.run("systemctl", &[&["--user"], arguments].concat()),
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, ServiceError> {
        let Some(manager) = &self.manager else {
            return Err(ServiceError::NoSystemd);
        };
        let refused = |words: String| ServiceError::Refused {
            command: format!("{program} {}", arguments.join(" ")),
            words,
        };
        let output = Command::new(manager.programs.join(program))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| refused(error.to_string()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let words: Vec<&str> = words.lines().map(str::trim).collect();
            return Err(refused(words.join(" ")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn units(scope: Scope) -> Result<PathBuf, ServiceError> {
    let absolute = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    match scope {
        Scope::System => Ok(PathBuf::from("/etc/systemd/system")),
        Scope::User => absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .map(|config| config.join("systemd/user"))
            .ok_or(ServiceError::NoHome),
    }
}

fn keep_foreign(path: &Path, force: bool) -> Result<(), ServiceError> {
    match std::fs::read(path) {
        Ok(_) if force => Ok(()),
        Ok(text) if is_ours(&String::from_utf8_lossy(&text)) => Ok(()),
        Ok(_) => Err(ServiceError::Foreign(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ServiceError::io(path)(error)),
    }
}

/// Beside it first, then over it: the manager reads the old unit or the new one.
fn write(path: &Path, text: &str) -> Result<(), ServiceError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = write_beside(folder, &beside, text).and_then(|()| {
        std::fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(ServiceError::io(path))
}

fn write_beside(folder: &Path, beside: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)?;
    let _ = std::fs::remove_file(beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Reads what `systemctl show` prints.
fn read(shown: &str) -> Status {
    let value = |key: &str| {
        let mut fields = shown.lines().filter_map(|line| line.split_once('='));
        fields
            .find_map(|(name, value)| (name == key).then_some(value))
            .unwrap_or_default()
    };
    let since = value("StateChangeTimestamp").strip_prefix('@');
    Status {
        enabled: value("UnitFileState") == "enabled",
        active: value("ActiveState").to_owned(),
        since: since
            .and_then(|seconds| seconds.parse::<u64>().ok())
            .map(|seconds| seconds * 1000),
        says: value("StatusText").to_owned(),
        ..Status::default()
    }
}

#[cfg(test)]
mod tests;
