//! Where paths really lead: the file system, for the decisions.

use crate::limits::LINKS_MAX;
use lanyard_policy::place::Files;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// This machine's file system.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    /// As `realpath --canonicalize-missing`, but behind a name that is not there nothing goes up again: what will be there is unknown.
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let mut real = PathBuf::from("/");
        let mut left = parts(path)?;
        let mut links = 0;
        let mut exists = true;
        while let Some(part) = left.pop_front() {
            if part == ".." {
                if !exists {
                    return None;
                }
                real.pop();
                continue;
            }
            real.push(&part);
            let link = match fs::symlink_metadata(&real) {
                Ok(found) => found.is_symlink(),
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
                {
                    exists = false;
                    false
                }
                Err(_) => return None,
            };
            if link {
                links += 1;
                if links > LINKS_MAX {
                    return None;
                }
                let to = fs::read_link(&real).ok()?;
                real.pop();
                if to.is_absolute() {
                    real = PathBuf::from("/");
                }
                for part in parts(&to)?.into_iter().rev() {
                    left.push_front(part);
                }
            }
        }
        Some(real)
    }

    fn holds(&self, folder: &Path, name: &str) -> bool {
        fs::symlink_metadata(folder.join(name)).is_ok()
    }
}

/// Names and `..`, without the root.
fn parts(path: &Path) -> Option<VecDeque<OsString>> {
    let mut parts = VecDeque::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push_back(name.to_owned()),
            Component::ParentDir => parts.push_back("..".into()),
            Component::RootDir | Component::CurDir => {}
            Component::Prefix(_) => return None,
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_wherever_they_stand_in_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(root.join("work/src")).unwrap();
        fs::create_dir(root.join("out")).unwrap();
        symlink("../out", root.join("work/link")).unwrap();
        symlink(root.join("out"), root.join("work/src/far")).unwrap();
        symlink("loop", root.join("work/loop")).unwrap();
        let resolve = |path: &str| Disk.resolve(&root.join(path));
        assert_eq!(resolve("work/src/../src/a"), Some(root.join("work/src/a")));
        assert_eq!(resolve("work/link"), Some(root.join("out")));
        assert_eq!(resolve("work/link/a/b"), Some(root.join("out/a/b")));
        assert_eq!(resolve("work/src/far/../a"), Some(root.join("a")));
        assert_eq!(resolve("work/src/far/a"), Some(root.join("out/a")));
        assert_eq!(resolve("work/loop"), None);
        assert_eq!(resolve("work/none/../a"), None);
    }
}
