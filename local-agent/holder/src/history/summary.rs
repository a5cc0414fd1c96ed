//! What is kept of a terminal, in short: read from where its log begins and from where it ends, whatever lies between.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::codec::{Record, What};
use super::read::{records_of, segments};
use super::{LOCK, path_of};
use crate::wire::ExitStatus;

/// What is kept of a terminal, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Offset of the first byte of output that is kept: what was before it is dropped.
    pub first: u64,
    /// Offset after the last byte of output that is kept. What a disk refused in between is not kept either.
    pub end: u64,
    /// Its last size; `None`: nothing was written but its start.
    pub size: Option<(u16, u16)>,
    /// How its program ended; `None`: it has not, or nobody saw it.
    pub exit: Option<ExitStatus>,
    /// When something was written last.
    pub touched: SystemTime,
    /// What it takes on the disk, in bytes.
    pub bytes: u64,
}

/// Looks at the first and the last segments only.
///
/// # Errors
/// The folder or a segment cannot be read.
pub fn summary(dir: &Path) -> io::Result<Summary> {
    let numbers = segments(dir)?;
    let mut summary = Summary {
        first: 0,
        end: 0,
        size: None,
        exit: None,
        touched: fs::metadata(dir.join(LOCK))
            .or_else(|_| fs::metadata(dir))?
            .modified()?,
        bytes: 0,
    };
    for number in &numbers {
        let Ok(metadata) = fs::metadata(path_of(dir, *number)) else {
            continue;
        };
        summary.bytes += metadata.len();
        summary.touched = summary.touched.max(metadata.modified()?);
    }
    let mut end = None;
    for number in numbers.iter().rev() {
        let records = records_of(dir, *number)?;
        summary.exit = summary.exit.or_else(|| last(&records, exit_of));
        summary.size = summary.size.or_else(|| last(&records, size_of));
        end = last(&records, output_of).map(|(_, end)| end);
        if end.is_some() {
            break;
        }
    }
    for number in &numbers {
        let records = records_of(dir, *number)?;
        if let Some((first, _)) = records.iter().find_map(output_of) {
            summary.first = first;
            break;
        }
    }
    summary.end = end.unwrap_or(summary.first);
    Ok(summary)
}

fn last<T>(records: &[Record], of: impl Fn(&Record) -> Option<T>) -> Option<T> {
    records.iter().rev().find_map(of)
}

fn output_of(record: &Record) -> Option<(u64, u64)> {
    match &record.what {
        What::Output { offset, bytes } => Some((*offset, offset + bytes.len() as u64)),
        What::Size { .. } | What::Exit(_) => None,
    }
}

fn size_of(record: &Record) -> Option<(u16, u16)> {
    match record.what {
        What::Size { cols, rows } => Some((cols, rows)),
        What::Output { .. } | What::Exit(_) => None,
    }
}

fn exit_of(record: &Record) -> Option<ExitStatus> {
    match record.what {
        What::Exit(status) => Some(status),
        What::Output { .. } | What::Size { .. } => None,
    }
}
