//! The files of the log: each is named after its first line, and the next one goes on where it ends.

use super::read::AuditError;
use crate::limits::AUDIT_SEGMENTS_MAX;
use rustix::fs::{Mode, OFlags};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const ENDING: &str = ".jsonl";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number of its first line, from 1.
    pub first: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// The files there are, the oldest first. What has another name is nobody's.
///
/// # Errors
/// The folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<Segment>, AuditError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(at(dir))?,
    };
    for entry in entries.take(AUDIT_SEGMENTS_MAX) {
        let entry = entry.map_err(at(dir))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ENDING));
        if let Some(first) = number.and_then(|number| number.parse().ok()) {
            let segment = of(dir, first);
            if segment.path == entry.path() {
                found.push(segment);
            }
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found)
}

/// The file that begins with this line.
#[must_use]
pub fn of(dir: &Path, first: u64) -> Segment {
    Segment {
        first,
        path: dir.join(format!("{first:016}{ENDING}")),
    }
}

/// Opens one to read.
///
/// # Errors
/// It cannot be.
pub fn open(path: &Path) -> Result<File, AuditError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags);
    options.open(path).map_err(at(path))
}

/// Opens one to write, or makes it.
///
/// # Errors
/// It cannot be.
pub fn open_to_write(dir: &Path, segment: &Segment) -> Result<File, AuditError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(at(dir)(error)),
        Ok(()) | Err(_) => {}
    }
    let path = &segment.path;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    options.mode((Mode::RUSR | Mode::WUSR).bits());
    let file = options.custom_flags(flags).open(path).map_err(at(path))?;
    // Its name must be on the disk before what is in it is relied on.
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(at(dir))?;
    Ok(file)
}

/// What went wrong with which file.
pub fn at(path: &Path) -> impl Fn(io::Error) -> AuditError {
    let path = path.to_owned();
    move |source| AuditError::Io {
        path: path.clone(),
        source,
    }
}
