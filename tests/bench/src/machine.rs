//! Where a run was made.

use serde::Serialize;
use std::fs::read_to_string;

/// What makes numbers of one machine differ from another's.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// How many of it programs see.
    pub cores: usize,
    /// In MB.
    pub memory: u64,
    /// The kernel.
    pub kernel: String,
    /// How many programs wanted to run in the minute before; above zero, others were at work.
    pub load: f64,
    /// Descriptors a process may have.
    pub descriptors: u64,
    /// Whether the run was a quick one.
    pub quick: bool,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here(quick: bool) -> Self {
        let cpu = field("/proc/cpuinfo", "model name").unwrap_or_default();
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let first_number = |text: &str| text.split_whitespace().next().and_then(|n| n.parse().ok());
        let load = read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: first_number(&memory).unwrap_or(0.0) as u64 / 1024,
            kernel: read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            load: first_number(&load).unwrap_or(0.0),
            descriptors: descriptors(),
            quick,
        }
    }
}

/// Descriptors a process of ours may have.
#[must_use]
pub fn descriptors() -> u64 {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
