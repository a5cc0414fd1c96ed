//! What a program in the workspace profile sees of the file system, built from nothing by bubblewrap (`bwrap(1)`).

use crate::fences::{programs, settings, tool_chains};
use crate::job::{Changes, Job};
use crate::kept::Found;
use crate::limits;
use crate::stage::Helper;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is to be seen.
pub(crate) struct View<'a> {
    pub(crate) job: &'a Job,
    pub(crate) changes: &'a Changes,
    pub(crate) found: &'a Found,
    /// What is at `/tmp`.
    pub(crate) temporary: PathBuf,
    /// What is in the place of the home, and where that is.
    pub(crate) home: Option<(PathBuf, PathBuf)>,
}

/// Files of the kernel that say how many processors and how much memory there is.
const MACHINE: &[&str] = &["/sys/devices/system", "/sys/fs/cgroup"];

pub(crate) fn command(bubblewrap: &Path, view: &View<'_>, helper: &Helper<'_>) -> Command {
    let mut words = Words::default();
    words.flags(&["--die-with-parent", "--unshare-all"]);
    if view.changes.network {
        words.flags(&["--share-net"]);
    }
    words.option("--info-fd", helper.told.to_string());
    let machine = MACHINE.iter().map(Path::new);
    for path in programs().chain(settings()).chain(machine) {
        words.mount("--ro-bind-try", path, path);
    }
    words.flags(&["--proc", "/proc", "--dev", "/dev"]);
    words.option("--size", limits::SHARED_MEMORY_BYTES.to_string());
    words.flags(&["--tmpfs", "/dev/shm"]);
    words.mount("--bind", &view.temporary, Path::new("/tmp"));
    if let Some((private, home)) = &view.home {
        words.mount("--bind", private, home);
    }
    for path in tool_chains(&view.changes.home)
        .iter()
        .chain(&view.job.read)
        .chain(&view.job.exec)
        .chain([&view.job.program])
    {
        words.mount("--ro-bind-try", path, path);
    }
    // Over what was mounted before: the workspace can lie in a folder that is only read.
    words.mount("--bind", &view.job.workspace, &view.job.workspace);
    for way in &view.found.ways {
        words.mount("--bind", way, way);
    }
    for kept in &view.found.kept {
        words.mount("--ro-bind", kept, kept);
    }
    for hidden in view.job.hidden.iter().filter(|path| path.is_dir()) {
        words.option("--perms", "0000");
        words.flag_at("--tmpfs", hidden);
        words.flag_at("--remount-ro", hidden);
    }
    words.flags(&["--remount-ro", "/proc", "--remount-ro", "/", "--"]);

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
