//! What a process holds in memory, and what the limits allow.

use anyhow::{Context as _, Result};
use lanyard_relay::limits::{HTTP_HEAD_MAX, UNPROVEN_TOTAL, WS_READ_BUFFER};
use lanyard_shared::limits::{FRAME_MAX, UNPROVEN_BYTES};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

/// What TLS keeps for a connection: a record each way, and the keys; and what the runtime keeps: two tasks and a socket.
pub const TLS_AND_TASKS: usize = 48 * 1024;
/// The most that one stranger costs.
pub const STRANGER: usize = TLS_AND_TASKS + HTTP_HEAD_MAX + WS_READ_BUFFER + UNPROVEN_BYTES;
/// The most that all strangers cost.
pub const STRANGERS: usize = UNPROVEN_TOTAL * STRANGER;
/// The most that a proven link costs, what waits on its streams apart: a frame that is being read and what is being written.
pub const LINK: usize = TLS_AND_TASKS + FRAME_MAX + lanyard_relay::limits::WS_WRITE_BUFFER_MAX;

/// Memory of the process that is backed by no file, in bytes.
///
/// # Errors
/// It has ended.
pub fn anonymous_memory(pid: Pid) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: usize = line
        .and_then(|rest| rest.split_whitespace().next())
        .context("a process says what it holds")?
        .parse()?;
    Ok(kib * 1024)
}

/// Open files that are enough for every attack.
const ENOUGH: u64 = 16_384;

/// Raises the limit of open files as far as this machine allows; returns what it is now.
///
/// # Errors
/// The system refuses.
pub fn raise_open_files() -> Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(u64::MAX, |files| files.max(ENOUGH));
    let raised = |files: u64| Rlimit {
        current: Some(files),
        maximum: Some(files),
    };
    // The superuser may have more than it was given.
    if most < u64::MAX && setrlimit(Resource::Nofile, raised(most)).is_ok() {
        return Ok(usize::try_from(most)?);
    }
    let maximum = limit.maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(maximum.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    }))
}
