//! Folders of a run's own: its temporary files, and an empty home. They go with it; what a killed one left behind goes with the next.

use crate::kept::lock_soon;
use crate::limits;
use rustix::fs::{CWD, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat};
use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, OwnedFd};
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
        lock_soon(&alone, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| Error::other(format!("{} is locked: {error}", base.display())))?;
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
    let name = format!("lanyard-sandbox-{}", uid.as_raw());
    // `TMPDIR` may lie where a command can write.
    let path = Path::new("/tmp").join(name);
    match mkdirat(CWD, &path, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => {
            let why = format!("{} cannot be made: {error}", path.display());
            return Err(Error::other(why));
        }
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
        let _ = open(folder).and_then(|folder| open_up(&folder, 0));
        let _ = fs::remove_dir_all(folder);
    }
}

/// A program may have closed its own folders, which keeps them from being removed. It may still run, so that nothing here goes by a path.
fn open_up(folder: &OwnedFd, depth: usize) -> Result<()> {
    let entries: Vec<_> = Dir::read_from(folder)?.collect::<rustix::io::Result<_>>()?;
    for entry in entries {
        let name = entry.file_name();
        if entry.file_type() != FileType::Directory || name == c"." || name == c".." {
            continue;
        }
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inner = openat(folder, name, how, Mode::empty())?;
        // The one way to what is only named.
        let itself = format!("/proc/self/fd/{}", inner.as_raw_fd());
        fs::set_permissions(itself, Permissions::from_mode(0o700))?;
        if depth < limits::OPENED_UP {
            let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            open_up(&openat(&inner, ".", how, Mode::empty())?, depth + 1)?;
        }
    }
    Ok(())
}
