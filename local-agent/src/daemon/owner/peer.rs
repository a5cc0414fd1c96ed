//! Who is at the other end of the owner's socket.

use crate::limits::GENERATIONS;
use rustix::fs::{Mode, chmod};
use rustix::process::{Pid, geteuid, umask};
use std::io;
use std::path::Path;
use tokio::net::{UnixListener, UnixStream};

/// Why a caller is not served.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Another user.
    #[error("user {0} is not the owner")]
    OtherUser(u32),
    /// It runs inside a terminal that devices may drive.
    #[error("process {0} runs inside a Lanyard terminal")]
    InsideTerminal(i32),
    /// Its ancestry does not end.
    #[error("the caller has too many ancestors")]
    TooDeep,
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

/// Checks user and ancestry, and says which process it is.
pub fn check(stream: &UnixStream) -> Result<u32, Refused> {
    let caller = stream.peer_cred()?;
    if caller.uid() != geteuid().as_raw() {
        return Err(Refused::OtherUser(caller.uid()));
    }
    let pid = caller
        .pid()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("no process id"))?;
    refuse_inside_terminal(pid)?;
    Ok(pid.as_raw_nonzero().get().unsigned_abs())
}

/// Walks up to the first process. What cannot be looked at is refused: a caller that is gone has nothing to ask.
fn refuse_inside_terminal(caller: Pid) -> Result<(), Refused> {
    let mut at = caller;
    for _ in 0..GENERATIONS {
        if is_holder(at)? {
            return Err(Refused::InsideTerminal(at.as_raw_nonzero().get()));
        }
        match parent(at)? {
            Some(parent) => at = parent,
            None => return Ok(()),
        }
    }
    Err(Refused::TooDeep)
}

/// A holder is started under a hidden subcommand. Its program may have been replaced since by an upgrade, so only the words are looked at.
fn is_holder(pid: Pid) -> io::Result<bool> {
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()))?;
    let mut words = command.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    let name = program
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    Ok(name.starts_with(b"lanyard") && words.next() == Some(lanyard_holder::SUBCOMMAND.as_bytes()))
}

/// From `/proc/<pid>/stat` (proc(5)): the fourth field, counted after the name in brackets. `None` for the first process.
fn parent(pid: Pid) -> io::Result<Option<Pid>> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
    let after_name = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let parent = after_name
        .split_whitespace()
        .nth(1)
        .and_then(|field| field.parse().ok());
    let parent: i32 = parent.ok_or_else(|| io::Error::other("a process without a parent"))?;
    Ok(Pid::from_raw(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_outside_of_terminals_is_served_and_one_that_is_gone_is_not() -> io::Result<()> {
        assert!(refuse_inside_terminal(rustix::process::getpid()).is_ok());
        let mut child = std::process::Command::new("true").spawn()?;
        let pid = Pid::from_child(&child);
        child.wait()?;
        assert!(matches!(
            refuse_inside_terminal(pid),
            Err(Refused::Unknown(_))
        ));
        Ok(())
    }
}
