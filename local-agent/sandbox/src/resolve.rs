//! Which file a program's name means: one that only the superuser can have put there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where programs are looked for, in this order. `PATH` is not asked: whoever set it could have put a folder of theirs before these.
pub(crate) const FOLDERS: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
];

/// Why a name means no program.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It is empty, or holds a slash.
    #[error("{0:?} is no bare name of a program")]
    NotAName(String),
    /// None of the system's folders holds it.
    #[error("no program {0:?} is in the system's folders")]
    NotFound(String),
    /// Somebody other than the superuser could have changed it.
    #[error("{0} could have been changed by another than the superuser")]
    Changeable(PathBuf),
    /// The workspace holds what the name means.
    #[error("{0} is in the workspace")]
    InWorkspace(PathBuf),
    /// It could not be looked at.
    #[error("{0}: {1}")]
    Unseen(PathBuf, std::io::Error),
}

/// The file that a bare name means.
///
/// The first folder that holds the name decides: a bad one is an error and not passed over.
///
/// # Errors
/// A name that means no program, or one that others could have changed.
pub fn resolve(name: &str, workspace: &Path) -> Result<PathBuf, ResolveError> {
    if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
        return Err(ResolveError::NotAName(name.to_owned()));
    }
    let found = FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    let found = found
        .into_iter()
        .find(|path| fs::symlink_metadata(path).is_ok())
        .ok_or_else(|| ResolveError::NotFound(name.to_owned()))?;
    trusted(&found)?;
    let program = fs::canonicalize(&found).map_err(unseen(&found))?;
    trusted(&program)?;
    let workspace = fs::canonicalize(workspace).map_err(unseen(workspace))?;
    if program.starts_with(&workspace) {
        return Err(ResolveError::InWorkspace(program));
    }
    let file = fs::metadata(&program).map_err(unseen(&program))?;
    if !file.is_file() || file.mode() & 0o111 == 0 {
        return Err(ResolveError::NotFound(name.to_owned()));
    }
    Ok(program)
}

/// The file that a name means for a person who has seen which it is and approved it: a bare name is looked for in `path`, but not in folders of the
/// workspace; one with a slash is meant from `folder`.
///
/// # Errors
/// A name that means no program, or one that other users could have changed.
pub fn on_path(
    name: &str,
    folder: &Path,
    workspace: &Path,
    path: &OsStr,
) -> Result<PathBuf, ResolveError> {
    if name.is_empty() || name.contains('\0') || name == "." || name == ".." {
        return Err(ResolveError::NotAName(name.to_owned()));
    }
    let found = if name.contains('/') {
        Some(folder.join(name)).filter(|path| is_program(path))
    } else {
        std::env::split_paths(path)
            .filter(|folder| is_elsewhere(folder, workspace))
            .map(|folder| folder.join(name))
            .find(|path| is_program(path))
    };
    let found = found.ok_or_else(|| ResolveError::NotFound(name.to_owned()))?;
    let program = fs::canonicalize(&found).map_err(unseen(&found))?;
    let file = fs::metadata(&program).map_err(unseen(&program))?;
    let owners = [0, rustix::process::getuid().as_raw()];
    if !owners.contains(&file.uid()) || file.mode() & 0o002 != 0 {
        return Err(ResolveError::Changeable(program));
    }
    // Not the real one: a program that goes by many names looks at which it was called.
    Ok(found)
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
}

/// Whether a folder of `PATH` says where it is, and that is not in the workspace, where anybody's program could lie.
pub(crate) fn is_elsewhere(folder: &Path, workspace: &Path) -> bool {
    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    folder.is_absolute() && !folder.starts_with(workspace) && !real.starts_with(workspace)
}

/// A link's own mode means nothing; that of the folder which holds it does.
fn trusted(path: &Path) -> Result<(), ResolveError> {
    for part in path.ancestors() {
        let found = fs::symlink_metadata(part).map_err(unseen(part))?;
        let writable = !found.file_type().is_symlink() && found.mode() & 0o022 != 0;
        if found.uid() != 0 || writable {
            return Err(ResolveError::Changeable(part.to_owned()));
        }
    }
    Ok(())
}

fn unseen(path: &Path) -> impl Fn(std::io::Error) -> ResolveError {
    move |error| ResolveError::Unseen(path.to_owned(), error)
}
