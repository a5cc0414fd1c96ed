//! Where a link in a workspace leads, step by step: whatever of it somebody could change would lead it elsewhere.

use std::collections::VecDeque;
use std::fs::{canonicalize, read_link, symlink_metadata};
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows (`path_resolution(7)`).
const LINKS_MAX: usize = 40;

/// All in the workspace by which a link there is followed, from the workspace: the links met on the way, and where it ends, which may not be there.
/// What lies outside is nobody's to change, and a circle leads nowhere.
///
/// # Errors
/// Something on the way cannot be looked at.
pub(crate) fn followed(top: &Path, link: &Path) -> Result<Vec<PathBuf>> {
    let mut met = Vec::new();
    let mut at = link.parent().unwrap_or(Path::new("")).to_owned();
    let mut left: VecDeque<PathBuf> = parts(&read_link(top.join(link))?);
    let mut links = 1;
    while let Some(part) = left.pop_front() {
        match part.components().next() {
            Some(Component::RootDir) => {
                let whole: PathBuf = std::iter::once(part).chain(left.drain(..)).collect();
                let Ok(within) = whole.strip_prefix(top) else {
                    return Ok(with_end(top, link, met));
                };
                at = PathBuf::new();
                left = parts(within);
            }
            Some(Component::ParentDir) => {
                if !at.pop() {
                    return Ok(with_end(top, link, met));
                }
            }
            Some(Component::Normal(name)) => {
                at.push(name);
                match symlink_metadata(top.join(&at)) {
                    Ok(found) if found.is_symlink() => {
                        met.push(at.clone());
                        links += 1;
                        if links > LINKS_MAX {
                            return Ok(met);
                        }
                        let mut to = parts(&read_link(top.join(&at))?);
                        to.append(&mut left);
                        left = to;
                        at.pop();
                    }
                    Ok(_) => {}
                    Err(error) if is_absent(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            Some(Component::CurDir | Component::Prefix(_)) | None => {}
        }
    }
    if at != Path::new("") {
        met.push(at);
    }
    Ok(met)
}

/// Outside of the workspace other links may lead back into it.
fn with_end(top: &Path, link: &Path, mut met: Vec<PathBuf>) -> Vec<PathBuf> {
    let end = canonicalize(top.join(link)).ok();
    let end = end.and_then(|end| Some(end.strip_prefix(top).ok()?.to_owned()));
    met.extend(end.filter(|end| end != Path::new("")));
    met
}

fn parts(path: &Path) -> VecDeque<PathBuf> {
    let parts = path.components();
    parts.map(|part| PathBuf::from(part.as_os_str())).collect()
}

/// Whether that is all that is wrong: nothing is there.
pub(crate) fn is_absent(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    #[test]
    fn every_link_on_the_way_is_named_and_where_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        create_dir_all(top.join("real/sub")).unwrap();
        write(top.join("real/sub/file"), "").unwrap();
        let absolute = top.join("real");
        let links: &[(&str, &Path)] = &[
            ("a", Path::new("b")),
            ("b", Path::new("c/sub")),
            ("c", &absolute),
            ("up", Path::new("real/../a/file")),
            ("out", outside.path()),
            ("beyond", Path::new("../../x")),
            ("none", Path::new("real/none/at/all")),
            ("round", Path::new("again")),
            ("again", Path::new("round")),
        ];
        for (name, to) in links {
            symlink(to, top.join(name)).unwrap();
        }
        symlink(top.join("b"), outside.path().join("back")).unwrap();
        symlink(outside.path().join("back"), top.join("returns")).unwrap();
        let of = |link: &str| -> Vec<String> {
            let met = followed(&top, Path::new(link)).unwrap();
            met.iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(of("a"), ["b", "c", "real/sub"]);
        assert_eq!(of("up"), ["a", "b", "c", "real/sub/file"]);
        assert!(of("out").is_empty() && of("beyond").is_empty());
        assert_eq!(of("returns"), ["real/sub"]);
        assert_eq!(of("none"), ["real/none"]);
        assert!(of("round").contains(&"again".to_owned()));
    }
}
