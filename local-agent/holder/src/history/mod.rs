//! What a terminal has printed, kept on disk while it runs and after it.
//!
//! A folder a terminal: [`Meta`] in `meta.json`, and segments (`00000000.log`, `00000001.log`, ...) of [`Record`]s, of which the oldest is
//! dropped when there are too many. `lock` is held for as long as the holder lives; the kernel lets go of it however that ends.
//!
//! - [`codec`] is the form of a record, free of IO.
//! - [`read()`] and [`is_live`] are for those who look; they need neither holder nor agent.

pub mod codec;
mod log;
mod read;
mod summary;

pub use codec::{Record, What};
pub(crate) use log::{Batch, Log};
pub use read::{Past, Reader, is_live, meta, read, rename};
pub use summary::{Summary, summary};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::id::TerminalId;

/// `meta.json`: what is known of a terminal beside its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The terminal.
    pub id: TerminalId,
    /// A name for people.
    pub name: String,
    /// Working directory at the start.
    pub cwd: PathBuf,
    /// Start, in seconds since 1970. Times of records count from here.
    pub started: u64,
    /// Columns at the start.
    pub cols: u16,
    /// Rows at the start.
    pub rows: u16,
}

/// The name of [`Meta`] in the folder of a terminal.
const META: &str = "meta.json";
/// The file that a living holder has locked.
const LOCK: &str = "lock";
/// The end of a segment's name.
const SEGMENT: &str = ".log";

/// Where a segment is.
fn path_of(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("{number:08}{SEGMENT}"))
}
