//! The audit log on the disk: a line is there, or it is not, whatever happens to the machine.

use super::Event;
use super::chain::{self, Head};
use super::read::{AuditError, Lines, some};
use super::segments::{self, Segment, at};
use crate::limits::{
    AUDIT_INDEX_EVERY, AUDIT_LINE_MAX, AUDIT_PAGE, AUDIT_PAGE_BYTES, AUDIT_SEGMENT,
};
use lanyard_shared::b64;
use lanyard_shared::ids::AgentId;
use lanyard_shared::time::UnixMs;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The log that the agent writes.
#[derive(Debug)]
pub struct AuditLog {
    dir: PathBuf,
    file: File,
    parts: VecDeque<Part>,
    head: Head,
}

/// One of its files. The last one is written.
#[derive(Debug)]
struct Part {
    segment: Segment,
    length: u64,
    /// When its last line was written.
    latest: UnixMs,
    /// Where each [`AUDIT_INDEX_EVERY`]-th line stands, from its first on.
    index: Vec<u64>,
    /// Behind its last line.
    end: Head,
}

/// Whose log it is, as each of its files says first.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The machine.
    pub agent: AgentId,
    /// Its identity key.
    pub key: [u8; 32],
}

/// Some lines of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of the first one; 0 if there is none.
    pub first: u64,
    /// As they stand, with their ends.
    pub text: String,
    /// Whether there are earlier ones.
    pub more: bool,
}

impl AuditLog {
    /// Opens it, or makes it, and looks through all of it. A last line that was not written whole is taken away, which the log says. Beside it what
    /// the log says of its key; nothing of a new one.
    ///
    /// # Errors
    /// It is not what was written, or the disk does not take it.
    pub fn open(dir: &Path, now: UnixMs) -> Result<(Self, Option<[u8; 32]>), AuditError> {
        let mut lines = Lines::open(dir)?;
        let mut parts: VecDeque<Part> = VecDeque::new();
        while let Some(line) = lines.next_line()? {
            if parts
                .back()
                .is_none_or(|part| part.segment.first != line.segment)
            {
                parts.push_back(Part::new(segments::of(dir, line.segment)));
            }
            if let Some(part) = parts.back_mut() {
                part.grow(line.entry.n, line.text.len() as u64 + 1);
                (part.latest, part.end) = (line.entry.at, lines.head());
            }
        }
        lines.check_beginning()?;
        let (segment, length, torn) = lines.end().unwrap_or_else(|| (segments::of(dir, 1), 0, 0));
        if parts.back().is_none_or(|part| part.segment != segment) {
            parts.push_back(Part::new(segment.clone()));
        }
        let mut log = Self {
            dir: dir.to_owned(),
            file: segments::open_to_write(dir, &segment)?,
            parts,
            head: lines.head(),
        };
        debug_assert_eq!(log.parts.back().map(|part| part.length), Some(length));
        if torn > 0 {
            log.cut_back()?;
            log.write(now, Event::Torn { bytes: torn }, true)?;
        }
        // A crash may have come between saying that files are removed and removing them.
        if let Some(removed) = lines.removed() {
            log.remove_through(removed.count)?;
        }
        Ok((log, lines.sense().key()))
    }

    /// How far it goes.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Writes a line, at the beginning of a new file if the present one is long enough. It is on the disk when this returns, if it must be.
    ///
    /// # Errors
    /// The disk did not take it; then it is not there.
    pub fn append(&mut self, now: UnixMs, event: Event, owner: Owner) -> Result<Head, AuditError> {
        let present = self.parts.back();
        if present.is_some_and(|part| part.length >= AUDIT_SEGMENT) {
            self.begin_another(now, owner)?;
        }
        let durable = event.is_durable();
        self.write(now, event, durable)
    }

