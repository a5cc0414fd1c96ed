//! The environment of a program, built from nothing.

use crate::resolve::{FOLDERS, is_elsewhere};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment for a program that only reads `workspace`.
///
/// Git reads its settings from the repository, which may be hostile. What names a program there is overruled here, where Git listens last.
pub fn reading(program: &Path, workspace: &Path) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> = COMMON
        .iter()
        .map(|(name, value)| pair(name, value))
        .collect();
    if program.file_name().is_some_and(|name| name == "git") {
        environment.extend(GIT.iter().map(|(name, value)| pair(name, value)));
        environment.extend(git_settings(workspace));
    }
    environment
}

/// The environment for a program that changes `workspace`: of the caller's, which `of_caller` looks up, what names languages, the terminal and the
/// user, and where programs are, but for folders that are in the workspace. Where its home and its temporary files are, it is told when it starts.
pub fn working(
    of_caller: impl Fn(&str) -> Option<OsString>,
    workspace: &Path,
) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<_> = TAKEN_OVER
        .iter()
        .filter_map(|name| Some((OsString::from(name), of_caller(name)?)))
        .collect();
    let path = of_caller("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| is_elsewhere(folder, workspace));
    let system = FOLDERS.iter().map(PathBuf::from);
    let mut all: Vec<PathBuf> = Vec::new();
    for folder in folders.chain(system) {
        if !all.contains(&folder) {
            all.push(folder);
        }
    }
    // Folders that cannot be joined hold the sign between them, and so were none of `PATH`.
    environment.push(("PATH".into(), std::env::join_paths(all).unwrap_or_default()));
    environment
}

const TAKEN_OVER: &[&str] = &[
    "COLORTERM",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LOGNAME",
    "NO_COLOR",
    "TERM",
    "TZ",
    "USER",
];

const COMMON: &[(&str, &str)] = &[
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C.UTF-8"),
    ("TERM", "dumb"),
    ("PAGER", "cat"),
];

const GIT: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_PAGER", "cat"),
];

/// `diff.external` is absent: Git takes an empty one for a program, so that no value of it means none. A repository that sets it makes `git diff` fail, as the program may not start.
///
/// `status` and `diff` look into a submodule by a second program, which may not start: they compare its commit only.
const SETTINGS: &[(&str, &str)] = &[
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.pager", "cat"),
    ("core.attributesFile", "/dev/null"),
    ("core.untrackedCache", "false"),
    ("core.sshCommand", "false"),
    ("credential.helper", ""),
    ("diff.ignoreSubmodules", "dirty"),
    ("gpg.program", "false"),
    ("log.showSignature", "false"),
    ("protocol.allow", "never"),
    ("status.submoduleSummary", "false"),
];

/// A workspace need not belong to the user who reads it, and what Git guards against by that, the fences hold.
fn git_settings(workspace: &Path) -> Vec<(OsString, OsString)> {
    let beneath = workspace.join("*").into_os_string();
    let safe = [workspace.as_os_str().to_owned(), beneath]
        .map(|folder| (OsString::from("safe.directory"), folder));
    let settings = SETTINGS.iter().map(|(name, value)| pair(name, value));
    let settings: Vec<_> = settings.chain(safe).collect();
    let mut environment = vec![pair("GIT_CONFIG_COUNT", &settings.len().to_string())];
    for (number, (name, value)) in settings.into_iter().enumerate() {
        environment.push((format!("GIT_CONFIG_KEY_{number}").into(), name));
        environment.push((format!("GIT_CONFIG_VALUE_{number}").into(), value));
    }
    environment
}

fn pair(name: &str, value: &str) -> (OsString, OsString) {
    (name.into(), value.into())
}
