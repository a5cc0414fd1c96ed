//! The processes of a run, each held so that no other that gets its number is ever meant.

use crate::limits;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Deserialize;
use std::fs::{File, read_to_string};
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

/// Those in namespaces of their own.
#[derive(Debug)]
pub(crate) struct Within {
    /// The first, with which all others end.
    pub(crate) first: OwnedFd,
    /// The one that was asked for, which that has started.
    pub(crate) program: OwnedFd,
}

impl Within {
    /// From what bubblewrap has told of the first process, whose parent it is. Those that have ended already need nobody who waits for them.
    pub(crate) fn told(told: OwnedFd, parent: u32) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Told {
            child_pid: u32,
        }
        let mut text = vec![0; limits::TOLD_BYTES];
        // It was told before the helper could say that it is ready.
        let length = File::from(told).read(&mut text).ok()?;
        text.truncate(length);
        let told: Told = serde_json::from_slice(&text).ok()?;
        let first = hold(told.child_pid, parent)?;
        let children = format!("/proc/{0}/task/{0}/children", told.child_pid);
        let children = read_to_string(children).unwrap_or_default();
        let program = children
            .split_whitespace()
            .next()
            .and_then(|child| hold(child.parse().ok()?, told.child_pid));
        // It may have ended while others of the namespaces live on.
        let program = program.map_or_else(|| first.try_clone().ok(), Some)?;
        Some(Self { first, program })
    }
}

/// This process, if that is its parent.
fn hold(pid: u32, parent: u32) -> Option<OwnedFd> {
    let held = pidfd_open(Pid::from_raw(pid.cast_signed())?, PidfdFlags::empty()).ok()?;
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let of_parent = format!("PPid:\t{parent}");
    status.lines().any(|line| line == of_parent).then_some(held)
}

/// Reaches a running program from another thread than the one that waits for it.
#[derive(Debug)]
pub struct Remote {
    pub(crate) program: OwnedFd,
    pub(crate) all: OwnedFd,
}

impl Remote {
    /// Sends the program this signal, and the processes of its group where the kernel can (Linux 6.9).
    pub fn send(&self, signal: Signal) {
        const GROUP: libc::c_uint = 1 << 2;
        for flags in [GROUP, 0] {
            // SAFETY: the call takes a descriptor, which is open, a number, no information and a flag.
            let sent = unsafe {
                libc::syscall(
                    libc::SYS_pidfd_send_signal,
                    self.program.as_raw_fd(),
                    signal.as_raw(),
                    std::ptr::null::<libc::c_void>(),
                    flags,
                )
            };
            if sent == 0 {
                return;
            }
        }
    }

    /// Ends the program and all that it started.
    pub fn end(&self) {
        let _ = pidfd_send_signal(&self.all, Signal::KILL);
    }
}
