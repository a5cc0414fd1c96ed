//! What of a workspace stays as it is, looked up before a program runs in it, and stood in for where it is not there.
//!
//! No program of the profile can change what is looked up here: it is kept from all of them, or stood in for as long as one of them runs.

use crate::id::Id;
use crate::job::{Kept, StandIn, path_as_bytes};
use crate::limits;
use crate::links::followed;
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, ResolveFlags, Stat, flock, fstat,
    mkdirat, openat, openat2, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// One thing that may not change, and neither may what lies in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// From the workspace.
    #[serde(with = "path_as_bytes")]
    pub(crate) path: PathBuf,
    /// Nothing is there, nor stands in for it.
    pub(crate) id: Option<Id>,
}

/// A workspace, held open so that it stays the one that was looked at.
#[derive(Debug)]
pub(crate) struct Top {
    path: PathBuf,
    folder: OwnedFd,
}

impl Top {
    /// `path` is a real one: no link on the way to it is followed, as it may lie in another's workspace.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat2(CWD, path, how, Mode::empty(), ResolveFlags::NO_SYMLINKS);
        Ok(Self {
            path: path.to_owned(),
            folder: folder.map_err(at(path))?,
        })
    }

    pub(crate) fn id(&self) -> Result<Id> {
        Ok(Id::of(&fstat(&self.folder)?))
    }

    /// What is there, which may be a link.
    pub(crate) fn look(&self, path: &Path) -> Result<Id> {
        let (folder, name) = self.folder_of(path)?;
        Ok(Id::of(&look(&folder, name)?))
    }

    fn folder_of<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a OsStr)> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        let way = path.parent().filter(|way| *way != Path::new(""));
        Ok((enter(&self.folder, way.unwrap_or(Path::new(".")))?, name))
    }
}

/// Looks each of them up. With `stand_ins`, what is not there is stood in for until the last run in the workspace has ended.
///
/// # Errors
/// One of them could not be looked up or stood in for, or there are too many.
pub(crate) fn find(top: &Top, list: &[Kept], stand_ins: bool) -> Result<(Vec<Place>, StandIns)> {
    let mut stood = StandIns::hold(top, list, stand_ins)?;
    let mut found = BTreeMap::new();
    let mut left: VecDeque<Kept> = list.iter().cloned().collect();
    while let Some(kept) = left.pop_front() {
        let place = look_up(top, &kept, stand_ins)?;
        if found.insert(place.path.clone(), place.id).is_some() {
            continue;
        }
        for target in targets(top, &place)? {
            stood.also(&target);
            left.push_back(target);
        }
        if found.len() + left.len() > limits::PLACES {
            return Err(too_many(found.keys()));
        }
    }
    // What lies in something that is kept is kept with it.
    let all: Vec<PathBuf> = found.keys().cloned().collect();
    found.retain(|path, _| {
        !all.iter()
            .any(|whole| path != whole && path.starts_with(whole))
    });
    let places = found.into_iter().map(|(path, id)| Place { path, id });
    Ok((places.collect(), stood))
}

fn look_up(top: &Top, kept: &Kept, stand_ins: bool) -> Result<Place> {
    let mut path = PathBuf::new();
    let mut folder = top.folder.try_clone()?;
    let mut names = names(&kept.path)?.peekable();
    while let Some(name) = names.next() {
        path.push(name);
        let last = names.peek().is_none();
        let there = match look(&folder, name) {
            Err(Errno::NOENT) if stand_ins => {
                // What would be on the way can be made only if something stands in for it as well.
                match stand_in(&folder, name, &kept.stand_in, last) {
                    Ok(()) => look(&folder, name),
                    // Its owner has closed the folder, and could open it: then it is kept as it is.
                    Err(Errno::ACCESS) if path.components().count() > 1 => {
                        path.pop();
                        let id = Some(Id::of(&fstat(&folder)?));
                        return Ok(Place { path, id });
                    }
                    Err(error) => Err(error),
                }
            }
            there => there,
        };
        let there = match there {
            Err(Errno::NOENT) => {
                path.extend(names);
                return Ok(Place { path, id: None });
            }
            there => there.map_err(at(&path))?,
        };
        let id = Some(Id::of(&there));
        // A file in the place of a folder: `.git` of a linked worktree.
        if last || !is_folder(&there) || is_stand_in(&there) {
            return Ok(Place { path, id });
        }
        folder = match enter(&folder, Path::new(name)) {
            Err(Errno::ACCESS) => return Ok(Place { path, id }),
            inner => inner.map_err(at(&path))?,
        };
    }
    Err(Errno::INVAL.into())
}

