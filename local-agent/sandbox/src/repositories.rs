//! The repositories of a workspace: Git looks into those in folders below, as into submodules, and starts what their settings name.

use crate::limits;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// Never searched: what other programs fetch into them is no repository that Git comes by.
const PASSED_OVER: &[&str] = &[".git", "node_modules"];

/// The folders below `top` that hold a `.git`, from there and without `top` itself, down to [`limits::REPOSITORY_DEPTH`].
///
/// # Errors
/// There are more folders than are looked at.
pub(crate) fn below(top: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut level = vec![PathBuf::new()];
    let mut seen = 0;
    for _ in 0..limits::REPOSITORY_DEPTH {
        let mut next = Vec::new();
        for folder in level {
            // One that cannot be read is read by no program either.
            let Ok(entries) = fs::read_dir(top.join(&folder)) else {
                continue;
            };
            for entry in entries.flatten() {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder && !PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
                    next.push(folder.join(entry.file_name()));
                }
            }
            seen += 1;
            if seen + next.len() > limits::FOLDERS {
                return Err(Error::other(
                    "the workspace has too many folders to look for repositories in them",
                ));
            }
        }
        let holds = |folder: &&PathBuf| fs::symlink_metadata(top.join(folder).join(".git")).is_ok();
        found.extend(next.iter().filter(holds).cloned());
        level = next;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn repositories_are_found_down_to_three_folders_below_and_through_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        for folder in [
            ".git",
            "a/.git",
            "a/b/.git",
            "a/b/c/.git",
            "a/b/c/d/.git",
            "node_modules/x/.git",
        ] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        fs::create_dir(top.join("e")).unwrap();
        fs::write(top.join("e/.git"), "gitdir: ../x\n").unwrap();
        symlink("a", top.join("link")).unwrap();
        let mut found = below(top).unwrap();
        found.sort();
        assert_eq!(found, ["a", "a/b", "a/b/c", "e"].map(PathBuf::from));
    }
}
