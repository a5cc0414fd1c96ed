//! What can happen to a file, and what its folder was before.

use anyhow::{Context as _, Result};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

/// What can happen to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It has no bytes.
    Empty,
    /// The second half is gone.
    Half,
    /// One bit in the middle has flipped.
    Flipped,
    /// Zeros in place of all bytes, as some file systems leave them after a power failure.
    Zeros,
    /// A folder in its place.
    Folder,
    /// A link to what it was in its place.
    Link,
    /// A pipe in its place.
    Pipe,
    /// Others can read it.
    Open,
    /// It belongs to another user.
    Foreign,
    /// It is gone.
    Gone,
}

/// All that leaves something else than was written, and says so by itself.
pub const DAMAGE: &[Harm] = &[
    Harm::Empty,
    Harm::Half,
    Harm::Flipped,
    Harm::Zeros,
    Harm::Folder,
    Harm::Link,
    Harm::Pipe,
];

/// All that only a person can judge.
pub const TOUCHED: &[Harm] = &[Harm::Open, Harm::Foreign];

impl Harm {
    /// Does it to a file. False where this user cannot.
    pub fn strike(self, path: &Path) -> Result<bool> {
        let content = fs::read(path).unwrap_or_default();
        let gone = || fs::remove_file(path);
        match self {
            Self::Empty => fs::write(path, "")?,
            Self::Half => fs::write(path, &content[..content.len() / 2])?,
            Self::Flipped => {
                let mut content = content;
                let middle = content.len() / 2;
                *content.get_mut(middle).context("a byte to flip")? ^= 0x40;
                fs::write(path, content)?;
            }
            Self::Zeros => fs::write(path, vec![0; content.len()])?,
            Self::Folder => {
                gone()?;
                fs::create_dir(path)?;
                fs::write(path.join("inside"), "precious")?;
            }
            Self::Link => {
                let elsewhere = path.with_extension("elsewhere");
                fs::rename(path, &elsewhere)?;
                symlink(&elsewhere, path)?;
            }
            Self::Pipe => {
                gone()?;
                let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                rustix::fs::mkfifoat(rustix::fs::CWD, path, mode)?;
            }
            Self::Open => fs::set_permissions(path, Permissions::from_mode(0o644))?,
            Self::Foreign => {
                if !rustix::process::geteuid().is_root() {
                    return Ok(false);
                }
                chown(path, Some(NOBODY), None)?;
            }
            Self::Gone => gone()?,
        }
        Ok(true)
    }
}

/// Some user that is not this one.
const NOBODY: u32 = 65_534;

/// A folder as it was.
pub struct Before {
    folder: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Before {
    /// Remembers the files of a folder that nobody uses now.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if fs::symlink_metadata(&path)?.is_file() {
                files.push((path.clone(), fs::read(&path)?));
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            files,
        })
    }

    /// Makes the folder as it was, without sockets and folders in it.
    pub fn restore(&self) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if fs::symlink_metadata(&path)?.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        for (path, content) in &self.files {
            fs::write(path, content)?;
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

/// What was kept of a file of this name, if anything.
pub fn kept(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let prefix = format!("{name}.broken-");
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().context("a name")?.to_string_lossy();
        if file.starts_with(&prefix) {
            kept.push(path.clone());
        }
    }
    Ok(kept)
}

/// What a path holds, to compare: its kind and its bytes.
pub fn look(path: &Path) -> Result<String> {
    let metadata = fs::symlink_metadata(path)?;
    let inside = if metadata.is_file() {
        fs::read(path)?
    } else if metadata.is_dir() {
        fs::read(path.join("inside"))?
    } else {
        Vec::new()
    };
    Ok(format!("{:?} {inside:?}", metadata.file_type()))
}
