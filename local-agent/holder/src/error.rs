//! Why a holder could not start or go on.

use std::io;
use std::path::PathBuf;

use crate::limits;

/// Faults of a holder at its start; after it is ready it has none left to return.
#[derive(Debug, thiserror::Error)]
pub enum HolderError {
    /// Standard input did not hold a configuration.
    #[error("the configuration could not be read: {0}")]
    ConfigUnreadable(#[source] io::Error),
    /// Standard input held something else than a configuration.
    #[error("the configuration is malformed: {0}")]
    ConfigMalformed(#[source] serde_json::Error),
    /// Columns or rows outside the bounds.
    #[error("a terminal of {cols}x{rows} is not between 1x1 and {max_cols}x{max_rows}", max_cols = limits::MAX_COLS, max_rows = limits::MAX_ROWS)]
    SizeOutOfBounds {
        /// Columns asked for.
        cols: u16,
        /// Rows asked for.
        rows: u16,
    },
    /// The directory of holders must be absolute.
    #[error("{0} is not an absolute path")]
    DirNotAbsolute(PathBuf),
    /// The kernel takes only short paths for Unix sockets.
    #[error("{0} is too long for a Unix socket ({max} bytes)", max = limits::SOCKET_PATH_BYTES)]
    SocketPathTooLong(PathBuf),
    /// A terminal with this id is already there.
    #[error("a terminal with this id is already held in {0}")]
    AlreadyHeld(PathBuf),
    /// The directory, socket or `meta.json` could not be made.
    #[error("{path} could not be made: {source}")]
    NotMade {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The working directory is not there.
    #[error("the working directory {0} is not there")]
    CwdMissing(PathBuf),
    /// No PTY to be had.
    #[error("no pty: {0}")]
    NoPty(#[source] io::Error),
    /// The program could not be started.
    #[error("{program} could not be started: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The process could not be set up: session, signals, runtime.
    #[error("the process could not be set up: {0}")]
    Process(#[source] io::Error),
}

/// Faults of [`crate::spawn_detached`].
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The binary could not be started.
    #[error("{exe} could not be started: {source}")]
    ExeNotStarted {
        /// The binary.
        exe: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log file could not be opened.
    #[error("{path} could not be opened: {source}")]
    LogNotOpened {
        /// The log file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration could not be handed over.
    #[error("the holder did not take its configuration: {0}")]
    ConfigNotTaken(#[source] io::Error),
    /// The holder said why it cannot run.
    #[error("{0}")]
    Refused(String),
    /// The holder ended without a word.
    #[error("the holder ended before it was ready")]
    Died,
    /// The holder said nothing within [`limits::START_WAIT`].
    #[error("the holder was not ready in time")]
    TimedOut,
}