    /// Removes whole files of which the last line is older than this, and the oldest ones while all together are larger than that; the log says so
    /// first.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn expire(
        &mut self,
        now: UnixMs,
        keep: Duration,
        total: u64,
        owner: Owner,
    ) -> Result<(), AuditError> {
        let mut sum: u64 = self.parts.iter().map(|part| part.length).sum();
        let mut through = None;
        let last = self.parts.len().saturating_sub(1);
        for part in self.parts.iter().take(last) {
            if sum <= total && part.latest.until(now) < keep {
                break;
            }
            sum = sum.saturating_sub(part.length);
            through = Some(part.end);
        }
        if let Some(through) = through {
            self.append(now, Event::Removed { through }, owner)?;
            self.remove_through(through.count)?;
        }
        Ok(())
    }

    /// The lines before this one, or the last ones.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn page(&self, before: Option<u64>) -> Result<Page, AuditError> {
        let end = before.map_or(self.head.count, |before| {
            before.saturating_sub(1).min(self.head.count)
        });
        let nothing = Page {
            first: 0,
            text: String::new(),
            more: false,
        };
        let Some(part) = self.part_of(end).filter(|_| end > 0) else {
            return Ok(nothing);
        };
        let first = part.segment.first.max(end.saturating_sub(AUDIT_PAGE - 1));
        let (offset, skip) = part.place(first);
        let most = (end - first + 1, usize::MAX);
        let text = some(&part.segment, offset, skip, most)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let (first, text) = last_of(first, text);
        let oldest = self.parts.front().map_or(1, |part| part.segment.first);
        Ok(Page {
            first,
            text,
            more: first > oldest,
        })
    }

    /// The head of the first so many lines; nothing if they are not all here any more, or not yet.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn head_at(&self, count: u64) -> Result<Option<Head>, AuditError> {
        if count == self.head.count {
            return Ok(Some(self.head));
        }
        let Some(part) = count.checked_add(1).and_then(|next| self.part_of(next)) else {
            return Ok(None);
        };
        let (offset, skip) = part.place(count + 1);
        let text = some(&part.segment, offset, skip, (1, 0))?;
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        Ok(chain::before(line).filter(|head| head.count == count))
    }

    /// The number of the first line that is still here.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.parts.front().map_or(1, |part| part.segment.first)
    }

    fn part_of(&self, line: u64) -> Option<&Part> {
        let within = |part: &&Part| part.segment.first <= line && line <= part.end.count;
        self.parts.iter().rev().find(within)
    }

    fn begin_another(&mut self, now: UnixMs, owner: Owner) -> Result<(), AuditError> {
        let segment = segments::of(&self.dir, self.head.count + 1);
        self.file.sync_data().map_err(at(&segment.path))?;
        self.file = segments::open_to_write(&self.dir, &segment)?;
        self.parts.push_back(Part::new(segment));
        let (agent, key) = (owner.agent, b64::Bytes(owner.key));
        self.write(now, Event::Continued { agent, key }, true)
            .map(drop)
    }

    fn write(&mut self, now: UnixMs, event: Event, durable: bool) -> Result<Head, AuditError> {
        let (line, head) = chain::next(self.head, now, event);
        // A line that failed before may have left some of itself.
        self.cut_back()?;
        let Some(part) = self.parts.back_mut() else {
            let error = io::Error::other("no file of it is open");
            return Err(at(&self.dir)(error));
        };
        let path = &part.segment.path;
        if line.len() > AUDIT_LINE_MAX {
            let error = io::Error::other("a line would be too long");
            return Err(at(path)(error));
        }
        let written = self.file.write_all(&line).and_then(|()| {
            if durable {
                self.file.sync_data()
            } else {
                Ok(())
            }
        });
        if let Err(error) = written {
            let error = at(path)(error);
            let _ = self.cut_back();
            return Err(error);
        }
        part.grow(head.count, line.len() as u64);
        (part.latest, part.end) = (now, head);
        self.head = head;
        Ok(head)
    }

    fn cut_back(&mut self) -> Result<(), AuditError> {
        let Some(part) = self.parts.back() else {
            return Ok(());
        };
        let path = &part.segment.path;
        let length = self.file.metadata().map_err(at(path))?.len();
        if length > part.length {
            self.file.set_len(part.length).map_err(at(path))?;
        }
        Ok(())
    }

    fn remove_through(&mut self, count: u64) -> Result<(), AuditError> {
        while let Some(part) = self.parts.front()
            && self.parts.len() > 1
            && part.end.count <= count
        {
            let path = &part.segment.path;
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(path)(error)),
                Ok(()) | Err(_) => {}
            }
            self.parts.pop_front();
        }
        Ok(())
    }
}

