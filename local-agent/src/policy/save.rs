//! Rules that a person lets stand for good are written into the person's own file of the project; all else in it stays as it is, comments included.

use super::settings::Found;
use super::trust::{Known, Trust, Word, hash};
use lanyard_policy::settings::{Level, Settings};
use lanyard_shared::time::UnixMs;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

/// Why rules were not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It was changed since the person was shown in which file they would be.
    #[error("the folder is not trusted, or its settings have changed meanwhile")]
    NotTrusted,
    /// What is there is not what it should be.
    #[error("{0} is no plain file in a plain folder")]
    NotPlain(PathBuf),
    /// It would not be read any more.
    #[error("{0} could not be read any more with these rules in it")]
    Unreadable(PathBuf),
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The file of a workspace.
#[must_use]
pub fn file_of(workspace: &Path) -> PathBuf {
    workspace.join(".lanyard/settings.local.toml")
}

/// Saves rules in a folder that is trusted, and trusts it as it is then: nothing else has been changed.
///
/// # Errors
/// See [`SaveError`]; then the file is as it was.
pub fn save(
    workspace: &Path,
    rules: &[String],
    trust: &mut Trust,
    now: UnixMs,
) -> Result<(), SaveError> {
    let found = Found::of(workspace);
    if trust.of(workspace, &found.project_hash()) != Known::Trusted {
        return Err(SaveError::NotTrusted);
    }
    let file = file_of(workspace);
    make_way(workspace, &file)?;
    // What was read just now, and is trusted: whoever changes it meanwhile has changed it in vain.
    let [project, own] = found.project.as_slice() else {
        return Err(SaveError::NotTrusted);
    };
    let text = String::from_utf8_lossy(own.as_deref().unwrap_or_default());
    let text = with_rules(&text, rules).ok_or_else(|| SaveError::Unreadable(file.clone()))?;
    let name = file.to_string_lossy();
    if Settings::read(Level::Local, &name, &text).is_err() {
        return Err(SaveError::Unreadable(file));
    }
    write(&file, &text).map_err(at(&file))?;
    trust.take(Word {
        folder: workspace.to_string_lossy().into_owned(),
        hash: hash(&[project.clone(), Some(text.into_bytes())]),
        trusted: true,
        at: now,
    });
    Ok(())
}

/// Neither the file nor its folder is a link: it would be another place that is written.
fn make_way(workspace: &Path, file: &Path) -> Result<(), SaveError> {
    let folder = workspace.join(".lanyard");
    match fs::symlink_metadata(&folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(SaveError::NotPlain(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = DirBuilder::new().mode(0o755).create(&folder);
            made.map_err(at(&folder))?;
        }
        Err(error) => return Err(at(&folder)(error)),
    }
    match fs::symlink_metadata(file) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(SaveError::NotPlain(file.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(file)(error)),
    }
}

/// The text with these rules among those that allow.
fn with_rules(text: &str, rules: &[String]) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let table = Item::Table(Table::new());
    let permissions = document.entry("permissions").or_insert(table);
    let permissions = permissions.as_table_like_mut()?;
    let list = permissions.entry("allow");
    let list = list.or_insert(Item::Value(Value::Array(Array::new())));
    let list = list.as_array_mut()?;
    for rule in rules {
        let is_it = |value: &Value| value.as_str() == Some(rule);
        if !list.iter().any(is_it) {
            list.push(rule.as_str());
        }
    }
    Some(document.to_string())
}

