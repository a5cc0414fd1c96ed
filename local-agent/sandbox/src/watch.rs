//! What is kept is watched while a program runs. Somebody outside who replaces it takes the mount away that keeps it, and nothing can put it back in
//! time; so the program is ended.

use crate::kept::{Place, Top};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::process::{Signal, pidfd_send_signal};
use std::collections::BTreeSet;
use std::io::Result;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// The folders that hold what is kept, watched from now on.
#[derive(Debug)]
pub(crate) struct Watch {
    top: Top,
    places: Vec<Place>,
    changes: OwnedFd,
}

impl Watch {
    pub(crate) fn set(top: Top, workspace: &Path, places: &[Place]) -> Result<Self> {
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let what = WatchFlags::MOVE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE_SELF
            | WatchFlags::DELETE_SELF
            | WatchFlags::ONLYDIR;
        let mut folders = BTreeSet::new();
        for place in places {
            folders.extend(place.path.ancestors().skip(1));
        }
        for folder in folders {
            inotify::add_watch(&changes, workspace.join(folder), what)?;
        }
        Ok(Self {
            top,
            places: places.to_vec(),
            changes,
        })
    }

    /// Watches until `first`, the first process of the namespaces, has ended; ends it if something kept is not what it was.
    pub(crate) fn over(self, first: OwnedFd) -> Guard {
        Guard(std::thread::spawn(move || self.until(&first)))
    }

    /// Returns what was replaced.
    fn until(&self, first: &OwnedFd) -> Option<PathBuf> {
        loop {
            if let Some(path) = self.replaced() {
                let _ = pidfd_send_signal(first, Signal::KILL);
                return Some(path);
            }
            let mut both = [
                PollFd::new(first, PollFlags::IN),
                PollFd::new(&self.changes, PollFlags::IN),
            ];
            if rustix::io::retry_on_intr(|| poll(&mut both, None)).is_err() {
                let _ = pidfd_send_signal(first, Signal::KILL);
                return Some(PathBuf::new());
            }
            let [ended, _] = both;
            if !ended.revents().is_empty() {
                return None;
            }
            // What exactly has changed does not matter, nor whether the kernel has lost some of it.
            let mut events = [0; 4096];
            while rustix::io::read(&self.changes, &mut events).is_ok_and(|length| length > 0) {}
        }
    }

    fn replaced(&self) -> Option<PathBuf> {
        let mut places = self.places.iter();
        let replaced = places.find(|place| self.top.look(&place.path).ok() != place.id);
        replaced.map(|place| place.path.clone())
    }
}

/// Somebody watches.
#[derive(Debug)]
pub(crate) struct Guard(JoinHandle<Option<PathBuf>>);

impl Guard {
    /// What was replaced while the program ran, which has ended.
    pub(crate) fn heard(self) -> Option<PathBuf> {
        self.0.join().unwrap_or_else(|_| Some(PathBuf::new()))
    }
}
