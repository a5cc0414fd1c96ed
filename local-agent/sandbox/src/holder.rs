//! What keeps the workspace profile: bubblewrap where it works, Landlock alone where that can hold, and else nothing.

use crate::fences::landlock_version;
use crate::job::{Changes, Job};
use crate::resolve::resolve;
use crate::run::{Launcher, Limits, run};
use crate::{limits, private};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What keeps it. Only [`Holder::find`] makes one, by trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(pub(crate) Held);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Held {
    /// Namespaces of its own, set up by this program, with Landlock and seccomp inside.
    Bubblewrap(PathBuf),
    /// Landlock and seccomp.
    Landlock,
}

/// Why nothing can keep the workspace profile on this machine. Whatever is run all the same is outside of any sandbox.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "nothing here can keep the workspace profile: bubblewrap: {bubblewrap}; Landlock: {landlock}"
)]
pub struct CannotHold {
    bubblewrap: String,
    landlock: String,
}

impl Holder {
    /// Tries what there is, the strongest first, by running `true`.
    ///
    /// # Errors
    /// Neither holds.
    pub fn find(launcher: &Launcher) -> Result<Self, CannotHold> {
        let bubblewrap = match Self::bubblewrap(launcher) {
            Ok(holder) => return Ok(holder),
            Err(why) => why,
        };
        Self::landlock(launcher).map_err(|landlock| CannotHold {
            bubblewrap,
            landlock,
        })
    }

    /// Bubblewrap, if it works here.
    ///
    /// # Errors
    /// It is not there, or may not do what it must.
    pub fn bubblewrap(launcher: &Launcher) -> Result<Self, String> {
        let program = resolve("bwrap", Path::new("/etc")).map_err(|error| error.to_string())?;
        Self(Held::Bubblewrap(program)).tried(launcher)
    }

    /// Landlock alone, if it can hold: of programs that it cannot count, it must at least keep the signals in.
    ///
    /// # Errors
    /// It is too old.
    pub fn landlock(launcher: &Launcher) -> Result<Self, String> {
        let version = landlock_version();
        if version < limits::LANDLOCK_ALONE {
            let needed = limits::LANDLOCK_ALONE;
            return Err(format!("its version is {version}, and {needed} is needed"));
        }
        Self(Held::Landlock).tried(launcher)
    }

    fn tried(self, launcher: &Launcher) -> Result<Self, String> {
        let program = resolve("true", Path::new("/etc")).map_err(|error| error.to_string())?;
        // An empty folder that is nobody else's.
        let workspace = private::Private::make().map_err(|error| error.to_string())?;
        let changes = Changes {
            kept: Vec::new(),
            repository: Vec::new(),
            network: false,
            holder: self.clone(),
        };
        let limits = Limits {
            time: limits::START_TIME,
            output_bytes: 4096,
        };
        let job = Job::changing(program, workspace.temporary(), changes);
        let ran = run(launcher, &job, &[], limits).map_err(|error| error.to_string())?;
        match ran.status.code() {
            0 => Ok(self),
            code => Err(format!("`true` ended with status {code}")),
        }
    }

    /// Whether programs find nothing missing that is no danger.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self.0 {
            Held::Bubblewrap(_) => true,
            Held::Landlock => false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.0 {
            Held::Bubblewrap(_) => "bubblewrap",
            Held::Landlock => "Landlock",
        }
    }
}