/// As a whole or not at all.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_extension(format!("toml.new-{}", std::process::id()));
    let mode = fs::metadata(file).map_or(0o644, |found| found.permissions().mode());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let _ = fs::remove_file(&beside);
    let written = options.open(&beside).and_then(|mut to| {
        to.write_all(text.as_bytes())?;
        to.sync_all()?;
        fs::rename(&beside, file)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn at(path: &Path) -> impl Fn(io::Error) -> SaveError {
    let path = path.to_owned();
    move |source| SaveError::Io {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const RULE: &str = "Bash(npm test)";

    fn trusted(workspace: &Path) -> Trust {
        let mut trust = Trust::default();
        trust.take(Word {
            folder: workspace.to_string_lossy().into_owned(),
            hash: Found::of(workspace).project_hash(),
            trusted: true,
            at: UnixMs(1),
        });
        trust
    }

    fn save_in(workspace: &Path, trust: &mut Trust) -> Result<(), SaveError> {
        save(workspace, &[RULE.to_owned()], trust, UnixMs(2))
    }

    #[test]
    fn a_rule_is_added_once_and_all_else_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path();
        fs::create_dir(workspace.join(".lanyard")).unwrap();
        let text = "# mine\nmode = \"ask\"\n[permissions]\ndeny = [\"Bash(rm:*)\"] # never\nallow = [\"Bash(make)\"]\n";
        fs::write(file_of(workspace), text).unwrap();
        let mut trust = trusted(workspace);
        for _ in 0..2 {
            save_in(workspace, &mut trust).unwrap();
        }
        let saved = fs::read_to_string(file_of(workspace)).unwrap();
        let expected = text.replace("[\"Bash(make)\"]", "[\"Bash(make)\", \"Bash(npm test)\"]");
        assert_eq!(saved, expected);
        let found = Found::of(workspace);
        assert_eq!(trust.of(workspace, &found.project_hash()), Known::Trusted);
        assert!(found.wrong.is_empty());
    }

    #[test]
    fn the_file_is_made_where_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut trust = trusted(dir.path());
        save_in(dir.path(), &mut trust).unwrap();
        let saved = fs::read_to_string(file_of(dir.path())).unwrap();
        assert_eq!(saved, format!("[permissions]\nallow = [\"{RULE}\"]\n"));
    }

    #[test]
    fn nothing_is_saved_where_it_would_not_count_or_lead_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let mut nobody = Trust::default();
        assert!(matches!(
            save_in(dir.path(), &mut nobody),
            Err(SaveError::NotTrusted)
        ));
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), dir.path().join(".lanyard")).unwrap();
        let mut trust = trusted(dir.path());
        assert!(matches!(
            save_in(dir.path(), &mut trust),
            Err(SaveError::NotPlain(_))
        ));
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        fs::remove_file(dir.path().join(".lanyard")).unwrap();
        fs::create_dir(dir.path().join(".lanyard")).unwrap();
        fs::write(elsewhere.path().join("file"), "").unwrap();
        symlink(elsewhere.path().join("file"), file_of(dir.path())).unwrap();
        let mut trust = trusted(dir.path());
        assert!(matches!(
            save_in(dir.path(), &mut trust),
            Err(SaveError::NotPlain(_))
        ));
    }

    #[test]
    fn a_file_that_cannot_be_read_with_it_stays_as_it_was() {
        for text in [
            "allow = ",
            "permissions = 7\n",
            "[permissions]\nallow = \"x\"\n",
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join(".lanyard")).unwrap();
            fs::write(file_of(dir.path()), text).unwrap();
            let mut trust = trusted(dir.path());
            assert!(save_in(dir.path(), &mut trust).is_err());
            assert_eq!(fs::read_to_string(file_of(dir.path())).unwrap(), text);
        }
    }

    #[test]
    fn what_somebody_writes_meanwhile_is_not_trusted_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path();
        fs::create_dir(workspace.join(".lanyard")).unwrap();
        let mut trust = trusted(workspace);
        save_in(workspace, &mut trust).unwrap();
        let evil = "[permissions]\nallow = [\"Bash(evil)\"]\n";
        fs::write(workspace.join(".lanyard/settings.toml"), evil).unwrap();
        assert!(matches!(
            save_in(workspace, &mut trust),
            Err(SaveError::NotTrusted)
        ));
        // The hash that was taken in is of what was trusted, and of nothing that is there by now.
        let hash = Found::of(workspace).project_hash();
        assert_ne!(trust.of(workspace, &hash), Known::Trusted);
    }
}
