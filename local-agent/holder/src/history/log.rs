//! The segments of one terminal as its holder writes them. Blocking; for a thread of its own.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statvfs};

use super::codec::{MAGIC, push_size};
use super::{LOCK, META, Meta, path_of};
use crate::limits::{HISTORY_LEAVES_FREE, HISTORY_SEGMENT_BYTES, HISTORY_SEGMENTS};

/// Whole records, and what a reader must know who begins with them.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// Of the first record.
    pub(crate) ms: u64,
    /// The size of the terminal at the first record.
    pub(crate) size: (u16, u16),
}

/// Appends to the newest segment, begins the next when it is full, and drops the oldest.
pub(crate) struct Log {
    dir: PathBuf,
    /// The newest segment and how many bytes of it are whole records.
    segment: Option<(File, u64)>,
    /// Number of the next segment.
    next: usize,
    /// How much of the disk must be free beside what is written.
    leaves_free: u64,
    _lock: File,
}

impl Log {
    /// Makes the folder, `meta.json` and the lock. The first segment is made with the first record.
    pub(crate) fn create(dir: &Path, meta: &Meta) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = private(&dir.join(LOCK))?;
        // The file is new, so only somebody who looks whether this terminal lives can have it, and not for long.
        flock(&lock, FlockOperation::LockExclusive)?;
        private(&dir.join(META))?.write_all(&serde_json::to_vec(meta)?)?;
        Ok(Self {
            dir: dir.to_owned(),
            segment: None,
            next: 0,
            leaves_free: HISTORY_LEAVES_FREE,
            _lock: lock,
        })
    }

    /// Appends all of the batch, or nothing.
    pub(crate) fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let added = batch.bytes.len() as u64;
        let disk = statvfs(&self.dir)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < self.leaves_free.saturating_add(added) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let full = |(_, length): &(File, u64)| length + added > HISTORY_SEGMENT_BYTES;
        if self.segment.as_ref().is_none_or(full) {
            self.begin(batch)?;
        }
        let Some((file, length)) = &mut self.segment else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Err(error) = file.write_all(&batch.bytes) {
            // Half a record would hide those behind it. If it cannot be taken back, they go into another file.
            if file.set_len(*length).is_err() {
                self.segment = None;
            }
            return Err(error);
        }
        *length += added;
        Ok(())
    }

    /// Brings to the disk what was appended.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.segment
            .as_ref()
            .map_or(Ok(()), |(file, _)| file.sync_data())
    }

    /// Begins a segment. It says the size of the terminal first: what went before may be dropped one day.
    fn begin(&mut self, batch: &Batch) -> io::Result<()> {
        self.sync()?;
        let path = path_of(&self.dir, self.next);
        let mut head = MAGIC.to_vec();
        push_size(&mut head, batch.ms, batch.size);
        let mut file = private(&path)?;
        if let Err(error) = file.write_all(&head) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.segment = Some((file, head.len() as u64));
        self.next += 1;
        if let Some(oldest) = self.next.checked_sub(HISTORY_SEGMENTS + 1) {
            // Others are only there after a fault; then they are looked for one by one no more.
            let _ = fs::remove_file(path_of(&self.dir, oldest));
        }
        Ok(())
    }
}

