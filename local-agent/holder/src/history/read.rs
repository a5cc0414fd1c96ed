//! Reading what is kept of a terminal, whether it lives or not. Damage costs what lies behind it in its segment, and nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::codec::{Decoded, MAGIC, Record, decode};
use super::{LOCK, META, Meta, SEGMENT, path_of};
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
    let mut reader = Reader::new(dir);
    let mut records = Vec::new();
    loop {
        let more = reader.more()?;
        if more.is_empty() {
            return Ok(Past {
                records,
                damaged: reader.damaged(),
            });
        }
        records.extend(more);
    }
}

/// Reads what is kept of a terminal piece by piece, also while its holder writes.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    /// The segment that is read, and how many bytes of it were.
    place: Option<(usize, u64)>,
    /// Segments before it that hold more than could be read.
    damaged: Vec<PathBuf>,
}

impl Reader {
    /// From the first record on.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            place: None,
            damaged: Vec::new(),
        }
    }

    /// The next records: at most a segment of them, none when there are no more now. A segment that is dropped in the meantime is left out.
    ///
    /// # Errors
    /// The folder or a segment in it cannot be read. Asked again, it tries again.
    pub fn more(&mut self) -> io::Result<Vec<Record>> {
        loop {
            // Looked for first: when there is a later segment, this one is whole, and what is read of it now is all.
            let later = self.later()?;
            let found = self.of_this()?;
            if !found.is_empty() {
                return Ok(found);
            }
            let Some(next) = later else {
                return Ok(found);
            };
            self.damaged.extend(self.unread()?);
            self.place = Some((next, 0));
        }
    }

    /// Segments up to here that hold more than can be read. Of a terminal that lives, the last of them may still be being written.
    #[must_use]
    pub fn damaged(&self) -> Vec<PathBuf> {
        let last = self.unread().unwrap_or_default();
        self.damaged.iter().cloned().chain(last).collect()
    }

    fn later(&self) -> io::Result<Option<usize>> {
        let after = self.place.map(|(number, _)| number);
        let mut numbers = segments(&self.dir)?.into_iter();
        Ok(numbers.find(|number| after.is_none_or(|after| *number > after)))
    }

    /// What has come in the present segment since.
    fn of_this(&mut self) -> io::Result<Vec<Record>> {
        match &mut self.place {
            Some((number, used)) => whole_records(&path_of(&self.dir, *number), used),
            None => Ok(Vec::new()),
        }
    }

    /// The present segment, if there is more in it than was read.
    fn unread(&self) -> io::Result<Option<PathBuf>> {
        let Some((number, used)) = self.place else {
            return Ok(None);
        };
        let path = path_of(&self.dir, number);
        // Even an empty file is damaged: it begins with what it is.
        let rest = !read_from(&path, used)?.is_empty() || (used == 0 && path.exists());
        Ok(rest.then_some(path))
    }
}

/// All that one segment holds.
pub(super) fn records_of(dir: &Path, number: usize) -> io::Result<Vec<Record>> {
    whole_records(&path_of(dir, number), &mut 0)
}

/// The whole records of a segment behind what was used of it.
fn whole_records(path: &Path, used: &mut u64) -> io::Result<Vec<Record>> {
    let bytes = read_from(path, *used)?;
    let mut rest = bytes.as_slice();
    if *used == 0 {
        let Some(records) = rest.strip_prefix(MAGIC) else {
            return Ok(Vec::new());
        };
        rest = records;
        *used = MAGIC.len() as u64;
    }
    let mut found = Vec::new();
    while let Decoded::Record(record, length) = decode(rest) {
        found.push(record);
        rest = rest.get(length..).unwrap_or_default();
        *used += length as u64;
    }
    Ok(found)
}

