//! When a line is ended, wherever it is.

use super::{End, Why};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// What a line does not outlive.
#[derive(Debug)]
pub struct Until {
    /// It ends then at the latest.
    pub deadline: Instant,
    /// Ends of pipes that others hold: it ends when one of them writes, or lets go.
    pub cancelled: Vec<OwnedFd>,
}

impl Until {
    /// Nobody but the time ends it.
    #[must_use]
    pub fn deadline(deadline: Instant) -> Self {
        Self {
            deadline,
            cancelled: Vec::new(),
        }
    }

    /// Whether it may go on.
    pub(super) fn check(&self) -> Result<(), End> {
        if Instant::now() >= self.deadline {
            return Err(End::Cut(Why::Time));
        }
        let mut watched: Vec<_> = self.watched().collect();
        if watched.is_empty() {
            return Ok(());
        }
        let time = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match poll(&mut watched, Some(&time)) {
            Ok(0) | Err(Errno::INTR) => Ok(()),
            Ok(_) => Err(End::Cut(Why::Cancelled)),
            Err(error) => Err(End::Failed(error.to_string())),
        }
    }

    /// Waits until something is ready.
    pub(super) fn wait(&self, fd: impl AsFd, flags: PollFlags) -> Result<(), End> {
        loop {
            let mut watched = vec![PollFd::new(&fd, flags)];
            watched.extend(self.watched());
            let left = self.deadline.saturating_duration_since(Instant::now());
            let time = Timespec::try_from(left.max(Duration::from_micros(1)));
            let time = time.map_err(|_| End::Failed("the deadline is too far".to_owned()))?;
            match poll(&mut watched, Some(&time)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(End::Failed(error.to_string())),
            }
            let mut ready = watched.iter().map(|fd| !fd.revents().is_empty());
            let is_ready = ready.next().unwrap_or_default();
            if ready.any(|cancelled| cancelled) {
                return Err(End::Cut(Why::Cancelled));
            }
            if is_ready {
                return Ok(());
            }
            // A timer may fire early; only the clock says that it is time.
            if Instant::now() >= self.deadline {
                return Err(End::Cut(Why::Time));
            }
        }
    }

    fn watched(&self) -> impl Iterator<Item = PollFd<'_>> {
        let cancelled = self.cancelled.iter();
        cancelled.map(|fd| PollFd::new(fd, PollFlags::IN))
    }
}