/// A new file for its owner alone, written at its end only: what is taken back leaves no hole.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create_new(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::super::codec::push_output;
    use super::super::{What, is_live, read};
    use super::*;
    use crate::id::TerminalId;
    use crate::limits::HISTORY_RECORD_BYTES;
    use std::os::unix::fs::PermissionsExt as _;

    fn meta() -> Meta {
        Meta {
            id: TerminalId([7; 16]),
            name: "build".to_owned(),
            cwd: PathBuf::from("/src"),
            started: 1,
            cols: 80,
            rows: 24,
        }
    }

    fn batch(number: u64) -> Batch {
        let mut bytes = Vec::new();
        let size = HISTORY_RECORD_BYTES as u64;
        push_output(
            &mut bytes,
            number,
            number * size,
            (&[b'a'; HISTORY_RECORD_BYTES], b""),
        );
        Batch {
            bytes,
            ms: number,
            size: (100, 30),
        }
    }

    fn offsets(dir: &Path) -> Vec<u64> {
        let records = read(dir).unwrap().records;
        let offset = |record: &super::super::Record| match record.what {
            What::Output { offset, .. } => Some(offset / HISTORY_RECORD_BYTES as u64),
            What::Size { .. } | What::Exit(_) => None,
        };
        records.iter().filter_map(offset).collect()
    }

    #[test]
    fn the_oldest_segment_goes_when_there_are_too_many_and_what_stays_begins_with_a_size() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("history/x");
        let mut log = Log::create(&dir, &meta()).unwrap();
        let batches = 400;
        for number in 0..batches {
            log.append(&batch(number)).unwrap();
        }
        let files: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap())
            .collect();
        let total: u64 = files.iter().map(fs::Metadata::len).sum();
        assert!(total <= HISTORY_SEGMENT_BYTES * HISTORY_SEGMENTS as u64 + 1000);
        assert!(total > HISTORY_SEGMENT_BYTES * (HISTORY_SEGMENTS as u64 - 2));
        for file in &files {
            assert_eq!(file.permissions().mode() & 0o7777, 0o600);
        }
        let mode = fs::metadata(&dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        let offsets = offsets(&dir);
        assert!(offsets[0] > 0);
        let expected: Vec<u64> = (offsets[0]..batches).collect();
        assert_eq!(offsets, expected);
        let first = &read(&dir).unwrap().records[0].what;
        assert!(matches!(
            first,
            What::Size {
                cols: 100,
                rows: 30
            }
        ));
    }

    #[test]
    fn a_segment_that_cannot_be_begun_costs_nothing_when_it_can_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path(), &meta()).unwrap();
        let blocked = dir.path().join("00000001.log");
        fs::create_dir(&blocked).unwrap();
        let mut number = 0;
        while log.append(&batch(number)).is_ok() {
            number += 1;
        }
        assert!(log.append(&batch(number)).is_err(), "and again");
        fs::remove_dir(&blocked).unwrap();
        log.append(&batch(number)).unwrap();
        assert_eq!(offsets(dir.path()), (0..=number).collect::<Vec<_>>());
    }

    #[test]
    fn half_a_batch_on_a_disk_that_refuses_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path(), &meta()).unwrap();
        log.append(&batch(0)).unwrap();
        // A file opened for reading refuses every byte, as a full disk does.
        let (kept, length) = log.segment.take().unwrap();
        log.segment = Some((File::open(dir.path().join("00000000.log")).unwrap(), length));
        assert!(log.append(&batch(1)).is_err());
        // That one could not even be cut: the next records go into another segment.
        drop(kept);
        log.append(&batch(2)).unwrap();
        assert_eq!(offsets(dir.path()), [0, 2], "the gap shows");
        assert!(dir.path().join("00000001.log").exists());
    }

    #[test]
    fn the_last_of_a_disk_is_left_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path(), &meta()).unwrap();
        log.append(&batch(0)).unwrap();
        log.leaves_free = u64::MAX;
        let refused = log.append(&batch(1)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        log.leaves_free = HISTORY_LEAVES_FREE;
        log.append(&batch(2)).unwrap();
        assert_eq!(offsets(dir.path()), [0, 2], "the gap shows");
    }

    #[test]
    fn a_terminal_is_live_while_its_log_is_held_and_no_second_one_writes_there() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(dir.path(), &meta()).unwrap();
        assert!(is_live(dir.path()).unwrap());
        assert!(Log::create(dir.path(), &meta()).is_err());
        drop(log);
        assert!(!is_live(dir.path()).unwrap());
        assert!(
            Log::create(dir.path(), &meta()).is_err(),
            "an id is used once"
        );
    }
}
