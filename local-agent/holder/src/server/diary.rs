//! What is still to be written to disk, free of IO.
//!
//! Only times are kept here; the bytes are taken from the ring. So a disk that is slow or full costs no memory, and what it missed is
//! written later, as far as the ring still has it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::history::Batch;
use crate::history::codec::{push_exit, push_output, push_size};
use crate::limits;
use crate::ring::Ring;
use crate::wire::ExitStatus;

/// What may be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// More is in the ring.
    Output,
    /// The terminal has another size.
    Size(u16, u16),
    /// All output of the child is in the ring.
    Exit(ExitStatus),
}

/// A moment, when it was, and the offset up to which output had come.
#[derive(Debug, Clone, Copy)]
struct Noted {
    ms: u64,
    until: u64,
    moment: Moment,
}

/// What is still to be written.
#[derive(Debug)]
pub(crate) struct Diary {
    /// When the terminal started.
    start: Duration,
    waiting: VecDeque<Noted>,
    /// Output before this offset was written.
    written: u64,
    /// The size at the end of what was written.
    size: (u16, u16),
}

impl Diary {
    /// Of a terminal that starts now.
    pub(crate) fn new(start: Duration, size: (u16, u16)) -> Self {
        Self {
            start,
            waiting: VecDeque::new(),
            written: 0,
            size,
        }
    }

    /// Notes what has happened when output had come up to that offset.
    pub(crate) fn note(&mut self, now: Duration, until: u64, moment: Moment) {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = ms(now.saturating_sub(self.start));
        if let Some(last) = self.waiting.back_mut()
            && last.moment == Moment::Output
            && moment == Moment::Output
            && now.saturating_sub(last.ms) < ms(limits::HISTORY_MOMENT)
        {
            last.until = until;
            return;
        }
        if self.waiting.len() >= limits::HISTORY_MOMENTS {
            self.forget_oldest();
        }
        self.waiting.push_back(Noted {
            ms: now,
            until,
            moment,
        });
    }