/// What is known of a terminal beside its output.
///
/// # Errors
/// `meta.json` is missing or damaged.
pub fn meta(dir: &Path) -> io::Result<Meta> {
    let mut bytes = Vec::new();
    let file = File::open(dir.join(META))?;
    file.take(limits::META_BYTES).read_to_end(&mut bytes)?;
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

/// Their numbers, the oldest first.
pub(super) fn segments(dir: &Path) -> io::Result<Vec<usize>> {
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
            found.push(number);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// What a segment holds from there on; nothing if it was dropped.
fn read_from(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    let most = limits::HISTORY_SEGMENT_BYTES.saturating_sub(from);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::codec::push_output;
    use super::super::{Batch, Log, What, summary};
    use super::*;
    use crate::id::TerminalId;

    const SIZE: u64 = 30_000;

    fn log(dir: &Path) -> Log {
        let meta = Meta {
            id: TerminalId([7; 16]),
            name: String::new(),
            cwd: PathBuf::from("/"),
            started: 1,
            cols: 80,
            rows: 24,
        };
        Log::create(dir, &meta).unwrap()
    }

    fn batch(number: u64) -> Batch {
        let mut bytes = Vec::new();
        push_output(
            &mut bytes,
            number,
            number * SIZE,
            (&[b'a'; SIZE as usize], b""),
        );
        Batch {
            bytes,
            ms: number,
            size: (100, 30),
        }
    }

    fn numbers(records: &[Record]) -> Vec<u64> {
        let number = |record: &Record| match record.what {
            What::Output { offset, .. } => Some(offset / SIZE),
            What::Size { .. } | What::Exit(_) => None,
        };
        records.iter().filter_map(number).collect()
    }

    #[test]
    fn who_reads_while_it_is_written_gets_every_record_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path());
        let mut reader = Reader::new(dir.path());
        let mut found = Vec::new();
        assert!(reader.more().unwrap().is_empty());
        for number in 0..150 {
            log.append(&batch(number)).unwrap();
            if number % 7 == 0 {
                found.extend(reader.more().unwrap());
            }
        }
        loop {
            let more = reader.more().unwrap();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        assert_eq!(numbers(&found), (0..150).collect::<Vec<_>>());
        assert!(reader.damaged().is_empty());
    }

    #[test]
    fn half_a_record_waits_for_its_other_half_and_is_damage_when_it_never_comes() {
        let dir = tempfile::tempdir().unwrap();
        let _log = log(dir.path());
        let bytes = batch(0).bytes;
        let path = path_of(dir.path(), 0);
        let half = [MAGIC.as_slice(), &bytes[..100]].concat();
        fs::write(&path, &half).unwrap();
        let mut reader = Reader::new(dir.path());
        assert!(reader.more().unwrap().is_empty());
        fs::write(&path, [MAGIC.as_slice(), &bytes].concat()).unwrap();
        assert_eq!(numbers(&reader.more().unwrap()), [0]);
        assert!(reader.damaged().is_empty());
        fs::write(&path, half).unwrap();
        assert_eq!(read(dir.path()).unwrap().damaged, [path]);
    }

    #[test]
    fn in_short_is_what_all_of_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path());
        assert_eq!(summary(dir.path()).unwrap().size, None);
        for number in 0..400 {
            log.append(&batch(number)).unwrap();
        }
        let short = summary(dir.path()).unwrap();
        let all = numbers(&read(dir.path()).unwrap().records);
        assert_eq!(short.first, all[0] * SIZE);
        assert!(all[0] > 0, "the oldest was dropped");
        assert_eq!((short.end, short.size), (400 * SIZE, Some((100, 30))));
        assert_eq!(short.exit, None);
        // The newest may be damaged whole: then the one before it is the end.
        let newest = segments(dir.path()).unwrap().pop().unwrap();
        fs::write(path_of(dir.path(), newest), "no segment").unwrap();
        let short = summary(dir.path()).unwrap();
        let all = numbers(&read(dir.path()).unwrap().records);
        assert_eq!(short.end, (all.last().unwrap() + 1) * SIZE);
    }
}
