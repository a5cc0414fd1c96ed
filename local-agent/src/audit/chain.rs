//! A list of lines of which none can be changed, cut out, put in or moved without all after it showing it.

use super::Event;
use lanyard_shared::b64;
use lanyard_shared::sign::transcript;
use lanyard_shared::time::UnixMs;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

const CONTEXT: &str = "lanyard/audit/v1";

/// How far a list goes: how many lines, and the hash of them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Lines so far.
    pub count: u64,
    /// Of them all.
    pub hash: b64::Bytes<32>,
}

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

impl Head {
    /// Of no lines.
    pub const EMPTY: Self = Self {
        count: 0,
        hash: b64::Bytes([0; 32]),
    };

    /// The next line, with its end, and the head behind it.
    #[must_use]
    pub fn next(self, at: UnixMs, event: Event) -> (Vec<u8>, Self) {
        let entry = Entry {
            n: self.count + 1,
            at,
            before: self.hash,
            event,
        };
        let mut line = serde_json::to_vec(&entry).unwrap_or_default();
        let head = self.behind(&line);
        line.push(b'\n');
        (line, head)
    }

    /// Reads the next line, without its end.
    ///
    /// # Errors
    /// It is none that follows.
    pub fn follow(self, line: &[u8]) -> Result<(Entry, Self), Broken> {
        let broken = |why| Broken {
            line: self.count + 1,
            why,
        };
        let entry: Entry = serde_json::from_slice(line).map_err(|_| broken("cannot be read"))?;
        if entry.n != self.count + 1 {
            return Err(broken("has another number than its place"));
        }
        if entry.before != self.hash {
            return Err(broken("does not follow from those before it"));
        }
        Ok((entry, self.behind(line)))
    }

    fn behind(self, line: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &transcript(CONTEXT, &[&self.hash.0, line])).as_ref());
        Self {
            count: self.count + 1,
            hash: b64::Bytes(hash),
        }
    }
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
            let (mut line, next) = head.next(UnixMs(number), event(number));
            line.pop();
            lines.push(line);
            head = next;
        }
        (lines, head)
    }

    fn read(lines: &[Vec<u8>]) -> Result<Head, Broken> {
        lines.iter().try_fold(Head::EMPTY, |head, line| {
            head.follow(line).map(|(_, next)| next)
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