impl Part {
    fn new(segment: Segment) -> Self {
        Self {
            segment,
            length: 0,
            latest: UnixMs(0),
            index: Vec::new(),
            end: Head::EMPTY,
        }
    }

    fn grow(&mut self, number: u64, bytes: u64) {
        if (number - self.segment.first).is_multiple_of(AUDIT_INDEX_EVERY) {
            self.index.push(self.length);
        }
        self.length += bytes;
    }

    /// Where to begin to read for a line, and how many lines stand there before it.
    fn place(&self, line: u64) -> (u64, u64) {
        let behind = line.saturating_sub(self.segment.first);
        let known = usize::try_from(behind / AUDIT_INDEX_EVERY).ok();
        let offset = known.and_then(|known| self.index.get(known)).copied();
        offset.map_or((0, behind), |offset| (offset, behind % AUDIT_INDEX_EVERY))
    }
}

/// As many of the last lines as fit into a page, at least one.
fn last_of(first: u64, mut text: String) -> (u64, String) {
    if text.is_empty() {
        return (0, text);
    }
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    starts.pop();
    let fits = |start: &usize| text.len() - start <= AUDIT_PAGE_BYTES;
    let skipped = starts.iter().position(fits).unwrap_or(starts.len() - 1);
    let text = text.split_off(starts.get(skipped).copied().unwrap_or(0));
    (first + skipped as u64, text)
}

#[cfg(test)]
mod tests {
    use super::super::chain::Broken;
    use super::*;
    use std::fs::OpenOptions;

    const OWNER: Owner = Owner {
        agent: AgentId([4; 16]),
        key: [5; 32],
    };

    fn event(number: u64) -> Event {
        Event::Torn { bytes: number }
    }

    fn open(dir: &Path) -> AuditLog {
        AuditLog::open(dir, UnixMs(1)).unwrap().0
    }

    fn filled(dir: &Path, lines: u64) -> AuditLog {
        let mut log = open(dir);
        for number in 1..=lines {
            log.append(UnixMs(number), event(number), OWNER).unwrap();
        }
        log
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let list = segments::list(dir).unwrap();
        list.into_iter().map(|segment| segment.path).collect()
    }

    /// As much of the log as there is, or where it breaks.
    fn read(dir: &Path) -> Result<Head, Broken> {
        let whole = || -> Result<Head, AuditError> {
            let mut lines = Lines::open(dir)?;
            while lines.next_line()?.is_some() {}
            lines.check_beginning()?;
            Ok(lines.head())
        };
        whole().map_err(|error| match error {
            AuditError::Broken(broken) => broken,
            AuditError::Io { path, source } => panic!("{}: {source}", path.display()),
        })
    }

