//! What a program in the workspace profile sees of the file system, built from nothing by bubblewrap (`bwrap(1)`).

use crate::fences::{programs, settings};
use crate::id::Id;
use crate::limits;
use crate::stage::Helper;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is to be seen beside the system's own, in the order in which it is mounted.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) mounts: Vec<Mount>,
}

/// One file or folder that is seen.
#[derive(Debug)]
pub(crate) struct Mount {
    from: PathBuf,
    pub(crate) to: PathBuf,
    /// What is meant, which the path may lead away from.
    pub(crate) id: Id,
    written: bool,
}

impl Mount {
    pub(crate) fn own(id: Id, from: PathBuf, to: &Path) -> Self {
        Self {
            from,
            to: to.to_owned(),
            id,
            written: true,
        }
    }

    pub(crate) fn to_read(path: PathBuf, id: Id) -> Self {
        Self::to_read_at(id, path.clone(), path)
    }

    pub(crate) fn to_read_at(id: Id, from: PathBuf, to: PathBuf) -> Self {
        Self {
            from,
            to,
            id,
            written: false,
        }
    }
}

/// Files of the kernel that say how many processors and how much memory there is.
const MACHINE: &[&str] = &["/sys/devices/system", "/sys/fs/cgroup"];

pub(crate) fn command(
    bubblewrap: &Path,
    view: &View,
    network: bool,
    lock: RawFd,
    helper: &Helper<'_>,
) -> Command {
    let mut words = Words::default();
    words.flags(&["--die-with-parent", "--unshare-all"]);
    if network {
        words.flags(&["--share-net"]);
    }
    // If the caller is killed, the lock is still held for as long as anything runs in there.
    words.option("--sync-fd", lock.to_string());
    words.option("--info-fd", helper.told.to_string());
    let machine = MACHINE.iter().map(Path::new);
    for path in programs().chain(settings()).chain(machine) {
        words.mount("--ro-bind-try", path, path);
    }
    words.flags(&["--proc", "/proc", "--dev", "/dev"]);
    words.option("--size", limits::SHARED_MEMORY_BYTES.to_string());
    words.flags(&["--tmpfs", "/dev/shm"]);
    for mount in &view.mounts {
        let how = if mount.written { "--bind" } else { "--ro-bind" };
        words.mount(how, &mount.from, &mount.to);
    }
    words.flags(&["--remount-ro", "/", "--"]);

    let mut command = Command::new(bubblewrap);
    command.args(words.0);
    command.arg(format!("/proc/self/fd/{}", helper.file));
    command
}

#[derive(Default)]
struct Words(Vec<OsString>);

impl Words {
    fn flags(&mut self, flags: &[&str]) {
        self.0.extend(flags.iter().map(OsString::from));
    }

    fn option(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.extend([name.into(), value.into()]);
    }

    fn flag_at(&mut self, name: &str, path: &Path) {
        self.option(name, path.as_os_str());
    }

    fn mount(&mut self, how: &str, from: &Path, to: &Path) {
        self.flag_at(how, from);
        self.0.push(to.as_os_str().to_owned());
    }
}
