//! What a running service tells its manager: datagrams on the socket that `NOTIFY_SOCKET` names, as sd_notify(3) describes them.
//!
//! Without that socket every word is said to nobody, so callers need not ask whether there is a manager.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// What a manager says to its service by the environment. It is not meant for programs that the service starts: they would take themselves for
/// the service.
pub const ENVIRONMENT: &[&str] = &[
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
];

/// The manager's ear.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// The manager that started this process, if one did.
    ///
    /// # Errors
    /// There is one, and it cannot be spoken to.
    pub fn from_env() -> io::Result<Self> {
        let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| for_us && *usec > 0);
        Ok(Self {
            socket: Some(connect(&socket)?),
            watchdog: watchdog.map(Duration::from_micros),
        })
    }

    /// How often [`Notify::alive`] must be called; `None` when nobody watches. Half of what the manager waits for, so that one late call ends nothing.
    #[must_use]
    pub fn every(&self) -> Option<Duration> {
        self.watchdog.map(|longest| longest / 2)
    }

    /// The service works.
    pub fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// What it does now, for a person.
    pub fn status(&self, status: &str) {
        self.say(&format!("STATUS={}", one_line(status)));
    }

    /// It still does what it is there for. To be called by the loop that does the work, and by nothing else.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=stopping");
    }

    fn say(&self, words: &str) {
        // A manager that does not listen is no reason to stop, and whoever works must not wait for it.
        if let Some(socket) = &self.socket {
            let _ = socket.send(words.as_bytes());
        }
    }
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A status may hold what a peer said; it must not say more to the manager than a status.
fn one_line(status: &str) -> String {
    status.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> io::Result<String> {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    #[test]
    fn a_socket_may_lie_in_a_folder_or_in_no_folder() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("notify");
        let filed = UnixDatagram::bind(&path)?;
        let name = path.display().to_string();
        let nowhere = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        for (socket, name) in [(filed, name.clone()), (nowhere, format!("@{name}"))] {
            let notify = Notify {
                socket: Some(connect(OsStr::new(&name))?),
                watchdog: None,
            };
            notify.ready("works");
            assert_eq!(heard(&socket)?, "READY=1\nSTATUS=works");
        }
        Ok(())
    }

    #[test]
    fn a_status_cannot_say_anything_else() -> io::Result<()> {
        let (ours, managers) = UnixDatagram::pair()?;
        let notify = Notify {
            socket: Some(ours),
            watchdog: None,
        };
        notify.status("lost\nWATCHDOG=trigger");
        assert_eq!(heard(&managers)?, "STATUS=lost WATCHDOG=trigger");
        Ok(())
    }

    #[test]
    fn without_a_manager_nothing_is_said_and_nothing_fails() {
        let notify = Notify::default();
        notify.ready("works");
        notify.alive();
        assert_eq!(notify.every(), None);
    }
}
