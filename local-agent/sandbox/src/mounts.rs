//! The helper's own mounts, inside of what bubblewrap has built: what is kept of the workspace, and what is the machine's.
//!
//! Other programs may change the workspace meanwhile. So nothing here goes by a path twice: what is mounted is what is held open, on itself.

use crate::helper::Refusal;
use crate::id::Id;
use crate::job::path_as_bytes;
use crate::kept::{Place, enter};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatVfsMountFlags, fstat, fstatvfs, open,
    openat2, statat,
};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What bubblewrap was asked to show, and what is kept of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mounts {
    /// What must be found where.
    pub(crate) shown: Vec<Shown>,
    /// What stays as it is.
    pub(crate) kept: Vec<Place>,
}

/// A path and what is there, if bubblewrap has followed no link that was put in its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    #[serde(with = "path_as_bytes")]
    pub(crate) path: PathBuf,
    pub(crate) id: Id,
}

impl Mounts {
    pub(crate) fn settle(&self, workspace: &Path) -> Result<(), Refusal> {
        own_namespaces().map_err(Refusal::by("it got no namespaces for what is kept"))?;
        for shown in &self.shown {
            let there = rustix::fs::stat(&shown.path).map_err(Refusal::at(&shown.path))?;
            if Id::of(&there) != shown.id {
                return Err(changed(&shown.path));
            }
        }
        self.keep(workspace)?;
        // The machine's own, and to the superuser they belong: without this, `chmod` on one would be for all.
        for path in ["/proc"].into_iter().chain(DEVICES.iter().copied()) {
            match open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(there) => seal(&there).map_err(Refusal::at(Path::new(path)))?,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(Refusal::at(Path::new(path))(error)),
            }
        }
        Ok(())
    }

    fn keep(&self, workspace: &Path) -> Result<(), Refusal> {
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let top = open(workspace, how, Mode::empty()).map_err(Refusal::at(workspace))?;
        let mut ways = BTreeSet::new();
        for place in &self.kept {
            let mut folder = top.try_clone().map_err(Refusal::at(workspace))?;
            let way = place.path.parent().unwrap_or(Path::new(""));
            for part in way
                .ancestors()
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .skip(1)
            {
                let name = part.file_name().unwrap_or_default();
                let is_new = ways.insert(part);
                folder = self::way(&folder, name, is_new).map_err(Refusal::at(part))?;
            }
            keep(&folder, place).map_err(Refusal::at(&place.path))?;
            if look(&folder, place)?.is_none() {
                return Err(changed(&place.path));
            }
        }
        Ok(())
    }
}

/// A mount of its own: were a folder on the way moved, another could be put in its place.
fn way(folder: &OwnedFd, name: &OsStr, is_new: bool) -> Result<OwnedFd, Errno> {
    let there = enter(folder, Path::new(name))?;
    if !is_new {
        return Ok(there);
    }
    put(&copy(&there)?, &there)?;
    enter(folder, Path::new(name))
}

/// Over itself, to be read only. A kernel that does not mount links has nothing in their place that leads anywhere.
fn keep(folder: &OwnedFd, place: &Place) -> Result<(), Errno> {
    let name = place.path.file_name().ok_or(Errno::INVAL)?;
    let there = hold(folder, name)?;
    let found = fstat(&there)?;
    if Some(Id::of(&found)) != place.id {
        return Err(Errno::STALE);
    }
    match over(&there, &there) {
        Err(_) if FileType::from_raw_mode(found.st_mode) == FileType::Symlink => {
            let empty = open(EMPTY, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            over(&empty, &there)
        }
        done => done,
    }
}

fn over(what: &OwnedFd, there: &OwnedFd) -> Result<(), Errno> {
    let copy = copy(what)?;
    read_only(&copy)?;
    put(&copy, there)
}

/// What is there now, if it cannot be written.
fn look(folder: &OwnedFd, place: &Place) -> Result<Option<Id>, Refusal> {
    let refused = Refusal::at(&place.path);
    let name = place.path.file_name().unwrap_or_default();
    let there = hold(folder, name).map_err(&refused)?;
    let flags = fstatvfs(&there).map_err(&refused)?.f_flag;
    let id = Id::of(&fstat(&there).map_err(&refused)?);
    let empty = statat(CWD, EMPTY, AtFlags::empty()).map_err(&refused)?;
    let expected = Some(id) == place.id || id == Id::of(&empty);
    Ok((flags.contains(StatVfsMountFlags::RDONLY) && expected).then_some(id))
}

/// Where nothing is to be read, without being a folder.
const EMPTY: &str = "/dev/null";

const DEVICES: &[&str] = &[
    "/dev/console",
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

/// Namespaces in which this process may mount, for whatever user: bubblewrap's are no longer its own.
fn own_namespaces() -> std::io::Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    // SAFETY: no descriptors are shared with another thread, as there is none.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }?;
    // Where it is denied already, it cannot be said again.
    let _ = fs::write("/proc/self/setgroups", "deny");
    let same = |id: u32| format!("{id} {id} 1");
    fs::write("/proc/self/uid_map", same(user.as_raw()))?;
    fs::write("/proc/self/gid_map", same(group.as_raw()))
}

fn hold(folder: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(
        folder,
        name,
        how,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
    )
}

/// With what is mounted in it.
fn copy(there: &OwnedFd) -> Result<OwnedFd, Errno> {
    let how = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(there, c"", how)
}

fn put(copy: &OwnedFd, there: &OwnedFd) -> Result<(), Errno> {
    let how = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(copy, c"", there, c"", how)
}

/// The mount that this is the top of, with those in it.
fn read_only(mount: &OwnedFd) -> Result<(), Errno> {
    set_read_only(mount, libc::AT_RECURSIVE)
}

/// The mount that this is the top of, alone.
fn seal(mount: &OwnedFd) -> Result<(), Errno> {
    set_read_only(mount, 0)
}

/// `mount_setattr(2)`, of Linux 5.12. It adds one flag and takes none away.
fn set_read_only(mount: &OwnedFd, flags: libc::c_int) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is an empty text and the attributes are what the call takes, of the size that is said; both live until it returns.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

fn changed(path: &Path) -> Refusal {
    Refusal::because(&format!(
        "{} was replaced while the fences went up",
        path.display()
    ))
}
