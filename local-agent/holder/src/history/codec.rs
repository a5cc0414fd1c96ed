//! The form of a record: its length, a CRC-32 of all that follows and of the length, its time, and what happened. Little-endian.
//!
//! Nothing is believed that the sum does not cover. A file that ends inside a record, or whose bytes have changed, is good up to there.

use crate::limits::{
    HISTORY_FRAME_BYTES, HISTORY_HEAD_BYTES, HISTORY_OFFSET_BYTES, HISTORY_RECORD_BYTES, MAX_COLS,
    MAX_ROWS,
};
use crate::wire::ExitStatus;

/// What a segment begins with: the format and its version.
pub const MAGIC: &[u8; 8] = b"lanyhis1";

/// Something that happened in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Milliseconds since the terminal started.
    pub ms: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The program printed.
    Output {
        /// Of the first byte, counted from the first byte ever printed: what is missing before it shows.
        offset: u64,
        /// What was printed.
        bytes: Vec<u8>,
    },
    /// The terminal has this size from here on.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The program has ended. What it left running may still print.
    Exit(ExitStatus),
}

/// What bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole record, and how many bytes it took.
    Record(Record, usize),
    /// A record that goes on after the last byte, or nothing at all.
    Unfinished,
    /// Nothing that was written as a record. What follows cannot be read either.
    Damaged,
}

/// Adds a record that holds output. At most [`HISTORY_RECORD_BYTES`] of it, in two parts as a ring gives them.
pub(crate) fn push_output(into: &mut Vec<u8>, ms: u64, offset: u64, parts: (&[u8], &[u8])) {
    push(into, ms, OUTPUT, |body| {
        body.extend_from_slice(&offset.to_le_bytes());
        body.extend_from_slice(parts.0);
        body.extend_from_slice(parts.1);
    });
}

/// Adds a record that holds a size.
pub(crate) fn push_size(into: &mut Vec<u8>, ms: u64, (cols, rows): (u16, u16)) {
    push(into, ms, SIZE, |body| {
        body.extend_from_slice(&cols.to_le_bytes());
        body.extend_from_slice(&rows.to_le_bytes());
    });
}

/// Adds a record that holds an end.
pub(crate) fn push_exit(into: &mut Vec<u8>, ms: u64, status: ExitStatus) {
    let (kind, number) = match status {
        ExitStatus::Code(code) => (EXIT_CODE, code),
        ExitStatus::Signal(signal) => (EXIT_SIGNAL, signal),
    };
    push(into, ms, kind, |body| {
        body.extend_from_slice(&number.to_le_bytes());
    });
}

/// Reads the record that `bytes` begins with.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Decoded::Unfinished;
    };
    let Ok(size) = usize::try_from(u32::from_le_bytes(*length)) else {
        return Decoded::Damaged;
    };
    if !(HISTORY_HEAD_BYTES..=HISTORY_HEAD_BYTES + HISTORY_OFFSET_BYTES + HISTORY_RECORD_BYTES)
        .contains(&size)
    {
        return Decoded::Damaged;
    }
    let Some((sum, rest)) = rest.split_first_chunk::<4>() else {
        return Decoded::Unfinished;
    };
    let Some(body) = rest.get(..size) else {
        return Decoded::Unfinished;
    };
    if checksum(*length, body) != u32::from_le_bytes(*sum) {
        return Decoded::Damaged;
    }
    body_of(body).map_or(Decoded::Damaged, |record| {
        Decoded::Record(record, HISTORY_FRAME_BYTES + size)
    })
}

const OUTPUT: u8 = 1;
const SIZE: u8 = 2;
const EXIT_CODE: u8 = 3;
const EXIT_SIGNAL: u8 = 4;

fn push(into: &mut Vec<u8>, ms: u64, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = into.len();
    into.extend_from_slice(&[0; HISTORY_FRAME_BYTES]);
    into.push(kind);
    into.extend_from_slice(&ms.to_le_bytes());
    fill(into);
    let size = into.len() - start - HISTORY_FRAME_BYTES;
    let length = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let sum = checksum(length, &into[start + HISTORY_FRAME_BYTES..]);
    into[start..start + 4].copy_from_slice(&length);
    into[start + 4..start + HISTORY_FRAME_BYTES].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(body);
    hasher.finalize()
}