/// Where a link leads is kept as well, and every other link on the way there.
fn targets(top: &Top, place: &Place) -> Result<Vec<Kept>> {
    let link = top.path.join(&place.path);
    if !std::fs::symlink_metadata(&link).is_ok_and(|found| found.is_symlink()) {
        return Ok(Vec::new());
    }
    let followed = followed(&top.path, &place.path)?;
    Ok(followed.into_iter().map(Kept::whole).collect())
}

/// Says where most of them lie: a command may have made them.
fn too_many<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Error {
    let mut in_folder = BTreeMap::<&OsStr, usize>::new();
    for name in paths.filter_map(|path| path.iter().next()) {
        *in_folder.entry(name).or_default() += 1;
    }
    let most = in_folder.into_iter().max_by_key(|(_, count)| *count);
    let (name, count) = most.unwrap_or_default();
    Error::other(format!(
        "more is to be kept than can be: {count} places lie in {}, which you may move away",
        name.display()
    ))
}

fn names(path: &Path) -> Result<impl Iterator<Item = &OsStr>> {
    let plain = |part: &Component<'_>| matches!(part, Component::Normal(_));
    if path == Path::new("") || !path.components().all(|part| plain(&part)) {
        return Err(Error::other(format!(
            "{} is no path from the workspace",
            path.display()
        )));
    }
    Ok(path.iter())
}

fn stand_in(
    folder: &OwnedFd,
    name: &OsStr,
    what: &StandIn,
    last: bool,
) -> std::result::Result<(), Errno> {
    let made = match what {
        StandIn::File(text) if last => {
            let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            openat(folder, name, how, READ_ONLY_FILE).and_then(|file| {
                let written = File::from(file).write_all(text.as_bytes());
                written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
            })
        }
        StandIn::File(_) | StandIn::Folder => mkdirat(folder, name, READ_ONLY_FOLDER),
    };
    match made {
        // Where the kernel lets nobody write, nobody can make it either. Another run may have been faster.
        Ok(()) | Err(Errno::ROFS | Errno::EXIST) => Ok(()),
        // Only its owner could open the folder up.
        Err(Errno::ACCESS) if fstat(folder)?.st_uid != geteuid().as_raw() => Ok(()),
        Err(error) => Err(error),
    }
}

const READ_ONLY_FOLDER: Mode = Mode::RUSR.union(Mode::XUSR);
const READ_ONLY_FILE: Mode = Mode::RUSR;

/// Keeps what stands in there. The last run of a workspace removes it; after one that was killed, the next does.
#[derive(Debug)]
pub(crate) struct StandIns {
    top: OwnedFd,
    list: Vec<Kept>,
}

impl StandIns {
    /// Shares a lock with all other runs in the workspace, whoever started them: it is on the folder itself.
    fn hold(top: &Top, list: &[Kept], stand_ins: bool) -> Result<Self> {
        // Of its own: what `top` is open as is not locked by it.
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own = openat(&top.folder, ".", how, Mode::empty())?;
        if !stand_ins {
            return Ok(Self {
                top: own,
                list: Vec::new(),
            });
        }
        lock_soon(&own, FlockOperation::NonBlockingLockShared).map_err(|_| {
            let why = format!("another program keeps a lock on {}", top.path.display());
            Error::other(why)
        })?;
        Ok(Self {
            top: own,
            list: list.to_vec(),
        })
    }

