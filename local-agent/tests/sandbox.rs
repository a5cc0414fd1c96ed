//! `lanyard sandbox`, as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
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
    let ran = lanyard(
        folder.path(),
        &["sandbox", "run", "--profile", "workspace", "--", "ls"],
    );
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
}

#[test]
fn the_status_is_found_by_trying() {
    let folder = workspace();
    let ran = lanyard(folder.path(), &["sandbox", "status", "--json"]);
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["read_only"], ran.status.success());
    let ran = lanyard(folder.path(), &["sandbox", "status"]);
    assert!(
        String::from_utf8(ran.stdout)
            .unwrap()
            .contains("read-only profile")
    );
}
