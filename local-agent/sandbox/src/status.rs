//! Whether this machine can keep what the profiles promise, found out by trying.

use crate::fences::landlock_version;
use crate::holder::Holder;
use crate::job::Job;
use crate::resolve::resolve;
use crate::run::{Launcher, Limits, run};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// What this machine can enforce.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The kernel's release.
    pub kernel: String,
    /// The version of Landlock; 0 where there is none.
    pub landlock: i64,
    /// Whether system calls can be filtered.
    pub seccomp: bool,
    /// Whether a program has just run in the read-only profile.
    pub read_only: bool,
    /// What keeps the workspace profile, tried in the same way: `bubblewrap` or `Landlock`, or nothing.
    pub workspace: Option<&'static str>,
    /// The same in sentences.
    pub sentences: Vec<String>,
}

/// Asks the kernel, and runs `true` in each profile.
pub fn status(launcher: &Launcher) -> Status {
    let system = rustix::system::uname();
    let kernel = system.release().to_string_lossy().into_owned();
    let landlock = landlock_version();
    let seccomp = rustix::thread::secure_computing_mode().is_ok();
    let tried = try_it(launcher);
    let mut sentences = vec![format!("The kernel is {kernel}.")];
    sentences.push(match landlock {
        0 => "It has no Landlock: files cannot be kept.".to_owned(),
        version => format!("It speaks version {version} of Landlock; 3 is needed."),
    });
    sentences.push(match seccomp {
        true => "It filters system calls.".to_owned(),
        false => "It does not filter system calls.".to_owned(),
    });
    sentences.push(match &tried {
        Ok(()) => "The read-only profile is fully enforced.".to_owned(),
        Err(why) => format!("The read-only profile refuses to run programs: {why}."),
    });
    let holder = Holder::find(launcher);
    sentences.push(match &holder {
        Ok(holder) => format!("The workspace profile is kept by {}.", holder.name()),
        Err(why) => format!("The workspace profile refuses to run programs: {why}."),
    });
    if holder.as_ref().is_ok_and(|holder| !holder.is_whole()) {
        sentences.push(
            "Without bubblewrap, nothing can be made or removed at the top of a workspace, and no modes be changed."
                .to_owned(),
        );
    }
    Status {
        workspace: holder.ok().map(|holder| holder.name()),
        kernel,
        landlock,
        seccomp,
        read_only: tried.is_ok(),
        sentences,
    }
}

fn try_it(launcher: &Launcher) -> Result<(), String> {
    /// A folder that every system has, and that the profile opens anyway.
    const WORKSPACE: &str = "/usr";
    let program = resolve("true", Path::new("/etc")).map_err(|error| error.to_string())?;
    let limits = Limits {
        time: Duration::from_secs(10),
        output_bytes: 4096,
    };
    let ran = run(launcher, &Job::reading(program, WORKSPACE), &[], limits)
        .map_err(|error| error.to_string())?;
    match ran.status.code() {
        0 => Ok(()),
        code => Err(format!("`true` ended with status {code}")),
    }
}
