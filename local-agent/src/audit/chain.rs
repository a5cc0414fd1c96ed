//! A list of lines of which none can be changed, cut out, put in or moved without all after it showing it.

use super::Event;
pub use lanyard_shared::audit::Head;
use lanyard_shared::b64;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub n: u64,
    /// When it was written.
    pub at: UnixMs,
    /// The hash of all before it.
    pub before: b64::Bytes<32>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A line that does not follow from those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the audit log {why}")]
pub struct Broken {
    /// Which, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The next line, with its end, and the head behind it.
#[must_use]
pub fn next(head: Head, at: UnixMs, event: Event) -> (Vec<u8>, Head) {
    let entry = Entry {
        n: head.count + 1,
        at,
        before: head.hash,
        event,
    };
    let mut line = serde_json::to_vec(&entry).unwrap_or_default();
    let behind = head.behind(&line);
    line.push(b'\n');
    (line, behind)
}

/// Reads the next line, without its end.
///
/// # Errors
/// It is none that follows.
pub fn follow(head: Head, line: &[u8]) -> Result<(Entry, Head), Broken> {
    let broken = |why| Broken {
        line: head.count + 1,
        why,
    };
    let entry: Entry = serde_json::from_slice(line).map_err(|_| broken("cannot be read"))?;
    if entry.n != head.count + 1 {
        return Err(broken("has another number than its place"));
    }
    if entry.before != head.hash {
        return Err(broken("does not follow from those before it"));
    }
    Ok((entry, head.behind(line)))
}

/// What a line says of those before it.
#[must_use]
pub fn before(line: &[u8]) -> Option<Head> {
    let entry: Entry = serde_json::from_slice(line).ok()?;
    Some(Head {
        count: entry.n.checked_sub(1)?,
        hash: entry.before,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> Event {
        Event::Torn { bytes: number }
    }

    fn lines() -> (Vec<Vec<u8>>, Head) {
        let mut head = Head::EMPTY;
        let mut lines = Vec::new();
        for number in 0..5 {
            let (mut line, behind) = next(head, UnixMs(number), event(number));
            line.pop();
            lines.push(line);
            head = behind;
        }
        (lines, head)
    }

    fn read(lines: &[Vec<u8>]) -> Result<Head, Broken> {
        lines.iter().try_fold(Head::EMPTY, |head, line| {
            follow(head, line).map(|(_, next)| next)
        })
    }

    #[test]
    fn what_was_written_follows_and_ends_at_its_head() {
        let (lines, head) = lines();
        assert_eq!(read(&lines), Ok(head));
        assert_eq!(head.count, 5);
    }

    #[test]
    fn a_line_that_is_cut_out_edited_moved_or_put_in_is_found() {
        let (whole, head) = lines();
        let mut cut = whole.clone();
        cut.remove(2);
        assert_eq!(read(&cut).map_err(|broken| broken.line), Err(3));
        let mut moved = whole.clone();
        moved.swap(1, 2);
        assert_eq!(read(&moved).map_err(|broken| broken.line), Err(2));
        let mut twice = whole.clone();
        twice.insert(3, whole[2].clone());
        assert_eq!(read(&twice).map_err(|broken| broken.line), Err(4));
        for place in 0..whole[1].len() {
            let mut edited = whole.clone();
            edited[1][place] ^= 1;
            assert_ne!(read(&edited), Ok(head), "{place}");
        }
        // The last ones cut off leave a list that follows; only its head tells.
        assert_ne!(read(&whole[..4]), Ok(head));
    }
}
