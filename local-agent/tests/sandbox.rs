//! `lanyard sandbox`, as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs)]

use lanyard_policy::protected::{NEVER_WRITTEN, StandIn, stand_in};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn lanyard(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .current_dir(folder)
        .env("LANYARD_TEST_SECRET", "secret-of-the-shell")
        .stdin(Stdio::null())
        .args(words)
        .output()
        .unwrap()
}

fn read_only(folder: &Path, words: &[&str]) -> Output {
    let start = ["sandbox", "run", "--profile", "read-only", "--"];
    lanyard(folder, &[&start, words].concat())
}

fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "a note\n").unwrap();
    folder
}

#[test]
fn a_command_reads_the_present_folder_and_leaves_with_its_status() {
    let folder = workspace();
    let ran = read_only(folder.path(), &["cat", "notes.txt"]);
    assert_eq!(ran.stdout, b"a note\n", "{ran:?}");
    assert!(ran.status.success());
    let ran = read_only(folder.path(), &["grep", "absent", "notes.txt"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
}

#[test]
fn a_command_changes_nothing_and_hears_nothing_of_the_shell() {
    let folder = workspace();
    let ran = read_only(folder.path(), &["touch", "new.txt"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(!folder.path().join("new.txt").exists());
    let ran = read_only(folder.path(), &["env"]);
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(!said.contains("secret-of-the-shell"), "{said}");
}

#[test]
fn other_programs_start_only_from_folders_that_were_named() {
    let folder = workspace();
    let line = ["bash", "-c", "cat notes.txt"];
    assert_ne!(read_only(folder.path(), &line).stdout, b"a note\n");
    let start = ["sandbox", "run", "--profile", "read-only"];
    let exec = ["--exec", "/usr/bin", "--"];
    let ran = lanyard(folder.path(), &[&start[..], &exec, &line].concat());
    assert_eq!(ran.stdout, b"a note\n", "{ran:?}");
}

#[test]
fn output_can_be_kept_in_a_file_of_the_shell() {
    let folder = workspace();
    let kept = folder.path().join("kept.txt");
    let ran = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .current_dir(folder.path())
        .args(["sandbox", "run", "--profile", "read-only", "--", "cat"])
        .arg("notes.txt")
        .stdout(fs::File::create(&kept).unwrap())
        .status()
        .unwrap();
    assert!(ran.success());
    assert_eq!(fs::read(kept).unwrap(), b"a note\n");
}

#[test]
fn what_does_not_run_is_told_as_shells_tell_it() {
    let folder = workspace();
    for (words, status) in [
        (&["there-is-none"][..], 127),
        (&["./notes.txt"], 125),
        (&["/bin/cat", "notes.txt"], 125),
    ] {
        let ran = read_only(folder.path(), words);
        assert_eq!(ran.status.code(), Some(status), "{ran:?}");
        assert!(
            String::from_utf8_lossy(&ran.stderr).contains("hint:"),
            "{ran:?}"
        );
    }
    let ran = read_only(Path::new("/"), &["cat", "/etc/shadow"]);
    assert_eq!(ran.status.code(), Some(125), "{ran:?}");
    let start = ["sandbox", "run", "--profile", "read-only", "--network"];
    let ran = lanyard(folder.path(), &[&start[..], &["--", "ls"]].concat());
    assert_eq!(ran.status.code(), Some(125), "{ran:?}");
}

#[test]
fn an_approved_command_changes_the_workspace_and_not_what_runs_later() {
    let folder = workspace();
    let run = |line: &str| {
        let start = ["sandbox", "run", "--profile", "workspace", "--"];
        lanyard(folder.path(), &[&start[..], &["bash", "-c", line]].concat())
    };
    let ran = run("echo more >> notes.txt && cat notes.txt; env");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(said.starts_with("a note\nmore\n"), "{ran:?}");
    assert!(!said.contains("secret-of-the-shell"), "{said}");
    for path in NEVER_WRITTEN {
        let ran = run(&format!("mkdir -p $(dirname {path}); echo x > {path}"));
        let made = folder.path().join(path);
        assert!(
            stand_in(path) == StandIn::Nothing || !ran.status.success() && !made.exists(),
            "{path}: {ran:?}"
        );
    }
}

#[test]
fn a_planted_program_is_not_what_its_name_means() {
    let folder = workspace();
    let planted = folder.path().join("ls");
    fs::write(&planted, "#!/bin/sh\necho planted\n").unwrap();
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .current_dir(folder.path())
        .env("PATH", format!("{}:.:/usr/bin", folder.path().display()))
        .args(["sandbox", "run", "--profile", "workspace", "--"])
        .args(["bash", "-c", "ls; env ls"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(said, "ls\nnotes.txt\nls\nnotes.txt\n", "{ran:?}");
}

#[test]
fn the_state_of_the_agent_is_seen_by_no_command() {
    let folder = workspace();
    let state = folder.path().join("state/lanyard");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("key"), "key-of-the-agent").unwrap();
    for profile in ["read-only", "workspace"] {
        let ran = Command::new(env!("CARGO_BIN_EXE_lanyard"))
            .current_dir(folder.path())
            .env("XDG_STATE_HOME", folder.path().join("state"))
            .args(["sandbox", "run", "--profile", profile, "--"])
            .args(["cat", "notes.txt", "state/lanyard/key"])
            .output()
            .unwrap();
        assert_eq!(ran.stdout, b"a note\n", "{profile}: {ran:?}");
        assert_eq!(ran.status.code(), Some(1), "{profile}: {ran:?}");
    }
}

#[test]
fn the_status_is_found_by_trying() {
    let folder = workspace();
    let ran = lanyard(folder.path(), &["sandbox", "status", "--json"]);
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["read_only"], ran.status.success());
    assert_eq!(said["workspace"], "bubblewrap");
    let ran = lanyard(folder.path(), &["sandbox", "status"]);
    assert!(
        String::from_utf8(ran.stdout)
            .unwrap()
            .contains("read-only profile")
    );
}
