//! A folder without some of what is in it, as folders and files that can be named as a whole. Landlock knows only what is allowed.

use crate::limits;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// Everything in `folder` but what is in `without`. Links are left out: a rule would be about what they lead to.
pub(super) fn around(folder: &Path, without: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut whole = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if without.iter().any(|out| path.starts_with(out)) {
            continue;
        }
        if !without.iter().any(|out| out.starts_with(&path)) {
            whole.push(path);
        } else if fs::symlink_metadata(&path)?.is_dir() {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                if !entry.file_type()?.is_symlink() {
                    left.push(entry.path());
                }
            }
        }
        if left.len() + whole.len() > limits::ENTRIES {
            return Err(Error::other("too many files lie beside what is kept"));
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_left_out_is_in_no_part_and_neither_is_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        fs::create_dir_all(top.join("a/d")).unwrap();
        fs::create_dir(top.join("e")).unwrap();
        symlink("/etc", top.join("link")).unwrap();
        let mut whole = around(top, &[top.join("a/b"), top.join("absent")]).unwrap();
        whole.sort();
        assert_eq!(whole, [top.join("a/d"), top.join("e")]);
        assert_eq!(around(top, &[]).unwrap(), [top.to_owned()]);
        assert!(around(top, &[top.to_owned()]).unwrap().is_empty());
    }
}
