//! The settings files of a workspace, on all four levels.

use super::trust::{self, ProjectHash};
use lanyard_policy::limits::SETTINGS_MAX;
use lanyard_policy::settings::{Level, Scopes, Settings, Wrong};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The machine's own file. No flag and no variable names another: whoever could set it could loosen it.
const MANAGED: &str = "/etc/lanyard/settings.toml";

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// Files that could be read, as they were.
    pub files: Vec<Read>,
    /// All that is wrong with others.
    pub wrong: Vec<Wrong>,
    /// Those that come with the project, byte for byte, or not there: first its own, then the person's for it.
    pub project: Vec<Option<Vec<u8>>>,
}

/// One file.
#[derive(Debug)]
pub struct Read {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub settings: Settings,
}

impl Found {
    /// Looks for the files of a workspace, which is absolute.
    #[must_use]
    pub fn of(workspace: &Path) -> Self {
        let project = workspace.join(".lanyard");
        let mut places = vec![(Level::Managed, PathBuf::from(MANAGED))];
        places.extend(user().map(|path| (Level::User, path)));
        places.push((Level::Project, project.join("settings.toml")));
        places.push((Level::Local, project.join("settings.local.toml")));
        Self::read(places)
    }

    /// Reads these files, those that are there.
    #[must_use]
    pub fn read(places: Vec<(Level, PathBuf)>) -> Self {
        let mut found = Self {
            files: Vec::new(),
            wrong: Vec::new(),
            project: Vec::new(),
        };
        for (level, path) in places {
            let name = path.display().to_string();
            let text = match text(&path) {
                Ok(Some(text)) => text,
                Ok(None) => {
                    if level.comes_with_project() {
                        found.project.push(None);
                    }
                    continue;
                }
                Err(error) => {
                    found
                        .wrong
                        .push(Wrong::unreadable(level, &name, error.to_string()));
                    continue;
                }
            };
            if level.comes_with_project() {
                found.project.push(Some(text.clone().into_bytes()));
            }
            match Settings::read(level, &name, &text) {
                Ok(settings) => found.files.push(Read { path, settings }),
                Err(wrong) => found.wrong.extend(wrong),
            }
        }
        found
    }

    /// Of all that comes with the project.
    #[must_use]
    pub fn project_hash(&self) -> ProjectHash {
        trust::hash(&self.project)
    }

    /// What is in force, in a folder that is trusted or not.
    #[must_use]
    pub fn scopes(&self, trusted: bool) -> Scopes {
        let files = self
            .files
            .iter()
            .map(|file| file.settings.clone())
            .collect();
        if self.wrong.is_empty() {
            Scopes::merge(files, trusted)
        } else {
            Scopes::broken(files, self.wrong.clone())
        }
    }
}

/// The home directory, if there is one.
#[must_use]
pub fn home() -> Option<PathBuf> {
    set("HOME").filter(|home| home.is_absolute())
}

fn user() -> Option<PathBuf> {
    let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| home().map(|home| home.join(".config")));
    config.map(|config| config.join("lanyard/settings.toml"))
}

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// `None` if there is no such file. Whatever else is there is an error: it may have been meant to forbid something.
fn text(path: &Path) -> io::Result<Option<String>> {
    // A pipe would be waited for.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file: File = match OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
    {
        Ok(file) => file,
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                && !is_link(path) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut text = String::new();
    file.take(SETTINGS_MAX as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(Some(text))
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn project(dir: &Path) -> Found {
        Found::read(vec![(Level::Project, dir.join("settings.toml"))])
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing_and_any_other_that_cannot_be_read_breaks_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.toml");
        assert!(project(dir.path()).scopes(true).reads_without_asking());
        fs::write(&file, "mode = \"plan\"\n").unwrap();
        assert!(project(dir.path()).scopes(true).reads_without_asking());
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(!project(dir.path()).scopes(true).reads_without_asking());
        fs::write(&file, "x".repeat(SETTINGS_MAX + 1)).unwrap();
        assert!(!project(dir.path()).scopes(true).reads_without_asking());
        fs::remove_file(&file).unwrap();
        symlink("nowhere", &file).unwrap();
        assert!(!project(dir.path()).scopes(true).reads_without_asking());
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(!project(dir.path()).scopes(true).reads_without_asking());
        fs::remove_dir(&file).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &file,
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        assert!(!project(dir.path()).scopes(true).reads_without_asking());
    }

    #[test]
    fn an_error_names_file_line_and_reason() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("settings.toml"),
            "mode = \"ask\"\n[permissions]\nallow = [\"Bash(\"]\n",
        )
        .unwrap();
        let found = project(dir.path());
        let [wrong] = found.wrong.as_slice() else {
            panic!("{:?}", found.wrong);
        };
        assert_eq!(wrong.line, 3);
        assert!(wrong.to_string().contains("settings.toml:3:"), "{wrong}");
    }
}