    #[test]
    fn a_log_goes_on_where_it_ended_and_drops_a_line_that_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let head = filled(dir.path(), 1).head();
        let log = open(dir.path());
        assert_eq!(log.head(), head);
        drop(log);
        let path = files(dir.path()).pop().unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"n\":2,\"at\"").unwrap();
        let log = open(dir.path());
        assert_eq!(log.head().count, 2);
        let mut lines = Lines::open(dir.path()).unwrap();
        let mut next = || lines.next_line().unwrap().map(|line| line.entry.event);
        assert_eq!(next(), Some(event(1)));
        assert_eq!(next(), Some(event(11)));
        assert_eq!(next(), None);
        assert_eq!(lines.head(), log.head());
    }

    #[test]
    fn an_edited_log_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 3));
        let path = files(dir.path()).pop().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"bytes\":2", "\"bytes\":9")).unwrap();
        let why = AuditLog::open(dir.path(), UnixMs(1)).unwrap_err();
        assert!(why.to_string().contains("line 3"), "{why}");
    }

    #[test]
    fn a_reader_hears_of_lines_that_come_later_in_a_later_file_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut lines = Lines::open(dir.path()).unwrap();
        assert!(lines.next_line().unwrap().is_none());
        let mut log = filled(dir.path(), 1);
        let mut next = || lines.next_line().unwrap().map(|line| line.entry.event);
        assert_eq!(next(), Some(event(1)));
        assert_eq!(next(), None);
        log.begin_another(UnixMs(2), OWNER).unwrap();
        log.append(UnixMs(3), event(7), OWNER).unwrap();
        assert!(matches!(next(), Some(Event::Continued { .. })));
        assert_eq!(next(), Some(event(7)));
    }

    /// Three files, of two, three and three lines.
    fn three_files(dir: &Path) -> AuditLog {
        let mut log = filled(dir, 2);
        for _ in 0..2 {
            log.begin_another(UnixMs(10), OWNER).unwrap();
            for number in 1..=2 {
                log.append(UnixMs(20), event(number), OWNER).unwrap();
            }
        }
        log
    }

    #[test]
    fn a_file_that_was_taken_away_is_missed_wherever_it_stood() {
        for (taken, line) in [(0, 2), (1, 3)] {
            let dir = tempfile::tempdir().unwrap();
            drop(three_files(dir.path()));
            fs::remove_file(&files(dir.path())[taken]).unwrap();
            assert_eq!(read(dir.path()).map_err(|broken| broken.line), Err(line));
        }
    }

    #[test]
    fn what_is_too_old_or_too_much_is_removed_by_whole_files_and_the_log_says_so() {
        for (keep, total, left) in [
            (Duration::from_millis(11), u64::MAX, 2),
            (Duration::from_millis(31), u64::MAX, 3),
            (Duration::MAX, 1, 1),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let mut log = three_files(dir.path());
            log.expire(UnixMs(30), keep, total, OWNER).unwrap();
            assert_eq!(files(dir.path()).len(), left);
            assert_eq!(read(dir.path()), Ok(log.head()));
            drop(log);
            let log = open(dir.path());
            assert_eq!(read(dir.path()), Ok(log.head()));
        }
    }

    #[test]
    fn what_was_said_to_be_removed_is_removed_even_if_a_crash_came_between() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = three_files(dir.path());
        let through = log.parts[0].end;
        log.append(UnixMs(30), Event::Removed { through }, OWNER)
            .unwrap();
        drop(log);
        drop(open(dir.path()));
        assert_eq!(files(dir.path()).len(), 2);
        assert!(read(dir.path()).is_ok());
    }

    #[test]
    fn pages_bring_every_line_once_the_last_ones_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = filled(dir.path(), 3 * AUDIT_PAGE);
        log.begin_another(UnixMs(1), OWNER).unwrap();
        log.append(UnixMs(1), event(1), OWNER).unwrap();
        let (mut before, mut all) = (None, String::new());
        loop {
            let page = log.page(before).unwrap();
            all.insert_str(0, &page.text);
            before = Some(page.first);
            if !page.more {
                break;
            }
        }
        let files = files(dir.path()).into_iter();
        let text: String = files
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        assert_eq!(all, text);
        assert_eq!(log.page(Some(1)).unwrap().text, "");
    }

    #[test]
    fn a_page_of_long_lines_is_short_and_never_empty() {
        let line = format!("{}\n", "x".repeat(AUDIT_PAGE_BYTES / 2 - 1));
        let (first, text) = last_of(5, line.repeat(4));
        assert_eq!((first, text.len()), (7, AUDIT_PAGE_BYTES));
        let long = format!("{}\n", "x".repeat(AUDIT_PAGE_BYTES));
        assert_eq!(last_of(5, long.repeat(2)), (6, long));
    }

    #[test]
    fn the_head_of_earlier_lines_is_known_from_the_line_behind_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path());
        let mut heads = vec![log.head()];
        for number in 0..2 * AUDIT_INDEX_EVERY {
            if number == AUDIT_INDEX_EVERY + 3 {
                log.begin_another(UnixMs(1), OWNER).unwrap();
                heads.push(log.head());
            }
            heads.push(log.append(UnixMs(1), event(number), OWNER).unwrap());
        }
        for head in heads {
            assert_eq!(log.head_at(head.count).unwrap(), Some(head));
        }
        assert_eq!(log.head_at(log.head().count + 1).unwrap(), None);
    }
}
