//! Folders of a run's own: its temporary files, and an empty home. They go with it; what a killed one left behind goes with the next.

use crate::limits;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat};
use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folders of one run. Dropping them removes them.
#[derive(Debug)]
pub(crate) struct Private {
    folder: PathBuf,
    /// Held while the run is alive.
    _lock: OwnedFd,
}

impl Private {
    pub(crate) fn make() -> Result<Self> {
        let base = base()?;
        // Between a folder and its lock nobody sweeps.
        let alone = open(&base)?;
        rustix::io::retry_on_intr(|| flock(&alone, FlockOperation::LockExclusive))?;
        sweep(&base);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&base)?;
        let lock = open(folder.path())?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        for inner in [TEMPORARY, HOME] {
            let inner = folder.path().join(inner);
            fs::create_dir(&inner)?;
            fs::set_permissions(&inner, Permissions::from_mode(0o700))?;
        }
        Ok(Self {
            folder: folder.keep(),
            _lock: lock,
        })
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.join(TEMPORARY)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.join(HOME)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

const PREFIX: &str = "run-";
const TEMPORARY: &str = "tmp";
const HOME: &str = "home";

/// One folder for all runs of this user, which nobody else can have made.
pub(crate) fn base() -> Result<PathBuf> {
    let uid = rustix::process::getuid();
    let path = std::env::temp_dir().join(format!("lanyard-sandbox-{}", uid.as_raw()));
    match mkdirat(CWD, &path, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let found = fstat(open(&path)?)?;
    if found.st_uid != uid.as_raw() || found.st_mode & 0o077 != 0 {
        let why = format!("{} is not this user's alone", path.display());
        return Err(Error::new(ErrorKind::PermissionDenied, why));
    }
    // Behind links, as what is mounted in a sandbox must have one name.
    fs::canonicalize(path)
}

fn open(folder: &Path) -> Result<OwnedFd> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(CWD, folder, how, Mode::empty())?)
}

/// A folder whose lock can be had belongs to nobody any more.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let of_a_run = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Ok(lock) = open(&entry.path()) else {
            continue;
        };
        if of_a_run && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            remove(&entry.path());
        }
    }
}

/// What cannot be removed now is tried again by the next.
fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_err() {
        open_up(folder, 0);
        let _ = fs::remove_dir_all(folder);
    }
}

/// A program may have closed its own folders, which keeps them from being removed.
fn open_up(folder: &Path, depth: usize) {
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if depth < limits::OPENED_UP && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path(), depth + 1);
        }
    }
}
