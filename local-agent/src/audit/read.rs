//! Reading the log, each line checked against those before it.

use super::Event;
use super::chain::{self, Broken, Entry, Head};
use super::segments::{self, Segment, at};
use super::sense::Sense;
use crate::limits::AUDIT_LINE_MAX;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
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

/// Lines of a log.
#[derive(Debug)]
pub struct Lines {
    dir: PathBuf,
    open: Option<Open>,
    /// Files behind the present one.
    later: VecDeque<Segment>,
    head: Head,
    /// Behind which line the first one here stands.
    start: Head,
    /// Up to where lines were removed, as the log says.
    removed: Option<Head>,
    sense: Sense,
}

/// The present file.
#[derive(Debug)]
struct Open {
    segment: Segment,
    from: BufReader<File>,
    /// Bytes of whole lines so far.
    length: u64,
    /// Bytes behind them that are no whole line.
    torn: u64,
}

/// A line that was read.
#[derive(Debug)]
pub struct Line {
    /// As it stands, without its end.
    pub text: String,
    /// What it says.
    pub entry: Entry,
    /// The file in which it stands, by its first line.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
}

impl Lines {
    /// From the beginning of the log in this folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(dir: &Path) -> Result<Self, AuditError> {
        let mut lines = Self {
            dir: dir.to_owned(),
            open: None,
            later: segments::list(dir)?.into(),
            head: Head::EMPTY,
            start: Head::EMPTY,
            removed: None,
            sense: Sense::default(),
        };
        lines.next_segment()?;
        Ok(lines)
    }

    /// Whether there is anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_none()
    }

    /// Behind what was read.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// What the lines so far have said.
    #[must_use]
    pub fn sense(&self) -> &Sense {
        &self.sense
    }

    /// Up to where lines were removed, as the log says.
    #[must_use]
    pub fn removed(&self) -> Option<Head> {
        self.removed
    }

    /// The file that was read last, how long its whole lines are, and how many bytes stand behind them.
    pub(super) fn end(&self) -> Option<(Segment, u64, u64)> {
        let open = self.open.as_ref()?;
        Some((open.segment.clone(), open.length, open.torn))
    }

    /// The next line; `None` at the end, or where the last one is not whole yet. What comes later can be read later.
    ///
    /// # Errors
    /// It does not follow, or cannot be read.
    pub fn next_line(&mut self) -> Result<Option<Line>, AuditError> {
        loop {
            let Some(open) = &mut self.open else {
                self.later = segments::list(&self.dir)?.into();
                if !self.next_segment()? {
                    return Ok(None);
                }
                continue;
            };
            let offset = open.length;
            if let Some(text) = open.read(self.head)? {
                let segment = open.segment.first;
                let entry = self.follow(&text)?;
                let text = String::from_utf8_lossy(&text).into_owned();
                return Ok(Some(Line {
                    text,
                    entry,
                    segment,
                    offset,
                }));
            }
            if self.later.is_empty() {
                let here = open.segment.first;
                let all = segments::list(&self.dir)?;
                self.later = all.into_iter().filter(|one| one.first > here).collect();
            }
            if self.later.is_empty() {
                return Ok(None);
            }
            if open.torn > 0 {
                return Err(self.broken("is not whole").into());
            }
            self.next_segment()?;
        }
    }

    /// Whether what stands before the first line here was removed by the agent, as the log says. To be asked at the end.
    ///
    /// # Errors
    /// It was taken away by somebody else.
    pub fn check_beginning(&self) -> Result<(), Broken> {
        let said = self.removed.map_or(0, |removed| removed.count);
        // What was said to be removed may still be there: a crash came between.
        if self.start.count <= said {
            return Ok(());
        }
        Err(Broken {
            line: self.start.count,
            why: "is missing with all before it, and nothing says that they were removed",
        })
    }

    fn follow(&mut self, text: &[u8]) -> Result<Entry, AuditError> {
        let nothing_before = self.head.count == self.start.count;
        if nothing_before && self.start.count > 0 {
            // What stood before it is gone; what it says of that is all there is.
            let before = chain::before(text).ok_or_else(|| self.broken("cannot be read"))?;
            if before.count != self.start.count {
                return Err(self.broken("has another number than its place").into());
            }
            (self.start, self.head) = (before, before);
        }
        let before = self.head;
        let (entry, head) = chain::follow(before, text)?;
        let nonsense = |why| Broken {
            line: head.count,
            why,
        };
        self.sense.follow(&entry.event, before).map_err(nonsense)?;
        if let Event::Removed { through } = entry.event {
            self.removed = Some(through);
        }
        self.head = head;
        Ok(entry)
    }

    fn next_segment(&mut self) -> Result<bool, AuditError> {
        let Some(segment) = self.later.pop_front() else {
            return Ok(false);
        };
        let before = segment.first.saturating_sub(1);
        if self.open.is_none() {
            self.start.count = before;
            self.head.count = before;
        } else if before != self.head.count {
            return Err(self.broken("is missing").into());
        }
        let from = BufReader::new(segments::open(&segment.path)?);
        self.open = Some(Open {
            segment,
            from,
            length: 0,
            torn: 0,
        });
        Ok(true)
    }

    fn broken(&self, why: &'static str) -> Broken {
        Broken {
            line: self.head.count + 1,
            why,
        }
    }
}

impl Open {
    fn read(&mut self, head: Head) -> Result<Option<Vec<u8>>, AuditError> {
        let path = &self.segment.path;
        let Some(line) = read_line(&mut self.from, head.count + 1, path)? else {
            let here = SeekFrom::Start(self.length);
            let end = self.from.seek(SeekFrom::End(0)).map_err(at(path))?;
            self.from.seek(here).map_err(at(path))?;
            self.torn = end.saturating_sub(self.length);
            return Ok(None);
        };
        self.length += line.len() as u64 + 1;
        Ok(Some(line))
    }
}

/// A line without its end; `None` if there is no whole one.
fn read_line(
    from: &mut BufReader<File>,
    number: u64,
    path: &Path,
) -> Result<Option<Vec<u8>>, AuditError> {
    let mut line = Vec::new();
    let most = AUDIT_LINE_MAX as u64 + 1;
    let read = from.by_ref().take(most).read_until(b'\n', &mut line);
    let read = read.map_err(at(path))? as u64;
    if line.pop() == Some(b'\n') {
        return Ok(Some(line));
    }
    if read == most {
        let why = "is too long";
        return Err(Broken { line: number, why }.into());
    }
    Ok(None)
}

/// Lines of one file from a place on, unchecked: at most so many, and at most so many bytes, but at least one.
pub(super) fn some(
    segment: &Segment,
    offset: u64,
    skip: u64,
    (lines, bytes): (u64, usize),
) -> Result<Vec<u8>, AuditError> {
    let mut from = BufReader::new(segments::open(&segment.path)?);
    from.seek(SeekFrom::Start(offset))
        .map_err(at(&segment.path))?;
    let mut text = Vec::new();
    for number in 0..skip + lines {
        let Some(line) = read_line(&mut from, number, &segment.path)? else {
            break;
        };
        if number < skip {
            continue;
        }
        if !text.is_empty() && text.len() + line.len() >= bytes {
            break;
        }
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    Ok(text)
}