    /// Output whose time is forgotten gets the next one. The latest size is never lost.
    fn forget_oldest(&mut self) {
        if let Some(Noted {
            moment: Moment::Size(cols, rows),
            ..
        }) = self.waiting.pop_front()
        {
            self.size = (cols, rows);
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether what waits is worth writing now.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting.back().is_some_and(|last| {
            last.until.saturating_sub(self.written) >= limits::HISTORY_GATHER_BYTES
                || matches!(last.moment, Moment::Exit(_))
        })
    }

    /// Takes the next records, of about [`limits::HISTORY_BATCH_BYTES`] of output. They must be given back to [`Diary::written`] or
    /// [`Diary::not_written`]. `None`: nothing waits.
    pub(crate) fn take(&mut self, ring: &Ring) -> Option<(Batch, Taken)> {
        let first = self.waiting.front()?;
        let mut batch = Batch {
            bytes: Vec::new(),
            ms: first.ms,
            size: self.size,
        };
        let mut taken = Taken {
            moments: Vec::new(),
            written: self.written,
            size: self.size,
        };
        while let Some(noted) = self.waiting.front() {
            if !taken.output(noted, ring, &mut batch.bytes) {
                break;
            }
            match noted.moment {
                Moment::Output => {}
                Moment::Size(cols, rows) => {
                    push_size(&mut batch.bytes, noted.ms, (cols, rows));
                    taken.size = (cols, rows);
                }
                Moment::Exit(status) => push_exit(&mut batch.bytes, noted.ms, status),
            }
            // Out of the way while it is written: more output is another moment.
            taken.moments.extend(self.waiting.pop_front());
        }
        Some((batch, taken))
    }

    /// It is on disk.
    pub(crate) fn written(&mut self, taken: Taken) {
        self.written = taken.written;
        self.size = taken.size;
    }

    /// The disk has refused it.
    pub(crate) fn not_written(&mut self, taken: Taken) {
        for noted in taken.moments.into_iter().rev() {
            self.waiting.push_front(noted);
        }
        while self.waiting.len() > limits::HISTORY_MOMENTS {
            self.forget_oldest();
        }
    }
}

/// What is on its way to disk.
#[derive(Debug)]
pub(crate) struct Taken {
    moments: Vec<Noted>,
    written: u64,
    size: (u16, u16),
}

impl Taken {
    /// Adds the output up to a moment. False if it is too much for this time.
    fn output(&mut self, noted: &Noted, ring: &Ring, into: &mut Vec<u8>) -> bool {
        // What the ring has lost is a gap in the offsets.
        self.written = self.written.max(ring.tail());
        while self.written < noted.until {
            if into.len() >= limits::HISTORY_BATCH_BYTES {
                return false;
            }
            let left = usize::try_from(noted.until - self.written).unwrap_or(usize::MAX);
            let parts = ring.slices(self.written, left.min(limits::HISTORY_RECORD_BYTES));
            push_output(into, noted.ms, self.written, parts);
            self.written += (parts.0.len() + parts.1.len()) as u64;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::codec::{Decoded, decode};
    use crate::history::{Record, What};

    fn print(ring: &mut Ring, mut bytes: &[u8]) -> u64 {
        while !bytes.is_empty() {
            let space = ring.space(bytes.len());
            let count = space.len();
            space.copy_from_slice(&bytes[..count]);
            ring.commit(count);
            bytes = &bytes[count..];
        }
        ring.head()
    }

    fn records(batch: &Batch) -> Vec<Record> {
        let mut rest = &batch.bytes[..];
        let mut records = Vec::new();
        while let Decoded::Record(record, used) = decode(rest) {
            records.push(record);
            rest = &rest[used..];
        }
        assert!(rest.is_empty());
        records
    }

    fn output(ms: u64, offset: u64, bytes: &[u8]) -> Record {
        let bytes = bytes.to_vec();
        Record {
            ms,
            what: What::Output { offset, bytes },
        }
    }

    fn at(ms: u64) -> Duration {
        Duration::from_secs(5) + Duration::from_millis(ms)
    }

    #[test]
    fn output_keeps_its_times_and_its_place_among_sizes_and_the_end() {
        let mut ring = Ring::new();
        let mut diary = Diary::new(at(0), (80, 24));
        diary.note(at(1), print(&mut ring, b"one "), Moment::Output);
        diary.note(at(9), print(&mut ring, b"moment"), Moment::Output);
        diary.note(at(40), print(&mut ring, b"!"), Moment::Output);
        diary.note(at(41), ring.head(), Moment::Size(100, 30));
        diary.note(at(42), print(&mut ring, b"?"), Moment::Output);
        let exit = ExitStatus::Code(3);
        assert!(!diary.is_due());
        diary.note(at(43), ring.head(), Moment::Exit(exit));
        assert!(diary.is_due());
        let (batch, taken) = diary.take(&ring).unwrap();
        assert_eq!((batch.ms, batch.size), (1, (80, 24)));
        let what = |ms, what| Record { ms, what };
        let expected = [
            output(1, 0, b"one moment"),
            output(40, 10, b"!"),
            what(
                41,
                What::Size {
                    cols: 100,
                    rows: 30,
                },
            ),
            output(42, 11, b"?"),
            what(43, What::Exit(exit)),
        ];
        assert_eq!(records(&batch), expected);
        diary.written(taken);
        assert!(diary.take(&ring).is_none());
        assert_eq!(diary.size, (100, 30));
    }

    #[test]
    fn what_a_disk_refused_is_written_later_together_with_what_came_in_the_meantime() {
        let mut ring = Ring::new();
        let mut diary = Diary::new(at(0), (80, 24));
        diary.note(at(1), print(&mut ring, b"ab"), Moment::Output);
        let (_, taken) = diary.take(&ring).unwrap();
        diary.note(at(2), print(&mut ring, b"cd"), Moment::Output);
        diary.not_written(taken);
        let (batch, taken) = diary.take(&ring).unwrap();
        assert_eq!(records(&batch), [output(1, 0, b"ab"), output(2, 2, b"cd")]);
        diary.written(taken);
        assert!(diary.take(&ring).is_none());
    }

    #[test]
    fn a_disk_that_refuses_for_long_costs_the_oldest_times_and_what_the_ring_has_lost_and_no_memory()
     {
        let mut ring = Ring::new();
        let mut diary = Diary::new(at(0), (80, 24));
        diary.note(at(0), 0, Moment::Size(90, 20));
        let moments = limits::HISTORY_MOMENTS as u64 * 3;
        for moment in 0..moments {
            diary.note(
                at(moment * 50),
                print(&mut ring, &[b'x'; 1000]),
                Moment::Output,
            );
            if moment % 100 == 0 {
                let (_, taken) = diary.take(&ring).unwrap();
                diary.not_written(taken);
            }
        }
        assert_eq!(diary.waiting.len(), limits::HISTORY_MOMENTS);
        assert_eq!(diary.size, (90, 20), "the size is not forgotten");
        let mut next = ring.tail();
        assert!(next > 0);
        while let Some((batch, taken)) = diary.take(&ring) {
            assert!(batch.bytes.len() < 2 * limits::HISTORY_BATCH_BYTES);
            for record in records(&batch) {
                let What::Output { offset, bytes } = record.what else {
                    panic!("only output waits");
                };
                assert_eq!(offset, next);
                next += bytes.len() as u64;
            }
            diary.written(taken);
        }
        assert_eq!(next, ring.head());
    }

    #[test]
    fn much_output_is_due_at_once() {
        let mut ring = Ring::new();
        let mut diary = Diary::new(at(0), (80, 24));
        let much = usize::try_from(limits::HISTORY_GATHER_BYTES).unwrap();
        diary.note(at(1), print(&mut ring, &vec![0; much - 1]), Moment::Output);
        assert!(!diary.is_due());
        diary.note(at(1), print(&mut ring, b"x"), Moment::Output);
        assert!(diary.is_due());
    }
}
