//! What the kernel says of a running process.

use anyhow::{Context as _, Result};
use lanyard_tests::mark::VARIABLE;
use std::collections::BTreeMap;
use std::fs::{read, read_dir, read_to_string};
use std::path::PathBuf;

/// A process id.
pub type Id = i32;

fn of(id: Id) -> PathBuf {
    PathBuf::from(format!("/proc/{id}"))
}

/// CPU time of every thread of some processes, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Cpu(BTreeMap<String, u64>);

/// Looks at all threads of these processes, to the nanosecond.
///
/// # Errors
/// One of them has ended.
pub fn cpu(ids: &[Id]) -> Result<Cpu> {
    let mut threads = BTreeMap::new();
    for id in ids {
        let tasks = of(*id).join("task");
        for task in read_dir(&tasks).with_context(|| format!("process {id} has ended"))? {
            let task = task?;
            let stat = read_to_string(task.path().join("schedstat")).unwrap_or_default();
            if let Some(time) = stat.split(' ').next().and_then(|ns| ns.parse().ok()) {
                threads.insert(task.file_name().to_string_lossy().into_owned(), time);
            }
        }
    }
    Ok(Cpu(threads))
}

impl Cpu {
    /// What was spent since then, in microseconds. What a thread spent that has ended meanwhile is not known.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> f64 {
        let threads = self.0.iter().map(|(thread, now)| {
            let before = earlier.0.get(thread).copied().unwrap_or_default();
            now.saturating_sub(before)
        });
        threads.sum::<u64>() as f64 / 1e3
    }
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
