//! Folders of a run's own: its temporary files, and an empty home. They go with it; what a killed one left behind goes with the next.

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, stat};
use std::fs::{self, File, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folders of one run. Dropping them removes them.
#[derive(Debug)]
pub(crate) struct Private {
    folder: tempfile::TempDir,
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
            folder,
            _lock: lock,
        })
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.path().join(TEMPORARY)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join(HOME)
    }
}

/// A lock that runs in the same workspace share. It lies where no sandboxed program reaches it.
#[derive(Debug)]
pub(crate) struct Shared {
    path: PathBuf,
    lock: OwnedFd,
}

impl Shared {
    pub(crate) fn hold(name: &str) -> Result<Self> {
        let path = base()?.join(format!("{name}.lock"));
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            let lock = OwnedFd::from(file);
            rustix::io::retry_on_intr(|| flock(&lock, FlockOperation::LockShared))?;
            // The last one may have removed it since.
            let (held, named) = (fstat(&lock)?, stat(&path));
            if named.is_ok_and(|named| named.st_ino == held.st_ino) {
                return Ok(Self { path, lock });
            }
        }
    }

    /// The last one tidies up, and nobody comes in meanwhile.
    pub(crate) fn if_last(&self, tidy_up: impl FnOnce()) {
        if flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            tidy_up();
            let _ = fs::remove_file(&self.path);
        }
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

/// A folder whose lock can be had belongs to nobody any more. What cannot be removed now is tried again by the next.
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
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
