//! Which file something is, whatever its name has come to mean since.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A file, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Id {
    device: u64,
    inode: u64,
}

impl Id {
    /// Of what a path leads to without any link.
    pub(crate) fn of_real(path: &Path) -> Result<Self, Errno> {
        let how = OFlags::PATH | OFlags::CLOEXEC;
        let there = openat2(CWD, path, how, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
        Ok(Self::of(&fstat(&there)?))
    }

    pub(crate) fn of(found: &Stat) -> Self {
        Self {
            device: found.st_dev,
            inode: found.st_ino,
        }
    }
}
