//! What of a workspace stays as it is, looked up before a program runs in it, and stood in for where it is not there.

use crate::job::{Kept, StandIn};
use crate::private::Shared;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, open, openat2, statat, unlinkat,
};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What was found. Both are real paths.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Folders on the way to what is kept. Were one of them moved, another could be put in its place.
    pub(crate) ways: BTreeSet<PathBuf>,
    /// What may not change.
    pub(crate) kept: BTreeSet<PathBuf>,
}

/// Looks each of them up. With `stand_ins`, what is not there is stood in for until the last run in the workspace has ended.
///
/// # Errors
/// One of them is a link, which nothing keeps from being replaced, or could not be looked up.
pub(crate) fn find(workspace: &Path, list: &[Kept], stand_ins: bool) -> Result<(Found, StandIns)> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = open(workspace, how, Mode::empty())?;
    let stood = StandIns::hold(&top, list, stand_ins)?;
    let mut found = Found::default();
    for kept in list {
        look_up(workspace, &top, kept, stand_ins, &mut found)?;
    }
    // What is kept as a whole needs no way into it.
    found.ways.retain(|way| !found.kept.contains(way));
    Ok((found, stood))
}

fn look_up(
    workspace: &Path,
    top: &OwnedFd,
    kept: &Kept,
    stand_ins: bool,
    found: &mut Found,
) -> Result<()> {
    let mut path = workspace.to_owned();
    let mut folder = top.try_clone()?;
    let mut names = kept.path.split('/').peekable();
    while let Some(name) = names.next() {
        let whole = path.join(name);
        let last = names.peek().is_none();
        match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => match FileType::from_raw_mode(there.st_mode) {
                FileType::Symlink => return Err(is_link(&whole)),
                FileType::Directory if !last && !is_stand_in(&folder, name) => {
                    folder = enter(&folder, name)?;
                    found.ways.insert(whole.clone());
                }
                // A file in the place of a folder: `.git` of a linked worktree.
                FileType::Directory
                | FileType::RegularFile
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {
                    found.kept.insert(whole);
                    return Ok(());
                }
            },
            Err(Errno::NOENT) => {
                // What would be on the way can be made only if something stands in for it as well.
                if stand_ins && stand_in(&folder, name, &kept.stand_in, last)? {
                    found.kept.insert(whole);
                }
                return Ok(());
            }
            Err(error) => return Err(at(&whole, error)),
        }
        path = whole;
    }
    Ok(())
}

/// Whether something stands there now.
fn stand_in(folder: &OwnedFd, name: &str, what: &StandIn, last: bool) -> Result<bool> {
    let made = match what {
        StandIn::Nothing => return Ok(false),
        StandIn::Folder => mkdirat(folder, name, READ_ONLY_FOLDER),
        StandIn::File(_) if !last => return Ok(false),
        StandIn::File(text) => {
            let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let file = rustix::fs::openat(folder, name, how, READ_ONLY_FILE)?;
            File::from(file).write_all(text.as_bytes())?;
            Ok(())
        }
    };
    match made {
        // Where the kernel lets nobody write, nobody can make it either.
        Err(Errno::ROFS) => Ok(false),
        Ok(()) | Err(Errno::EXIST) => Ok(true),
        Err(error) => Err(at(Path::new(name), error)),
    }
}

const READ_ONLY_FOLDER: Mode = Mode::RUSR.union(Mode::XUSR);
const READ_ONLY_FILE: Mode = Mode::RUSR;

/// Keeps what stands in there. The last run of a workspace removes it; after one that was killed, the next does.
#[derive(Debug)]
pub(crate) struct StandIns {
    top: OwnedFd,
    lock: Option<Shared>,
    list: Vec<Kept>,
}

impl StandIns {
    fn hold(top: &OwnedFd, list: &[Kept], stand_ins: bool) -> Result<Self> {
        let id = fstat(top)?;
        let name = format!("{:x}-{:x}", id.st_dev, id.st_ino);
        Ok(Self {
            top: top.try_clone()?,
            lock: stand_ins.then(|| Shared::hold(&name)).transpose()?,
            list: list.to_vec(),
        })
    }

    /// Nothing but what is as it was made: an empty folder, a file of that text.
    fn remove(&self, kept: &Kept) -> Result<()> {
        let (way, name) = kept.path.rsplit_once('/').unwrap_or((".", &kept.path));
        let folder = match enter(&self.top, way) {
            Ok(folder) => folder,
            // It was stood in for as a whole.
            Err(_) if way != "." => return self.remove_at(&self.top, way, &kept.stand_in),
            Err(error) => return Err(error),
        };
        self.remove_at(&folder, name, &kept.stand_in)?;
        if way != "." && is_stand_in(&self.top, way) {
            unlinkat(&self.top, way, AtFlags::REMOVEDIR)?;
        }
        Ok(())
    }

    fn remove_at(&self, folder: &OwnedFd, name: &str, what: &StandIn) -> Result<()> {
        match what {
            StandIn::Nothing => {}
            StandIn::Folder => {
                if is_stand_in(folder, name) {
                    unlinkat(folder, name, AtFlags::REMOVEDIR)?;
                }
            }
            StandIn::File(text) => {
                if is(folder, name, FileType::RegularFile, READ_ONLY_FILE)
                    && says(folder, name, text)?
                {
                    unlinkat(folder, name, AtFlags::empty())?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            lock.if_last(|| {
                for kept in &self.list {
                    // What is not empty is somebody's.
                    let _ = self.remove(kept);
                }
            });
        }
    }
}

/// Of this run, or of one that was killed.
fn is_stand_in(folder: &OwnedFd, name: &str) -> bool {
    is(folder, name, FileType::Directory, READ_ONLY_FOLDER)
}

fn is(folder: &OwnedFd, name: &str, kind: FileType, mode: Mode) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| {
        FileType::from_raw_mode(found.st_mode) == kind && Mode::from_raw_mode(found.st_mode) == mode
    })
}

fn says(folder: &OwnedFd, name: &str, text: &str) -> Result<bool> {
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, how, Mode::empty())?;
    let mut said = Vec::new();
    let most = u64::try_from(text.len()).unwrap_or(u64::MAX);
    File::from(file)
        .take(most.saturating_add(1))
        .read_to_end(&mut said)?;
    Ok(said == text.as_bytes())
}

fn enter(folder: impl AsFd, name: &str) -> Result<OwnedFd> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    Ok(openat2(folder, name, how, Mode::empty(), within)?)
}

fn is_link(path: &Path) -> Error {
    Error::other(format!(
        "{} is a link, which nothing keeps from being replaced",
        path.display()
    ))
}

fn at(path: &Path, error: Errno) -> Error {
    Error::other(format!("{}: {error}", path.display()))
}
