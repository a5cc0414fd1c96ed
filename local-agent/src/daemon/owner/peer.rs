//! Who is at the other end of the owner's socket.

use rustix::fs::{Mode, chmod};
use rustix::process::{Pid, geteuid, umask};
use std::io;
use std::path::Path;
use tokio::net::{UnixListener, UnixStream};

/// More generations than any process tree has.
const GENERATIONS: usize = 64;

/// Why a caller is not served.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Another user.
    #[error("user {0} is not the owner")]
    OtherUser(u32),
    /// It runs inside a terminal that devices may drive.
    #[error("process {0} runs inside a Lanyard terminal")]
    InsideTerminal(i32),
    /// The kernel does not say who it is.
    #[error("the caller cannot be identified: {0}")]
    Unknown(#[from] io::Error),
}

/// Binds a socket that only this user can connect to, from its first moment on.
pub fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let before = umask(Mode::RWXG | Mode::RWXO);
    let bound = UnixListener::bind(path);
    umask(before);
    let listener = bound?;
    chmod(path, Mode::RUSR | Mode::WUSR)?;
    Ok(listener)
}

/// Checks user and ancestry.
pub fn check(stream: &UnixStream) -> Result<(), Refused> {
    let caller = stream.peer_cred()?;
    if caller.uid() != geteuid().as_raw() {
        return Err(Refused::OtherUser(caller.uid()));
    }
    let pid = caller
        .pid()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("no process id"))?;
    let mut at = Some(pid);
    for _ in 0..GENERATIONS {
        let Some(pid) = at else { return Ok(()) };
        if is_holder(pid) {
            return Err(Refused::InsideTerminal(pid.as_raw_nonzero().get()));
        }
        at = parent(pid);
    }
    Ok(())
}

/// A holder is this program, started under its hidden subcommand.
fn is_holder(pid: Pid) -> bool {
    let command =
        std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    let second = command.split(|byte| *byte == 0).nth(1);
    let ours = std::fs::read_link("/proc/self/exe").ok();
    let theirs = std::fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).ok();
    second == Some(lanyard_holder::SUBCOMMAND.as_bytes()) && ours.is_some() && ours == theirs
}

/// From `/proc/<pid>/stat` (proc(5)): the fourth field, counted after the name in brackets.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let parent = after_name.split_whitespace().nth(1)?.parse().ok()?;
    Pid::from_raw(parent)
}
