//! The child: which program, in which surroundings, on which PTY.

use std::env;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use pty_process::Size;
use rustix::process::{Pid, Signal};
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use crate::config::HolderConfig;
use crate::error::HolderError;
use crate::limits;

/// A child on its PTY.
pub(crate) struct Shell {
    /// The holder's end, non-blocking.
    pub(crate) pty: AsyncFd<OwnedFd>,
    /// The child, leader of a session whose controlling terminal is the PTY.
    pub(crate) child: Child,
    /// Its process id, also its group's and session's.
    pub(crate) pid: Pid,
    /// What was started.
    pub(crate) command: Vec<String>,
    /// Where.
    pub(crate) cwd: PathBuf,
}

/// Opens a PTY and starts the configured program on it.
pub(crate) fn start(config: &HolderConfig) -> Result<Shell, HolderError> {
    let command = if config.command.is_empty() {
        vec![login_shell()]
    } else {
        config.command.clone()
    };
    let cwd = config
        .cwd
        .clone()
        .or_else(env::home_dir)
        .unwrap_or_else(|| PathBuf::from("/"));
    if !cwd.is_dir() {
        return Err(HolderError::CwdMissing(cwd));
    }
    let no_pty = |error: pty_process::Error| HolderError::NoPty(io::Error::other(error));
    let (pty, pts) = pty_process::open().map_err(no_pty)?;
    pty.resize(Size::new(config.rows, config.cols))
        .map_err(no_pty)?;
    let mut builder = pty_process::Command::new(&command[0])
        .args(&command[1..])
        .current_dir(&cwd)
        .envs(locale().map(|locale| ("LANG", locale)))
        .envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor")])
        .env("PWD", &cwd);
    for name in MISLEADING
        .iter()
        .copied()
        .chain(config.env_remove.iter().map(String::as_str))
    {
        builder = builder.env_remove(name);
    }
    builder = builder.envs(config.env.iter().map(|(name, value)| (name, value)));
    let child = builder
        .spawn(pts)
        .map_err(|error| HolderError::NotStarted {
            program: command[0].clone(),
            source: if let pty_process::Error::Io(error) = error {
                error
            } else {
                io::Error::other(error)
            },
        })?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    let pid =
        pid.ok_or_else(|| HolderError::Process(io::Error::other("the child has no process id")))?;
    let pty = readiness(OwnedFd::from(pty)).map_err(HolderError::NoPty)?;
    Ok(Shell {
        pty,
        child,
        pid,
        command,
        cwd,
    })
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that may close their descriptor early; `OwnedFd` does not"
)]
fn readiness(pty: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(pty)
}

/// Sends a signal to the child's group and to whatever runs in the foreground of its terminal.
pub(crate) fn signal(pty: &AsyncFd<OwnedFd>, pid: Pid, signal: Signal) {
    // Either may be gone already; then there is nobody to tell.
    let _ = rustix::process::kill_process_group(pid, signal);
    if let Ok(foreground) = rustix::termios::tcgetpgrp(pty.get_ref())
        && foreground != pid
    {
        let _ = rustix::process::kill_process_group(foreground, signal);
    }
}

/// Variables that describe another terminal than the one the child gets.
const MISLEADING: [&str; 9] = [
    "COLUMNS",
    "LINES",
    "TERMCAP",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TMUX",
    "TMUX_PANE",
    "STY",
    "WINDOWID",
];

/// A UTF-8 locale for those who have none at all; one that was chosen stays.
fn locale() -> Option<&'static str> {
    let chosen = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    (!chosen).then_some("C.UTF-8")
}

/// `$SHELL`, else what the password file says, else `/bin/sh`.
fn login_shell() -> String {
    let usable = |shell: &String| shell.starts_with('/') && Path::new(shell).is_file();
    let passwd = || {
        let mut text = String::new();
        let file = std::fs::File::open("/etc/passwd").ok()?;
        file.take(PASSWD_BYTES).read_to_string(&mut text).ok()?;
        shell_of(&text, rustix::process::getuid().as_raw())
    };
    env::var("SHELL")
        .ok()
        .filter(usable)
        .or_else(|| passwd().filter(usable))
        .unwrap_or_else(|| "/bin/sh".to_owned())
}

const PASSWD_BYTES: u64 = limits::CONFIG_BYTES;

fn shell_of(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let entry = passwd
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid))?;
    entry.split(':').nth(6).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_file_names_the_shell_of_the_user() {
        let passwd =
            "root:x:0:0::/root:/bin/bash\nann:x:1000:1000:A,,:/home/ann:/usr/bin/fish\nbad:line\n";
        assert_eq!(shell_of(passwd, 1000).as_deref(), Some("/usr/bin/fish"));
        assert_eq!(shell_of(passwd, 0).as_deref(), Some("/bin/bash"));
        assert_eq!(shell_of(passwd, 7), None);
    }
}