fn body_of(body: &[u8]) -> Option<Record> {
    let (kind, rest) = body.split_first()?;
    let (ms, rest) = rest.split_first_chunk::<8>()?;
    let what = match *kind {
        OUTPUT => {
            let (offset, bytes) = rest.split_first_chunk::<8>()?;
            let offset = u64::from_le_bytes(*offset);
            offset.checked_add(bytes.len() as u64)?;
            What::Output {
                offset,
                bytes: bytes.to_vec(),
            }
        }
        SIZE => {
            let [c0, c1, r0, r1] = <[u8; 4]>::try_from(rest).ok()?;
            let (cols, rows) = (u16::from_le_bytes([c0, c1]), u16::from_le_bytes([r0, r1]));
            let is_size = (1..=MAX_COLS).contains(&cols) && (1..=MAX_ROWS).contains(&rows);
            is_size.then_some(What::Size { cols, rows })?
        }
        EXIT_CODE => What::Exit(ExitStatus::Code(number(rest)?)),
        EXIT_SIGNAL => What::Exit(ExitStatus::Signal(number(rest)?)),
        _ => return None,
    };
    let ms = u64::from_le_bytes(*ms);
    Some(Record { ms, what })
}

fn number(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for record in records {
            match &record.what {
                What::Output { offset, bytes: out } => {
                    let (first, second) = out.split_at(out.len() / 2);
                    push_output(&mut bytes, record.ms, *offset, (first, second));
                }
                What::Size { cols, rows } => push_size(&mut bytes, record.ms, (*cols, *rows)),
                What::Exit(status) => push_exit(&mut bytes, record.ms, *status),
            }
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn decode_all(mut bytes: &[u8]) -> (Vec<Record>, Decoded) {
        let mut records = Vec::new();
        loop {
            match decode(bytes) {
                Decoded::Record(record, used) => {
                    assert!(used > 0, "a record takes bytes");
                    records.push(record);
                    bytes = &bytes[used..];
                }
                end @ (Decoded::Unfinished | Decoded::Damaged) => return (records, end),
            }
        }
    }

    fn record() -> impl Strategy<Value = Record> {
        let what = prop_oneof![
            (0..1_u64 << 60, prop::collection::vec(any::<u8>(), 0..80))
                .prop_map(|(offset, bytes)| What::Output { offset, bytes }),
            (1..=MAX_COLS, 1..=MAX_ROWS).prop_map(|(cols, rows)| What::Size { cols, rows }),
            any::<i32>().prop_map(|code| What::Exit(ExitStatus::Code(code))),
            any::<i32>().prop_map(|signal| What::Exit(ExitStatus::Signal(signal))),
        ];
        (any::<u64>(), what).prop_map(|(ms, what)| Record { ms, what })
    }

    proptest! {
        #[test]
        fn a_file_that_ends_anywhere_is_good_up_to_its_last_whole_record(records in prop::collection::vec(record(), 1..6)) {
            let (bytes, ends) = encode(&records);
            for length in 0..=bytes.len() {
                let whole = ends.iter().filter(|end| **end <= length).count();
                let (found, end) = decode_all(&bytes[..length]);
                prop_assert_eq!(&found[..], &records[..whole]);
                prop_assert_eq!(end, Decoded::Unfinished);
            }
        }

        #[test]
        fn a_changed_byte_costs_its_record_and_what_follows_and_nothing_wrong_is_believed(
            records in prop::collection::vec(record(), 1..4), change in 1_u8..
        ) {
            let (bytes, ends) = encode(&records);
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                let before = ends.iter().filter(|end| **end <= at).count();
                prop_assert_eq!(&decode_all(&changed).0[..], &records[..before]);
            }
        }

        #[test]
        fn any_bytes_at_all_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode_all(&bytes);
        }
    }

    #[test]
    fn a_record_that_sums_up_and_says_nonsense_is_not_believed() {
        let mut bytes = Vec::new();
        push_size(&mut bytes, 1, (0, 24));
        assert_eq!(decode(&bytes), Decoded::Damaged);
        bytes.clear();
        push_output(&mut bytes, 1, u64::MAX, (b"abc", b""));
        assert_eq!(decode(&bytes), Decoded::Damaged);
        bytes.clear();
        push(&mut bytes, 1, 9, |_| {});
        assert_eq!(decode(&bytes), Decoded::Damaged);
    }

    #[test]
    fn the_largest_record_is_read_and_a_length_beyond_it_asks_for_no_memory() {
        let mut bytes = Vec::new();
        push_output(&mut bytes, 1, 0, (&[7; HISTORY_RECORD_BYTES], b""));
        assert!(matches!(decode(&bytes), Decoded::Record(_, used) if used == bytes.len()));
        bytes.clear();
        push_output(&mut bytes, 1, 0, (&[7; HISTORY_RECORD_BYTES + 1], b""));
        assert_eq!(decode(&bytes), Decoded::Damaged);
        assert_eq!(decode(&[0xff; 4]), Decoded::Damaged);
    }
}
