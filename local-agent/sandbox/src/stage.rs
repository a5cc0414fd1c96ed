//! What surrounds one run in the workspace profile: folders of its own, what is kept, and how it is started.

use crate::bubblewrap;
use crate::holder::Held;
use crate::job::{Changes, Job};
use crate::kept::{self, StandIns};
use crate::private::Private;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::Result;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What must live as long as the run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) order: Staged,
    /// Where the user's own settings of Git are, if not in the home that it sees.
    git: Option<PathBuf>,
    found: kept::Found,
    // Gone first: what stood in goes before the folder with the lock could.
    _stand_ins: StandIns,
    private: Private,
}

/// What the helper must know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Staged {
    /// Where temporary files go, and the home: as the program sees them.
    pub(crate) private: [PathBuf; 2],
    /// It is in namespaces of its own.
    pub(crate) apart: bool,
}

impl Stage {
    pub(crate) fn set(job: &Job, changes: &Changes) -> Result<Self> {
        let apart = match changes.holder.0 {
            Held::Bubblewrap(_) => true,
            Held::Landlock => false,
        };
        let workspace = std::fs::canonicalize(&job.workspace)?;
        suits(&workspace, &job.workspace)?;
        let (found, stand_ins) = kept::find(&workspace, &changes.kept, apart)?;
        let private = Private::make()?;
        let seen = if apart {
            let home = has_home(&workspace, &changes.home);
            let home = home.map_or_else(|| PathBuf::from(TEMPORARY), Path::to_owned);
            [PathBuf::from(TEMPORARY), home]
        } else {
            [private.temporary(), private.home()]
        };
        Ok(Self {
            order: Staged {
                private: seen,
                apart,
            },
            git: (!apart).then(|| changes.home.join(".gitconfig")),
            found,
            _stand_ins: stand_ins,
            private,
        })
    }

    /// What the program must be told of it.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        let [temporary, home] = self.order.private.clone();
        let mut environment = vec![
            ("TMPDIR".into(), temporary.into_os_string()),
            ("HOME".into(), home.into_os_string()),
        ];
        if let Some(git) = self.git.clone().filter(|git| git.exists()) {
            environment.push(("GIT_CONFIG_GLOBAL".into(), git.into_os_string()));
        }
        environment
    }

    /// The helper, with what has to stand around it.
    pub(crate) fn command(&self, job: &Job, changes: &Changes, helper: &Helper<'_>) -> Command {
        match &changes.holder.0 {
            Held::Landlock => Command::new(helper.path),
            Held::Bubblewrap(program) => {
                let view = bubblewrap::View {
                    job,
                    changes,
                    found: &self.found,
                    temporary: self.private.temporary(),
                    home: has_home(&job.workspace, &changes.home)
                        .map(|home| (self.private.home(), home.to_owned())),
                };
                bubblewrap::command(program, &view, helper)
            }
        }
    }
}

/// The helper, as a file that needs no name in the namespaces, and where bubblewrap says what it has started.
pub(crate) struct Helper<'a> {
    pub(crate) path: &'a Path,
    pub(crate) file: RawFd,
    pub(crate) told: RawFd,
}

/// A folder that every Unix program knows.
const TEMPORARY: &str = "/tmp";

/// Before anything is made in it.
fn suits(real: &Path, named: &Path) -> Result<()> {
    let why = if real != named {
        "the workspace is not named by its real path"
    } else if real == Path::new("/") {
        "the whole system cannot be the workspace"
    } else if crate::private::base()?.starts_with(real) {
        "the folder of all temporary files cannot be the workspace"
    } else {
        return Ok(());
    };
    Err(std::io::Error::other(why))
}

/// A workspace that holds the home is the home.
fn has_home<'a>(workspace: &Path, home: &'a Path) -> Option<&'a Path> {
    let fits = home.is_absolute() && home.is_dir() && home != Path::new("/");
    (fits && !home.starts_with(workspace)).then_some(home)
}
