//! Files that hold secrets: readable by their owner alone, replaced whole or not at all.

use crate::limits::PRIVATE_FILE_MAX;
use rustix::fs::{Mode, OFlags};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why a private file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// Group or others may read or write it.
    #[error("{0} can be read or written by others")]
    OpenToOthers(PathBuf),
    /// It belongs to somebody else.
    #[error("{0} belongs to another user")]
    ForeignOwner(PathBuf),
    /// It is not a regular file, or too long to be one of ours.
    #[error("{0} is not a file of ours")]
    NotOurs(PathBuf),
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl PrivateFileError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::OpenToOthers(path) => format!(
                "if nobody else has seen it, run `chmod go-rwx {}`; otherwise delete it and pair or enrol again",
                path.display()
            ),
            Self::ForeignOwner(path) => format!("run this as the user who owns {}", path.display()),
            Self::NotOurs(path) => format!("move {} away", path.display()),
            Self::Io { .. } => "check the disk and the folder's permissions".to_owned(),
        }
    }

    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Makes a directory that only its owner can enter, and its parents. One that is there already must be so.
///
/// # Errors
/// It cannot be made, belongs to somebody else or is open to others.
pub fn private_dir(path: &Path) -> Result<(), PrivateFileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(PrivateFileError::io(path))?;
    let metadata = std::fs::metadata(path).map_err(PrivateFileError::io(path))?;
    check(path, metadata.uid(), metadata.mode())
}

/// Reads a private file; `None` when there is none.
///
/// # Errors
/// See [`PrivateFileError`]. Ownership and mode are those of the file that is read, not of a path that may change in between.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, PrivateFileError> {
    let file = match OpenOptions::new()
        .read(true)
        // A pipe would keep its reader waiting.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Err(PrivateFileError::NotOurs(path.to_owned())),
        Err(error) => return Err(PrivateFileError::io(path)(error)),
    };
    let metadata = file.metadata().map_err(PrivateFileError::io(path))?;
    if !metadata.is_file() || metadata.len() > PRIVATE_FILE_MAX {
        return Err(PrivateFileError::NotOurs(path.to_owned()));
    }
    check(path, metadata.uid(), metadata.mode())?;
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(PRIVATE_FILE_MAX)
        .read_to_end(&mut content)
        .map_err(PrivateFileError::io(path))?;
    Ok(Some(content))
}

/// Writes a private file: beside it first, to the disk, then over it. After a crash there is the old one or the new one.
///
/// # Errors
/// The disk is full or the directory cannot be written; the old file is as it was.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), PrivateFileError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = write_beside(&beside, content).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is left beside it is of no use; that it cannot be removed either changes nothing.
        let _ = std::fs::remove_file(&beside);
    }
    written
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(PrivateFileError::io(path))
}

fn write_beside(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let _ = std::fs::remove_file(path);
    let mode = (Mode::RUSR | Mode::WUSR).bits();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn check(path: &Path, owner: u32, mode: u32) -> Result<(), PrivateFileError> {
    if owner != rustix::process::geteuid().as_raw() {
        return Err(PrivateFileError::ForeignOwner(path.to_owned()));
    }
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::OpenToOthers(path.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_that_others_can_read_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("key");
        assert!(read_private(&path)?.is_none());
        write_private(&path, b"secret")?;
        assert_eq!(read_private(&path)?.as_deref(), Some(&b"secret"[..]));
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
            assert!(matches!(
                read_private(&path),
                Err(PrivateFileError::OpenToOthers(_))
            ));
        }
        Ok(())
    }

    #[test]
    fn a_link_in_place_of_the_file_is_not_followed() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        write_private(&dir.path().join("real"), b"secret")?;
        std::os::unix::fs::symlink(dir.path().join("real"), dir.path().join("key"))?;
        let read = read_private(&dir.path().join("key"));
        assert!(matches!(read, Err(PrivateFileError::NotOurs(_))));
        Ok(())
    }

    #[test]
    fn a_folder_or_a_pipe_in_place_of_the_file_is_refused_without_waiting()
    -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let (folder, pipe) = (dir.path().join("folder"), dir.path().join("pipe"));
        std::fs::create_dir(&folder)?;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR)?;
        for path in [folder, pipe] {
            let read = read_private(&path);
            assert!(matches!(read, Err(PrivateFileError::NotOurs(_))));
        }
        Ok(())
    }

    #[test]
    fn replacing_leaves_nothing_beside() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("key");
        write_private(&path, b"one")?;
        write_private(&path, b"two")?;
        assert_eq!(read_private(&path)?.as_deref(), Some(&b"two"[..]));
        assert_eq!(std::fs::read_dir(dir.path())?.count(), 1);
        Ok(())
    }
}
