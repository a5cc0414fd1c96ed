//! The repositories of a workspace: Git looks into those in folders below, as into submodules, and starts what their settings name.

use crate::limits;
use crate::links::is_absent;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// Never searched: what other programs fetch into them is no repository that Git comes by.
const PASSED_OVER: &[&str] = &[".git", "node_modules"];

/// What was found, from the top of the workspace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Repositories {
    /// Folders that hold a `.git`, without the top itself.
    pub(crate) holding: Vec<PathBuf>,
    /// What no command may change as a whole: repositories without a folder of their own around them, those that a `.git` names which is a file, and
    /// folders that cannot be looked into, as they may hold one.
    pub(crate) whole: Vec<PathBuf>,
}

/// Looks through the folders below `top`, down to [`limits::REPOSITORY_DEPTH`].
///
/// # Errors
/// There are more folders than are looked at, or one cannot be read, or `top` is itself a repository without a folder around it.
pub(crate) fn below(top: &Path) -> Result<Repositories> {
    let mut found = Repositories::default();
    if is_bare(top)? {
        return Err(Error::other(
            "the workspace is a bare repository, which commands would change as a whole",
        ));
    }
    found.whole.extend(elsewhere(top, Path::new(""))?);
    let mut level = vec![PathBuf::new()];
    let mut seen = 0;
    for _ in 0..limits::REPOSITORY_DEPTH {
        let mut next = Vec::new();
        for folder in level {
            seen += 1;
            let Some(below) = folders(top, &folder)? else {
                found.whole.push(folder);
                continue;
            };
            for folder in below {
                match look(top, &folder) {
                    Ok(Look::Holds) => {
                        found.whole.extend(elsewhere(top, &folder)?);
                        found.holding.push(folder.clone());
                    }
                    Ok(Look::Bare) => {
                        found.whole.push(folder);
                        continue;
                    }
                    Ok(Look::Neither) => {}
                    Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                        found.whole.push(folder);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                next.push(folder);
            }
            if seen + next.len() > limits::FOLDERS {
                return Err(Error::other(
                    "the workspace has too many folders to look for repositories in them",
                ));
            }
        }
        level = next;
    }
    Ok(found)
}

/// Those in a folder; `None` if it is closed to us, who could open it.
fn folders(top: &Path, folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let entries = match fs::read_dir(top.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::PermissionDenied && folder != Path::new("") => {
            return Ok(None);
        }
        // It has gone since it was seen.
        Err(error) if is_absent(&error) => return Ok(Some(Vec::new())),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        if is_folder && !PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
            found.push(folder.join(entry.file_name()));
        }
    }
    Ok(Some(found))
}

enum Look {
    Holds,
    Bare,
    Neither,
}

fn look(top: &Path, folder: &Path) -> Result<Look> {
    let folder = top.join(folder);
    if is_there(&folder.join(".git"))? {
        Ok(Look::Holds)
    } else if is_bare(&folder)? {
        Ok(Look::Bare)
    } else {
        Ok(Look::Neither)
    }
}

/// By what Git takes a folder for a repository (`is_git_directory` of its `setup.c`).
fn is_bare(folder: &Path) -> Result<bool> {
    for name in ["HEAD", "objects", "refs"] {
        if !is_there(&folder.join(name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_there(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where a `.git` says that the repository lies which is a file (gitrepository-layout(5)), as far as that is in the workspace.
fn elsewhere(top: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = top.join(folder);
    let Some(named) = says(&folder.join(".git"), "gitdir:")? else {
        return Ok(Vec::new());
    };
    let repository = folder.join(named);
    let common = says(&repository.join("commondir"), "")?.map(|named| repository.join(named));
    let places = [Some(repository), common].into_iter().flatten();
    // One that is not there yet is nobody's to make either.
    let real = places.map(|place| fs::canonicalize(&place).unwrap_or_else(|_| plain(&place)));
    let within = real.filter_map(|place| Some(place.strip_prefix(top).ok()?.to_owned()));
    Ok(within.filter(|place| place != Path::new("")).collect())
}

/// By its words, without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

/// The rest of the first line of a small file that begins so.
fn says(file: &Path, begins: &str) -> Result<Option<PathBuf>> {
    if !fs::symlink_metadata(file).is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut small = File::open(file)?.take(limits::GIT_FILE);
    small.read_to_end(&mut text)?;
    let line = text.split(|byte| *byte == b'\n').next();
    let rest = line.and_then(|line| line.strip_prefix(begins.as_bytes()));
    let rest = rest.map(|rest| PathBuf::from(OsStr::from_bytes(rest.trim_ascii())));
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn repositories_are_found_down_to_three_folders_below_and_through_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        for folder in [
            ".git",
            "a/.git",
            "a/b/.git",
            "a/b/c/.git",
            "a/b/c/d/.git",
            "node_modules/x/.git",
            "bare/objects",
            "bare/refs",
            "bare/worktrees/w",
            "looks/objects",
            "e",
        ] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        fs::write(top.join("bare/HEAD"), "").unwrap();
        fs::write(top.join("looks/HEAD"), "").unwrap();
        fs::write(top.join("e/.git"), "gitdir: ../bare/worktrees/w\n").unwrap();
        fs::write(top.join("bare/worktrees/w/commondir"), "../..\n").unwrap();
        symlink("a", top.join("link")).unwrap();
        let mut found = below(&top).unwrap();
        found.holding.sort();
        found.whole.sort();
        found.whole.dedup();
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(found.holding, paths(&["a", "a/b", "a/b/c", "e"]));
        assert_eq!(found.whole, paths(&["bare", "bare/worktrees/w"]));
        assert!(below(&top.join("bare")).is_err());
    }
}
