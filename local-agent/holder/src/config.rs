//! What a holder is told when it starts, and what it leaves beside its socket for those who look for it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::id::TerminalId;
use crate::limits;

/// Everything a holder needs to know. Travels as JSON over the standard input of the new process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderConfig {
    /// Directory of all holders, absolute. The holder makes `<dir>/<id>/` (0700) with `socket` (0600) and `meta.json`.
    pub dir: PathBuf,
    /// The terminal.
    pub id: TerminalId,
    /// A name for people.
    #[serde(default)]
    pub name: String,
    /// Program and arguments, started as they are, without a shell in between. Empty: the user's login shell.
    #[serde(default)]
    pub command: Vec<String>,
    /// Working directory. `None`: the home directory.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Added to the inherited environment, after `TERM`, `COLORTERM` and a UTF-8 locale were put there.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// Taken from the inherited environment, before `env` is added.
    #[serde(default)]
    pub env_remove: Vec<String>,
    /// Columns, 1 to [`limits::MAX_COLS`].
    pub cols: u16,
    /// Rows, 1 to [`limits::MAX_ROWS`].
    pub rows: u16,
    /// Seconds an ended terminal waits for `forget` before the holder leaves by itself.
    #[serde(default = "default_linger")]
    pub linger_secs: u64,
    /// Seconds in which nobody connects before the terminal is ended; 0: it is never ended for that.
    #[serde(default = "default_orphan")]
    pub orphan_secs: u64,
    /// Where the holder's own standard error goes. `None`: nowhere.
    #[serde(default)]
    pub log: Option<PathBuf>,
    /// Folder in which the output is kept, absolute and not there yet; see [`crate::history`]. `None`: nothing is kept on disk.
    #[serde(default)]
    pub history: Option<PathBuf>,
}

impl HolderConfig {
    /// A holder under `dir` with the login shell, 80x24, in the home directory.
    pub fn new(dir: impl Into<PathBuf>, id: TerminalId) -> Self {
        Self {
            dir: dir.into(),
            id,
            name: String::new(),
            command: Vec::new(),
            cwd: None,
            env: Vec::new(),
            env_remove: Vec::new(),
            cols: 80,
            rows: 24,
            linger_secs: default_linger(),
            orphan_secs: default_orphan(),
            log: None,
            history: None,
        }
    }

    /// Where this holder will listen.
    pub fn socket_path(&self) -> PathBuf {
        self.dir.join(self.id.to_string()).join(SOCKET)
    }
}

/// `meta.json`: what can be known about a holder without asking it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The terminal.
    pub id: TerminalId,
    /// A name for people.
    pub name: String,
    /// Program and arguments as started; empty only where the file was damaged.
    pub command: Vec<String>,
    /// Working directory at the start.
    pub cwd: PathBuf,
    /// Start, in seconds since 1970.
    pub started: u64,
    /// Newest version of the protocol that the holder speaks, see [`crate::wire::VERSION`].
    pub version: u16,
}

impl Meta {
    /// Of a holder whose file cannot be read: no more than where it was found.
    pub(crate) fn unknown(id: TerminalId) -> Self {
        Self {
            id,
            name: String::new(),
            command: Vec::new(),
            cwd: PathBuf::new(),
            started: 0,
            version: 0,
        }
    }
}

/// The socket's name in a holder's directory.
pub(crate) const SOCKET: &str = "socket";
/// The name of [`Meta`] in a holder's directory.
pub(crate) const META: &str = "meta.json";

fn default_linger() -> u64 {
    limits::LINGER.as_secs()
}

fn default_orphan() -> u64 {
    limits::ORPHAN.as_secs()
}
