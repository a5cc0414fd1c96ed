//! What the kernel says of a running process.

use anyhow::{Context as _, Result};
use lanyard_tests::mark::VARIABLE;
use std::fs::{read, read_dir, read_to_string};
use std::path::PathBuf;
use std::time::Duration;

/// A process id.
pub type Id = i32;

fn of(id: Id) -> PathBuf {
    PathBuf::from(format!("/proc/{id}"))
}

/// CPU time of all threads of these processes, to the nanosecond. A thread that has ended no longer counts.
///
/// # Errors
/// One of them has ended.
pub fn cpu(ids: &[Id]) -> Result<Duration> {
    let mut sum = 0;
    for id in ids {
        let tasks = of(*id).join("task");
        for task in read_dir(&tasks).with_context(|| format!("process {id} has ended"))? {
            let stat = read_to_string(task?.path().join("schedstat"));
            let stat = stat.unwrap_or_default();
            sum += stat
                .split(' ')
                .next()
                .and_then(|ns| ns.parse::<u64>().ok())
                .unwrap_or_default();
        }
    }
    Ok(Duration::from_nanos(sum))
}

/// Memory of a process that no file stands behind, in bytes.
///
/// # Errors
/// It has ended.
pub fn anonymous(id: Id) -> Result<f64> {
    rollup(id, "Anonymous:")
}

/// Memory of a process in bytes, pages that it shares with others divided among them.
///
/// # Errors
/// It has ended.
pub fn share(id: Id) -> Result<f64> {
    rollup(id, "Pss:")
}

fn rollup(id: Id, field: &str) -> Result<f64> {
    let text = read_to_string(of(id).join("smaps_rollup"))
        .with_context(|| format!("process {id} has ended"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("a number")?
        .parse()?;
    Ok(kib * 1024.0)
}

/// Processes that carry this mark and have this word among their arguments.
///
/// # Errors
/// Processes cannot be listed.
pub fn marked(mark: &str, word: &str) -> Result<Vec<Id>> {
    let mark = format!("{VARIABLE}={mark}");
    let mut found = Vec::new();
    for entry in read_dir("/proc")? {
        let Some(id) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let has = |file: &str, text: &str| {
            let bytes = read(of(id).join(file)).unwrap_or_default();
            bytes
                .split(|byte| *byte == 0)
                .any(|part| part == text.as_bytes())
        };
        if has("environ", &mark) && has("cmdline", word) {
            found.push(id);
        }
    }
    Ok(found)
}
