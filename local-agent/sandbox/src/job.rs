//! What is to be run, and what it may read.

use crate::limits;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;

/// One run of one program in the read-only profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The program: an absolute path to an ELF file.
    #[serde(with = "path_as_bytes")]
    pub program: PathBuf,
    /// Its arguments, the first of which is by custom its name.
    pub arguments: Vec<OsString>,
    /// The folder it starts in.
    #[serde(with = "path_as_bytes")]
    pub folder: PathBuf,
    /// Its whole environment; nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder it may read.
    #[serde(with = "path_as_bytes")]
    pub workspace: PathBuf,
    /// More that it may read.
    #[serde(with = "paths_as_bytes")]
    pub read: Vec<PathBuf>,
    /// Folders whose programs it may start. Empty in the profile itself; somebody must widen it by hand.
    #[serde(with = "paths_as_bytes")]
    pub exec: Vec<PathBuf>,
    /// Whether it may read what the kernel says of the machine: `/proc`, `/sys`, `/run/utmp`.
    pub machine: bool,
    /// What it may use up.
    pub bounds: Bounds,
}

impl Job {
    /// A program without arguments in the read-only profile, started in the workspace, with an empty environment.
    pub fn reading(program: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        let (program, workspace) = (program.into(), workspace.into());
        Self {
            arguments: vec![program.clone().into_os_string()],
            program,
            folder: workspace.clone(),
            environment: Vec::new(),
            workspace,
            read: Vec::new(),
            exec: Vec::new(),
            machine: false,
            bounds: Bounds::default(),
        }
    }

    /// Whether it may start other programs.
    pub(crate) fn starts_programs(&self) -> bool {
        !self.exec.is_empty()
    }
}

/// What a program may use up, enforced by the kernel.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Seconds of processor time.
    pub cpu_seconds: u64,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// The longest that it may make a file. Only a file that was handed to it open for writing can be meant: 0 unless its output is one.
    pub file_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            cpu_seconds: limits::CPU_SECONDS,
            memory_bytes: limits::MEMORY_BYTES,
            file_bytes: 0,
        }
    }
}

/// A path need not be UTF-8, which serde's own form of it demands.
mod path_as_bytes {
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
