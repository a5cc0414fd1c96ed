//! The few commands that are no programs: they say where a program is.
//!
//! `which` is a script, and `command` is part of a shell. Both are told plain words, and look at nothing but the folders of programs.

use lanyard_policy::decide::Ready;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// What a command says, and its status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) output: String,
    pub(super) status: i32,
}

/// Carries it out, if it is one of them.
pub(super) fn of(ready: &Ready) -> Option<Said> {
    let arguments = ready.arguments();
    match ready.program() {
        "which" => Some(which(arguments)),
        "command" => Some(command(arguments)),
        _ => None,
    }
}

/// As Debian's: the first file of each name, or all of them with `-a`; nothing but the status with `-s`.
fn which(arguments: &[String]) -> Said {
    let (options, names) = split(arguments);
    let has = |letter| options.iter().any(|option| option.contains(letter));
    let mut said = Said {
        output: String::new(),
        status: i32::from(names.is_empty()),
    };
    for name in names {
        let found = found(name);
        if found.is_empty() {
            said.status = 1;
        }
        let most = if has('a') { found.len() } else { 1 };
        for path in found.into_iter().take(most).filter(|_| !has('s')) {
            said.output.push_str(&path);
            said.output.push('\n');
        }
    }
    said
}

/// `command -v`: what would start. Fails only if nothing of it would.
fn command(arguments: &[String]) -> Said {
    let (_, names) = split(arguments);
    let mut said = Said {
        output: String::new(),
        status: i32::from(!names.is_empty()),
    };
    for name in names {
        let found = match name.as_str() {
            "cd" => Some(name.clone()),
            _ => found(name).into_iter().next(),
        };
        if let Some(path) = found {
            said.status = 0;
            said.output.push_str(&path);
            said.output.push('\n');
        }
    }
    said
}

fn split(arguments: &[String]) -> (&[String], &[String]) {
    let options = arguments
        .iter()
        .take_while(|word| word.starts_with('-') && *word != "--");
    let (options, names) = arguments.split_at(options.count());
    match names {
        [first, names @ ..] if first == "--" => (options, names),
        names => (options, names),
    }
}

/// Where programs of that name are, in the folders that the environment of a program names.
fn found(name: &str) -> Vec<String> {
    const FOLDERS: &[&str] = &["/usr/local/bin", "/usr/bin", "/bin"];
    if name.is_empty() || name.contains('/') {
        return Vec::new();
    }
    let paths = FOLDERS.iter().map(|folder| format!("{folder}/{name}"));
    let is_program = |path: &String| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    paths.filter(is_program).collect()
}
