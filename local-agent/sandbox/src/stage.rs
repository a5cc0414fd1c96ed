//! What surrounds one run in the workspace profile: folders of its own, what is kept, and how it is started.

use crate::bubblewrap::{self, Mount, View};
use crate::holder::Held;
use crate::id::Id;
use crate::job::{Changes, Job, Kept};
use crate::kept::{self, Place, StandIns, Top};
use crate::mounts::{Mounts, Shown};
use crate::private::Private;
use crate::repositories;
use crate::tool_chains::tool_chains;
use crate::watch::Watch;
use rustix::fs::stat;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{Error, Result};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What must live as long as the run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) order: Staged,
    /// Of what is kept by mounts, which can be taken away.
    pub(crate) watch: Option<Watch>,
    view: View,
    /// Where the user's own settings of Git are, if not in the home that it sees.
    git: Option<PathBuf>,
    // Gone first: what stood in goes while nobody is in the folders.
    stand_ins: StandIns,
    _private: Private,
}

/// What the helper must know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Staged {
    /// Where temporary files go, and the home: as the program sees them.
    pub(crate) private: [PathBuf; 2],
    /// How the workspace is kept.
    pub(crate) keeps: Keeps,
}

/// By what the workspace stays as it is where it must.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Keeps {
    /// In namespaces of its own.
    Mounts(Mounts),
    /// By Landlock alone, which can be told of names that are not there yet.
    Landlock(Vec<Place>),
}

impl Staged {
    /// Whether it is in namespaces of its own.
    pub(crate) fn is_apart(&self) -> bool {
        match self.keeps {
            Keeps::Mounts(_) => true,
            Keeps::Landlock(_) => false,
        }
    }
}

impl Stage {
    /// The workspace is one that suits.
    pub(crate) fn set(job: &Job, changes: &Changes) -> Result<Self> {
        let top = Top::open(&job.workspace)?;
        let list = everything(&job.workspace, changes)?;
        let private = Private::make()?;
        match changes.holder.0 {
            Held::Landlock => {
                let (places, stand_ins) = kept::find(&top, &list, false)?;
                Ok(Self {
                    order: Staged {
                        private: [private.temporary(), private.home()],
                        keeps: Keeps::Landlock(places),
                    },
                    watch: None,
                    view: View::default(),
                    git: Some(job.home.join(".gitconfig")),
                    stand_ins,
                    _private: private,
                })
            }
            Held::Bubblewrap(_) => {
                let (places, stand_ins) = kept::find(&top, &list, true)?;
                let places: Vec<_> = places.into_iter().filter(|p| p.id.is_some()).collect();
                let home = home(job).map_or_else(|| TEMPORARY.into(), Path::to_owned);
                let view = view(job, &top, &private)?;
                let shown = view.mounts.iter().map(|mount| Shown {
                    path: mount.to.clone(),
                    id: mount.id,
                });
                let shown = shown.collect();
                Ok(Self {
                    watch: Some(Watch::set(top, &job.workspace, &places)?),
                    order: Staged {
                        private: [PathBuf::from(TEMPORARY), home],
                        keeps: Keeps::Mounts(Mounts {
                            shown,
                            kept: places,
                        }),
                    },
                    view,
                    git: None,
                    stand_ins,
                    _private: private,
                })
            }
        }
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

    /// What the processes around the program need open.
    pub(crate) fn handed(&self) -> Option<RawFd> {
        self.order.is_apart().then(|| self.stand_ins.lock())
    }

    /// The helper, with what has to stand around it.
    pub(crate) fn command(&self, changes: &Changes, helper: &Helper<'_>) -> Command {
        match &changes.holder.0 {
            Held::Landlock => Command::new(helper.path),
            Held::Bubblewrap(program) => {
                let lock = self.stand_ins.lock();
                bubblewrap::command(program, &self.view, changes.network, lock, helper)
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

/// What is kept, of each repository too.
fn everything(workspace: &Path, changes: &Changes) -> Result<Vec<Kept>> {
    let mut list = changes.kept.clone();
    if !changes.repository.is_empty() {
        let below = repositories::below(workspace)?;
        for repository in std::iter::once(PathBuf::new()).chain(below.holding) {
            list.extend(changes.repository.iter().map(|kept| Kept {
                path: repository.join(&kept.path),
                stand_in: kept.stand_in.clone(),
            }));
        }
        list.extend(below.whole.into_iter().map(Kept::whole));
    }
    Ok(list)
}

/// What other programs of the profile cannot change. What lies in the workspace is seen with it, and is never mounted by its name.
fn view(job: &Job, top: &Top, private: &Private) -> Result<View> {
    let mut mounts = Vec::new();
    let own = |from: PathBuf, to: &Path| Ok::<_, Error>(Mount::own(Id::of_real(&from)?, from, to));
    mounts.push(own(private.temporary(), Path::new(TEMPORARY))?);
    if let Some(home) = home(job) {
        mounts.push(own(private.home(), home)?);
    }
    let outside = |path: &Path| !path.starts_with(&job.workspace);
    for chain in tool_chains(job) {
        if outside(&chain.at) && outside(&chain.real) {
            mounts.push(Mount::to_read_at(
                Id::of_real(&chain.real)?,
                chain.real,
                chain.at,
            ));
        }
    }
    if outside(&job.program) && job.program.try_exists()? {
        let id = Id::of(&stat(&job.program)?);
        mounts.push(Mount::to_read(job.program.clone(), id));
    }
    for path in job.read.iter().chain(&job.exec) {
        if outside(path) && path.try_exists()? {
            mounts.push(Mount::to_read(path.clone(), Id::of_real(path)?));
        }
    }
    // Over what was mounted before: the workspace can lie in a folder that is only read.
    mounts.push(Mount::own(top.id()?, job.workspace.clone(), &job.workspace));
    Ok(View { mounts })
}

/// Where an empty home is put.
fn home(job: &Job) -> Option<&Path> {
    let home = job.home.as_path();
    (home.is_absolute() && home.is_dir() && home != Path::new("/")).then_some(home)
}
