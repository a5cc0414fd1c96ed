//! What is kept of terminals on this machine's disk: found, measured, removed. The agent and the owner's commands both look here.
//!
//! A folder a terminal, written by its holder ([`lanyard_holder::history`]). What else lies there is told of, and left alone.

pub mod cast;
pub mod plain;
mod retention;

pub use retention::{Kept, Retention};

use lanyard_holder::history::{self, Meta, Summary};
use lanyard_holder::wire::ExitStatus;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::{Exit, Grid, PastTerminal};
use lanyard_shared::time::UnixMs;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of all that is kept.
#[derive(Clone, Debug)]
pub struct Shelf(PathBuf);

/// What is kept of one terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As a device is told of it.
    pub past: PastTerminal,
    /// Its holder lives, so there may be more of it.
    pub live: bool,
    /// What it takes on the disk.
    pub bytes: u64,
    /// Its name and folder are lost: the file with them is missing or damaged.
    pub nameless: bool,
}

/// What lies there.
#[derive(Debug, Default)]
pub struct Listing {
    /// The folders of terminals.
    pub ids: Vec<TerminalId>,
    /// What is none.
    pub odd: Vec<PathBuf>,
}

impl Shelf {
    /// All that is kept in this folder, which need not be there yet.
    #[must_use]
    pub const fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Where a terminal's holder writes.
    #[must_use]
    pub fn folder(&self, id: TerminalId) -> PathBuf {
        // In the alphabet of the folder of holders, so that a person finds both.
        self.0.join(lanyard_holder::TerminalId(id.0).to_string())
    }

    /// What lies there. What a removal that was cut short has left is removed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let removed = name.strip_prefix(REMOVED);
            let id = removed
                .unwrap_or(name)
                .parse::<lanyard_holder::TerminalId>();
            match id {
                Ok(_) if !is_ours(&entry.path())? => listing.odd.push(entry.path()),
                Ok(_) if removed.is_some() => fs::remove_dir_all(entry.path())?,
                Ok(id) => listing.ids.push(TerminalId(id.0)),
                Err(_) => listing.odd.push(entry.path()),
            }
        }
        Ok(listing)
    }

    /// What is kept of a terminal; `None` if nothing is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn find(&self, id: TerminalId) -> io::Result<Option<Found>> {
        let dir = self.folder(id);
        if !is_ours(&dir)? {
            return Ok(None);
        }
        let meta = history::meta(&dir).ok().filter(|meta| meta.id.0 == id.0);
        let nameless = meta.is_none();
        let summary = match history::summary(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        Ok(Some(Found {
            bytes: summary.bytes,
            live: history::is_live(&dir)?,
            past: past(id, meta, &summary),
            nameless,
        }))
    }

    /// Removes what is kept of a terminal. `Ok` as well if nothing is.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn remove(&self, id: TerminalId) -> io::Result<()> {
        let dir = self.folder(id);
        if !is_ours(&dir)? {
            return Ok(());
        }
        // Out of sight in one step: half of it is never taken for all of it.
        let removed = self
            .0
            .join(format!("{REMOVED}{}", lanyard_holder::TerminalId(id.0)));
        match fs::rename(&dir, &removed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => fs::remove_dir_all(removed),
        }
    }

    /// Gives a terminal another name in what is kept of it, if anything is.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn rename(&self, id: TerminalId, name: &str) -> io::Result<()> {
        match history::rename(&self.folder(id), name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }
}

/// Before the name of a folder that is being removed.
const REMOVED: &str = ".removed-";

/// How a program ended, as devices are told.
#[must_use]
pub const fn exit(status: ExitStatus) -> Exit {
    match status {
        ExitStatus::Code(code) => Exit::Status {
            code: code.cast_unsigned(),
        },
        ExitStatus::Signal(number) => Exit::Signal {
            number: number.cast_unsigned(),
        },
    }
}

/// Whether it is a folder of this user and no link to one; false also if nothing is there.
fn is_ours(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => {
            Ok(metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn past(id: TerminalId, meta: Option<Meta>, summary: &Summary) -> PastTerminal {
    let ended = unix(summary.touched);
    let (cols, rows) = summary
        .size
        .or_else(|| meta.as_ref().map(|meta| (meta.cols, meta.rows)))
        .unwrap_or((80, 24));
    let started = meta
        .as_ref()
        .map_or(ended, |meta| UnixMs::from_secs(meta.started));
    PastTerminal {
        id,
        cwd: meta
            .as_ref()
            .map_or_else(String::new, |meta| meta.cwd.display().to_string()),
        name: meta.map_or_else(String::new, |meta| meta.name),
        started,
        // By the clock of the disk, which a sleep of the machine does not stop.
        ended: ended.max(started),
        exit: summary.exit.map(exit),
        grid: Grid { cols, rows },
        kept: summary.end.saturating_sub(summary.first),
        dropped: summary.first,
    }
}

fn unix(time: SystemTime) -> UnixMs {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    UnixMs(since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }))
}

#[cfg(test)]
mod tests;
