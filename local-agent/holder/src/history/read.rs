//! Reading what is kept of a terminal, whether it lives or not. Damage costs what lies behind it in its segment, and nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::codec::{Decoded, MAGIC, Record, decode};
use super::{LOCK, META, Meta, SEGMENT};
use crate::limits;

/// What is kept of a terminal.
#[derive(Debug, Default)]
pub struct Past {
    /// In the order in which it happened. Offsets tell what is missing.
    pub records: Vec<Record>,
    /// Segments that hold more than can be read: damaged, or cut off in the middle of a record.
    pub damaged: Vec<PathBuf>,
}

/// Reads all that is kept in a terminal's folder. A segment that its holder drops in the meantime is left out.
///
/// # Errors
/// The folder or a segment in it cannot be read.
pub fn read(dir: &Path) -> io::Result<Past> {
    let mut past = Past::default();
    for path in segments(dir)? {
        let bytes = match read_at_most(&path, limits::HISTORY_SEGMENT_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            past.damaged.push(path);
            continue;
        };
        while let Decoded::Record(record, used) = decode(rest) {
            past.records.push(record);
            rest = rest.get(used..).unwrap_or_default();
        }
        if !rest.is_empty() {
            past.damaged.push(path);
        }
    }
    Ok(past)
}

/// What is known of a terminal beside its output.
///
/// # Errors
/// `meta.json` is missing or damaged.
pub fn meta(dir: &Path) -> io::Result<Meta> {
    let bytes = read_at_most(&dir.join(META), limits::META_BYTES)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Gives a terminal another name in what is kept of it. The holder itself never reads what it has written there.
///
/// # Errors
/// Nothing is kept of it, or it cannot be written.
pub fn rename(dir: &Path, name: &str) -> io::Result<()> {
    let mut meta = meta(dir)?;
    name.clone_into(&mut meta.name);
    let fresh = dir.join(FRESH);
    let write = || {
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(&serde_json::to_vec(&meta)?)?;
        fs::rename(&fresh, dir.join(META))
    };
    write().inspect_err(|_| drop(fs::remove_file(&fresh)))
}

/// Whether the holder that writes there lives.
///
/// # Errors
/// The lock cannot be looked at.
pub fn is_live(dir: &Path) -> io::Result<bool> {
    let file = match File::open(dir.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    // Shared: two who look at once do not take each other for the holder.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Where the next `meta.json` is written before it takes its place.
const FRESH: &str = ".meta.json";

/// Oldest first.
fn segments(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(SEGMENT));
        let number = number.and_then(|number| number.parse::<usize>().ok());
        // What is no file may keep its reader waiting.
        if let Some(number) = number
            && entry.file_type()?.is_file()
        {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
