//! The settings of Claude Code, with our hook in them and without. All else in them stays, in the order of its names.

use crate::cli::Failure;
use crate::limits::{HOOK_SETTINGS_MAX, HOOK_TIME};
use serde_json::{Map, Value, json};
use std::env;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

const EVENTS: &[&str] = &["PermissionRequest", "PreToolUse"];

/// By this end of it a command is known for ours, wherever the program lies.
const OURS: &str = " hook claude-code";

/// Which file.
pub fn place(project: bool) -> Result<PathBuf, Failure> {
    let (folder, name) = if project {
        (env::current_dir().ok(), "settings.local.json")
    } else {
        (env::home_dir(), "settings.json")
    };
    let folder = folder.ok_or_else(|| Failure {
        sentence: "your home, or the present folder, is not known".to_owned(),
        hint: "set HOME".to_owned(),
    })?;
    Ok(folder.join(".claude").join(name))
}

/// What is there; nothing at all is as no settings.
pub fn read(path: &Path) -> Result<Value, Failure> {
    let mut text = String::new();
    match fs::File::open(path) {
        Ok(file) => {
            let read = file.take(HOOK_SETTINGS_MAX).read_to_string(&mut text);
            read.map_err(|error| broken(path, &error))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(json!({})),
        Err(error) => return Err(broken(path, &error)),
    }
    serde_json::from_str(&text).map_err(|error| broken(path, &error))
}

/// Whole or not at all; through a link, as settings often are one.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("/"));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{text}")?;
        if let Ok(before) = fs::metadata(&path) {
            file.as_file().set_permissions(before.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|error| broken(&path, &error))
}

/// As a shell reads it.
pub fn command(exe: &Path) -> String {
    let exe = exe.to_string_lossy().replace('\'', r"'\''");
    format!("'{exe}'{OURS}")
}

/// With our hook, once.
pub fn with(settings: Value, command: &str) -> Result<Value, Failure> {
    let mut settings = without(settings)?;
    let ours = json!({
        "matcher": "Bash",
        "hooks": [{"type": "command", "command": command, "timeout": HOOK_TIME.as_secs()}],
    });
    let all = settings.as_object_mut().ok_or_else(foreign)?;
    let hooks = all.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks.as_object_mut().ok_or_else(foreign)?;
    for event in EVENTS {
        let list = hooks.entry(*event).or_insert_with(|| json!([]));
        list.as_array_mut().ok_or_else(foreign)?.push(ours.clone());
    }
    Ok(settings)
}

/// Without it. What it leaves empty goes with it.
pub fn without(mut settings: Value) -> Result<Value, Failure> {
    let all = settings.as_object_mut().ok_or_else(foreign)?;
    let Some(hooks) = all.get_mut("hooks") else {
        return Ok(settings);
    };
    let hooks = hooks.as_object_mut().ok_or_else(foreign)?;
    for event in EVENTS {
        let Some(list) = hooks.get_mut(*event) else {
            continue;
        };
        let list = list.as_array_mut().ok_or_else(foreign)?;
        let before = list.len();
        list.retain_mut(|entry| {
            let Some(each) = entry.get_mut("hooks").and_then(Value::as_array_mut) else {
                return true;
            };
            let had = each.len();
            each.retain(|hook| !is_ours(hook));
            !each.is_empty() || had == 0
        });
        if list.is_empty() && before > 0 {
            hooks.remove(*event);
        }
    }
    if hooks == &Map::new() {
        all.remove("hooks");
    }
    Ok(settings)
}

fn is_ours(hook: &Value) -> bool {
    let command = hook.get("command").and_then(Value::as_str);
    command.is_some_and(|command| command.ends_with(OURS) && command.contains("lanyard"))
}

fn foreign() -> Failure {
    Failure {
        sentence: "the settings of Claude Code are not of a form that is known".to_owned(),
        hint: "they were left as they are; write the hook by hand, as `lanyard hook install --print` shows it elsewhere".to_owned(),
    }
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure {
        sentence: format!("{}: {error}", path.display()),
        hint: "mend it first; nothing was changed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_is_written_once_and_taken_out_without_a_trace() {
        let other = json!({"matcher": "Bash", "hooks": [{"type": "command", "command": "mine"}]});
        for before in [
            json!({}),
            json!({"model": "x", "hooks": {"Stop": [other], "PreToolUse": [other]}}),
            json!({"hooks": {"PreToolUse": [{"matcher": "*", "hooks": []}]}}),
        ] {
            let command = command(Path::new("/opt/it's/lanyard"));
            let once = with(before.clone(), &command).unwrap();
            for event in EVENTS {
                let list = once["hooks"][event].as_array().unwrap();
                let ours = list.last().unwrap();
                assert_eq!(ours["hooks"][0]["command"], command);
                assert_eq!(ours["hooks"][0]["timeout"], HOOK_TIME.as_secs());
            }
            let moved = super::command(Path::new("/usr/bin/lanyard"));
            let twice = with(once, &moved).unwrap();
            assert!(!twice.to_string().contains("/opt"), "{twice}");
            assert_eq!(without(twice).unwrap(), before);
        }
        for foreign in [
            json!([]),
            json!({"hooks": []}),
            json!({"hooks": {"PreToolUse": 7}}),
        ] {
            assert!(with(foreign, "x").is_err());
        }
    }

    #[test]
    fn settings_behind_a_link_are_written_where_they_are_and_keep_their_mode() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real.json");
        fs::write(&real, "{}").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        let link = dir.path().join(".claude/settings.json");
        write(&link, "{}").unwrap();
        fs::remove_file(&link).unwrap();
        symlink(&real, &link).unwrap();
        write(&link, "{\"a\": 1}").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&real).unwrap(), json!({"a": 1}));
        assert_eq!(
            fs::metadata(&real).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::write(&real, "{").unwrap();
        assert!(read(&real).is_err());
    }
}