    /// What stands in there goes with the others.
    fn also(&mut self, kept: &Kept) {
        if !self.list.is_empty() {
            self.list.push(kept.clone());
        }
    }

    /// What holds the lock. As long as any process has it open, the lock is held.
    pub(crate) fn lock(&self) -> RawFd {
        self.top.as_raw_fd()
    }

    /// Nothing but what is as it was made: an empty folder, a file of that text.
    fn remove(&self, kept: &Kept) -> Result<()> {
        let mut path = kept.path.as_path();
        let mut last = true;
        // It may have been stood in for as a whole.
        while path != Path::new("") {
            let way = path.parent().filter(|way| *way != Path::new(""));
            let name = path.file_name().ok_or(Errno::INVAL)?;
            if let Ok(folder) = enter(&self.top, way.unwrap_or(Path::new("."))) {
                remove_at(&folder, name, &kept.stand_in, last)?;
            }
            path = path.parent().unwrap_or(Path::new(""));
            last = false;
        }
        Ok(())
    }
}

fn remove_at(folder: &OwnedFd, name: &OsStr, what: &StandIn, last: bool) -> Result<()> {
    let Ok(there) = look(folder, name) else {
        return Ok(());
    };
    match what {
        StandIn::File(text) if last => {
            let mode = Mode::from_raw_mode(there.st_mode);
            let file = FileType::from_raw_mode(there.st_mode) == FileType::RegularFile;
            if file && mode == READ_ONLY_FILE && says(folder, name, text)? {
                unlinkat(folder, name, AtFlags::empty())?;
            }
        }
        StandIn::File(_) | StandIn::Folder => {
            if is_stand_in(&there) {
                // What is not empty is somebody's.
                let _ = unlinkat(folder, name, AtFlags::REMOVEDIR);
            }
        }
    }
    Ok(())
}

impl Drop for StandIns {
    fn drop(&mut self) {
        // Nobody comes in meanwhile.
        if !self.list.is_empty()
            && flock(&self.top, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            for kept in &self.list {
                let _ = self.remove(kept);
            }
        }
    }
}

/// Tries for [`limits::LOCK_TIME`]: who holds a lock may be stuck.
pub(crate) fn lock_soon(file: &OwnedFd, how: FlockOperation) -> Result<()> {
    let deadline = Instant::now() + limits::LOCK_TIME;
    while let Err(error) = flock(file, how) {
        if Instant::now() > deadline {
            return Err(error.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn look(folder: &OwnedFd, name: &OsStr) -> std::result::Result<Stat, Errno> {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
}

fn is_folder(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Directory
}

/// Of this run, of another, or of one that was killed.
fn is_stand_in(found: &Stat) -> bool {
    is_folder(found) && Mode::from_raw_mode(found.st_mode) == READ_ONLY_FOLDER
}

fn says(folder: &OwnedFd, name: &OsStr, text: &str) -> Result<bool> {
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, name, how, Mode::empty())?;
    let mut said = Vec::new();
    let most = u64::try_from(text.len()).unwrap_or(u64::MAX);
    File::from(file)
        .take(most.saturating_add(1))
        .read_to_end(&mut said)?;
    Ok(said == text.as_bytes())
}

/// A folder below another, by a path without links.
pub(crate) fn enter(folder: impl AsFd, path: &Path) -> std::result::Result<OwnedFd, Errno> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(folder, path, how, Mode::empty(), within)
}

fn at(path: &Path) -> impl Fn(Errno) -> Error {
    move |error| Error::other(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_reached_through_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", top.join("link")).unwrap();
        assert!(Top::open(&top.join("a/b")).is_ok());
        assert!(Top::open(&top.join("link/b")).is_err());
        assert!(Top::open(&top.join("link")).is_err());
    }
}
