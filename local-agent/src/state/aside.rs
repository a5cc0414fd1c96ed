//! Damaged files are kept, under a name that says since when. What lies there is shown to the owner until it is taken away.

use super::table::TABLE;
use super::{StateDir, StateError};
use lanyard_dial::private_file::PrivateFileError;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// Between the name of a file and the time at which it was found damaged, in seconds since 1970.
const BROKEN: &str = ".broken-";

/// Something that the owner must know, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was found.
    pub sentence: String,
    /// What to do.
    pub hint: String,
}

impl StateDir {
    /// Gives what lies at `path` another name, and returns that.
    pub(super) fn put_aside(&self, path: &Path, now: UnixMs) -> Result<PathBuf, PrivateFileError> {
        let aside = free_name(path, now);
        std::fs::rename(path, &aside)
            .map(|()| aside)
            .map_err(at(path))
    }

    /// Gives a file that is about to be replaced a second name, so that at no moment there is none. What has no second name is moved.
    pub(super) fn keep_aside(&self, path: &Path, now: UnixMs) -> Result<PathBuf, PrivateFileError> {
        let aside = free_name(path, now);
        match std::fs::hard_link(path, &aside) {
            Ok(()) if path.is_file() && !path.is_symlink() => Ok(aside),
            Ok(()) => std::fs::remove_file(path).map(|()| aside).map_err(at(path)),
            Err(_) => self.put_aside(path, now),
        }
    }

    /// Makes sure that a socket can be made at `path`: one that a killed agent left is removed, anything else is moved away and named.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn make_way(&self, path: &Path, now: UnixMs) -> Result<Option<Finding>, StateError> {
        use std::os::unix::fs::FileTypeExt as _;
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(path)(error).into()),
            Ok(metadata) if metadata.file_type().is_socket() => {
                std::fs::remove_file(path).map_err(at(path))?;
                Ok(None)
            }
            Ok(_) => self.displaced(path, "a socket", now).map(Some),
        }
    }

    /// Makes sure that what lies at `path`, if anything, is a folder or leads to one.
    ///
    /// # Errors
    /// The folder around it cannot be written.
    pub fn make_way_for_folder(
        &self,
        path: &Path,
        now: UnixMs,
    ) -> Result<Option<Finding>, StateError> {
        if path.is_dir() || std::fs::symlink_metadata(path).is_err() {
            return Ok(None);
        }
        self.displaced(path, "a folder", now).map(Some)
    }

    /// Keeps a file aside that is not what was written, and says so.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn set_aside(&self, path: &Path, why: &str, now: UnixMs) -> Result<Finding, StateError> {
        let aside = self.put_aside(path, now)?;
        let aside = aside.display();
        Ok(Finding {
            sentence: format!("{why}; it is kept as {aside}, and a new one begins"),
            hint: format!("somebody may have edited it: look at {aside} before you take it away"),
        })
    }

    fn displaced(&self, path: &Path, what: &str, now: UnixMs) -> Result<Finding, StateError> {
        let aside = self.put_aside(path, now)?;
        Ok(Finding {
            sentence: format!(
                "{} was not {what}; what was there is kept as {}",
                path.display(),
                aside.display()
            ),
            hint: format!("look at it, and take {} away", aside.display()),
        })
    }

    /// What was found damaged and still lies there.
    #[must_use]
    pub fn kept_aside(&self) -> Vec<Finding> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut broken: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| original(path).is_some())
            .collect();
        broken.sort();
        let finding = |path: &PathBuf| {
            let name = original(path).unwrap_or_default();
            let path = path.display();
            let first = if name == TABLE {
                "look through `lanyard devices`"
            } else {
                "see whether you miss anything"
            };
            Finding {
                sentence: format!("{name} was found damaged and is kept as {path}"),
                hint: format!("{first}; then take {path} away"),
            }
        };
        broken.iter().map(finding).collect()
    }

    /// Whether such a file was found damaged before.
    pub(super) fn was_broken(&self, name: &str) -> bool {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| original(&entry.path()).map(str::to_owned))
            .any(|original| original == name)
    }

    /// Removes what a power failure left of files that were being written: nothing depends on it yet, and keys may be in it.
    pub(super) fn clear_half_written(&self) {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if is_half_written(&path)
                && let Err(error) = std::fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "a half-written file cannot be removed");
            }
        }
    }
}

/// The name that a broken file had; `None` for all others.
fn original(path: &Path) -> Option<&str> {
    let (name, since) = path.file_name()?.to_str()?.split_once(BROKEN)?;
    let digits =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    digits(since).then_some(name)
}

/// As [`lanyard_dial::private_file::write_private`] names what it writes beside a file.
fn is_half_written(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension
        .and_then(|extension| extension.strip_prefix("new-"))
        .is_some_and(|pid| pid.parse::<u32>().is_ok())
}

fn free_name(path: &Path, now: UnixMs) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let first = path.with_file_name(format!("{name}{BROKEN}{}", now.secs()));
    let others =
        (2_u32..).map(|n| path.with_file_name(format!("{name}{BROKEN}{}-{n}", now.secs())));
    std::iter::once(first)
        .chain(others)
        .find(|name| std::fs::symlink_metadata(name).is_err())
        .unwrap_or_default()
}

fn at(path: &Path) -> impl Fn(io::Error) -> PrivateFileError {
    move |source| PrivateFileError::Io {
        path: path.to_owned(),
        source,
    }
}
