//! The audit log on the disk: a line is there, or it is not, whatever happens to the machine.

use super::Event;
use super::chain::{Broken, Entry, Head};
use super::sense::Sense;
use crate::limits::AUDIT_LINE_MAX;
use lanyard_shared::time::UnixMs;
use rustix::fs::{Mode, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It is not what was written.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The log that the agent writes.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    path: PathBuf,
    length: u64,
    head: Head,
}

/// Lines of a log, each checked against those before it.
#[derive(Debug)]
pub struct Lines {
    from: BufReader<File>,
    path: PathBuf,
    head: Head,
    sense: Sense,
    /// Bytes of whole lines so far.
    length: u64,
    /// Bytes behind them that are no whole line.
    torn: u64,
}

impl Lines {
    /// From the beginning.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
            .map_err(at(path))?;
        Ok(Self::of(file, path))
    }

    fn of(file: File, path: &Path) -> Self {
        Self {
            from: BufReader::new(file),
            path: path.to_owned(),
            head: Head::EMPTY,
            sense: Sense::default(),
            length: 0,
            torn: 0,
        }
    }

    /// Behind what was read.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The next line; `None` at the end, or where the last one is not whole yet. What comes later can be read later.
    ///
    /// # Errors
    /// It does not follow, or cannot be read.
    pub fn next_line(&mut self) -> Result<Option<(String, Entry)>, AuditError> {
        let mut line = Vec::new();
        let most = AUDIT_LINE_MAX as u64 + 1;
        let read = self.from.by_ref().take(most).read_until(b'\n', &mut line);
        let read = read.map_err(at(&self.path))? as u64;
        if line.pop() != Some(b'\n') {
            if read == most {
                return Err(Broken {
                    line: self.head.count + 1,
                    why: "is too long",
                }
                .into());
            }
            self.torn = read;
            let whole = SeekFrom::Start(self.length);
            self.from.seek(whole).map_err(at(&self.path))?;
            return Ok(None);
        }
        let (entry, head) = self.head.follow(&line)?;
        let nonsense = |why| Broken {
            line: head.count,
            why,
        };
        self.sense.follow(&entry.event).map_err(nonsense)?;
        self.head = head;
        self.length += read;
        Ok(Some((String::from_utf8_lossy(&line).into_owned(), entry)))
    }
}

impl AuditLog {
    /// Opens it, or makes it, and looks through all of it. A last line that was not written whole is taken away, which the log says.
    ///
    /// # Errors
    /// It is not what was written, or the disk does not take it.
    pub fn open(path: &Path, now: UnixMs) -> Result<Self, AuditError> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode((Mode::RUSR | Mode::WUSR).bits())
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
            .map_err(at(path))?;
        let mut lines = Lines::of(file.try_clone().map_err(at(path))?, path);
        while lines.next_line()?.is_some() {}
        let mut log = Self {
            file,
            path: path.to_owned(),
            length: lines.length,
            head: lines.head,
        };
        if lines.torn > 0 {
            log.cut_back()?;
            log.append(now, Event::Torn { bytes: lines.torn })?;
        }
        Ok(log)
    }

    /// How far it goes.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Writes a line. It is on the disk when this returns.
    ///
    /// # Errors
    /// The disk did not take it; then it is not there.
    pub fn append(&mut self, at_time: UnixMs, event: Event) -> Result<Head, AuditError> {
        let (line, head) = self.head.next(at_time, event);
        if line.len() > AUDIT_LINE_MAX {
            let error = io::Error::other("a line would be too long");
            return Err(at(&self.path)(error));
        }
        // A line that failed before may have left some of itself.
        self.cut_back()?;
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let _ = self.cut_back();
            return Err(at(&self.path)(error));
        }
        self.length += line.len() as u64;
        self.head = head;
        Ok(head)
    }

    fn cut_back(&mut self) -> Result<(), AuditError> {
        let length = self.file.metadata().map_err(at(&self.path))?.len();
        if length > self.length {
            self.file.set_len(self.length).map_err(at(&self.path))?;
        }
        Ok(())
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> AuditError {
    let path = path.to_owned();
    move |source| AuditError::Io {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> Event {
        Event::Torn { bytes: number }
    }

    #[test]
    fn a_log_goes_on_where_it_ended_and_drops_a_line_that_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut log = AuditLog::open(&path, UnixMs(1)).unwrap();
        let head = log.append(UnixMs(1), event(1)).unwrap();
        drop(log);
        let log = AuditLog::open(&path, UnixMs(2)).unwrap();
        assert_eq!(log.head(), head);
        drop(log);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"n\":2,\"at\"").unwrap();
        let log = AuditLog::open(&path, UnixMs(3)).unwrap();
        assert_eq!(log.head().count, 2);
        let mut lines = Lines::open(&path).unwrap();
        let (_, first) = lines.next_line().unwrap().unwrap();
        let (_, second) = lines.next_line().unwrap().unwrap();
        assert_eq!((first.event, second.event), (event(1), event(11)));
        assert!(lines.next_line().unwrap().is_none());
        assert_eq!(lines.head(), log.head());
    }

    #[test]
    fn an_edited_log_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut log = AuditLog::open(&path, UnixMs(1)).unwrap();
        for number in 1..4 {
            log.append(UnixMs(number), event(number)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"bytes\":2", "\"bytes\":9")).unwrap();
        let why = AuditLog::open(&path, UnixMs(1)).unwrap_err().to_string();
        assert!(why.contains("line 3"), "{why}");
    }

    #[test]
    fn a_reader_hears_of_lines_that_come_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut log = AuditLog::open(&path, UnixMs(1)).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        assert!(lines.next_line().unwrap().is_none());
        log.append(UnixMs(1), event(7)).unwrap();
        assert_eq!(lines.next_line().unwrap().unwrap().1.event, event(7));
    }
}
