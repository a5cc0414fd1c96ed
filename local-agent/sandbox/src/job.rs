//! What is to be run, and what it may read and change.

use crate::holder::Holder;
use crate::limits;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;

/// One run of one program in a profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The program: an absolute path. An ELF file, or in the workspace profile a script as well.
    #[serde(with = "path_as_bytes")]
    pub program: PathBuf,
    /// Its arguments, the first of which is by custom its name.
    pub arguments: Vec<OsString>,
    /// The folder it starts in.
    #[serde(with = "path_as_bytes")]
    pub folder: PathBuf,
    /// Its whole environment; nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder it may read: a real path.
    #[serde(with = "path_as_bytes")]
    pub workspace: PathBuf,
    /// More that it may read: real paths.
    #[serde(with = "paths_as_bytes")]
    pub read: Vec<PathBuf>,
    /// Folders whose programs it may start, beside those of its profile: real paths. Somebody must widen it by hand.
    #[serde(with = "paths_as_bytes")]
    pub exec: Vec<PathBuf>,
    /// Folders that no command may see. What holds one of them, or lies in one, is refused as something to read.
    #[serde(with = "paths_as_bytes")]
    pub hidden: Vec<PathBuf>,
    /// The user's home, which is no workspace. In the workspace profile, an empty one with the tool chains of the true one is in its place.
    #[serde(with = "path_as_bytes")]
    pub home: PathBuf,
    /// What else it may do.
    pub profile: Profile,
    /// What it may use up.
    pub bounds: Bounds,
}

/// What a program may do beside reading.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Nothing. Without asking anybody.
    ReadOnly {
        /// Whether it may read what the kernel says of the machine: `/proc`, `/sys`, `/run/utmp`.
        machine: bool,
    },
    /// It changes the workspace, and starts programs of the system, of the user's tool chains and of the workspace. For what somebody approved.
    Workspace(Changes),
}

/// What a program in the workspace profile may change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// What of the workspace stays as it is.
    pub kept: Vec<Kept>,
    /// What of each repository stays as it is: of the workspace, and of the folders in it down to three below. Paths from the folder that holds
    /// `.git`.
    pub repository: Vec<Kept>,
    /// Whether it may reach the network.
    pub network: bool,
    /// What keeps the fences that Landlock alone cannot.
    pub holder: Holder,
}

/// A file or folder of the workspace that no program writes, moves or removes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// From the workspace: names, and `/` between them.
    #[serde(with = "path_as_bytes")]
    pub path: PathBuf,
    /// What keeps it from being made where it is not.
    pub stand_in: StandIn,
}

impl Kept {
    /// With all that is in it.
    #[must_use]
    pub fn whole(path: PathBuf) -> Self {
        Self {
            path,
            stand_in: StandIn::Folder,
        }
    }
}

/// What stands in the place of something that is not there, for as long as programs run that could make it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandIn {
    /// An empty folder. Git does not see it.
    Folder,
    /// A file that says as much as none.
    File(String),
}

impl Job {
    /// A program without arguments in the read-only profile, started in the workspace, with an empty environment and no home.
    pub fn reading(program: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        let profile = Profile::ReadOnly { machine: false };
        Self::of(program.into(), workspace.into(), profile, Bounds::default())
    }

    /// The same in the workspace profile, without bounds.
    pub fn changing(
        program: impl Into<PathBuf>,
        workspace: impl Into<PathBuf>,
        changes: Changes,
    ) -> Self {
        let profile = Profile::Workspace(changes);
        Self::of(program.into(), workspace.into(), profile, Bounds::NONE)
    }

    fn of(program: PathBuf, workspace: PathBuf, profile: Profile, bounds: Bounds) -> Self {
        Self {
            arguments: vec![program.clone().into_os_string()],
            program,
            folder: workspace.clone(),
            environment: Vec::new(),
            workspace,
            read: Vec::new(),
            exec: Vec::new(),
            hidden: Vec::new(),
            home: PathBuf::from("/nonexistent"),
            profile,
            bounds,
        }
    }
}

/// What a program may use up, enforced by the kernel. `u64::MAX` is no bound.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Seconds of processor time.
    pub cpu_seconds: u64,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// The longest that it may make a file. A program that only reads can write to a file that was handed to it open, and to no other: 0
    /// unless its output is one.
    pub file_bytes: u64,
    /// Open files.
    pub open_files: u64,
}

impl Bounds {
    /// No more than what bounds the caller.
    pub const NONE: Self = Self {
        cpu_seconds: u64::MAX,
        memory_bytes: u64::MAX,
        file_bytes: u64::MAX,
        open_files: u64::MAX,
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            cpu_seconds: limits::CPU_SECONDS,
            memory_bytes: limits::MEMORY_BYTES,
            file_bytes: 0,
            open_files: limits::OPEN_FILES,
        }
    }
}

/// A path need not be UTF-8, which serde's own form of it demands.
pub(crate) mod path_as_bytes {
    use super::{Deserialize, OsString, PathBuf, Serialize};
    use serde::{Deserializer, Serializer};
    use std::path::Path;

    pub fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

/// As `path_as_bytes`, for several.
mod paths_as_bytes {
    use super::{Deserialize, OsString, PathBuf, Serialize};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        let paths: Vec<_> = paths.iter().map(|path| path.as_os_str()).collect();
        paths.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
        let paths = Vec::<OsString>::deserialize(from)?;
        Ok(paths.into_iter().map(PathBuf::from).collect())
    }
}
