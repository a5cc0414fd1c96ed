//! `lanyard sandbox`, as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs)]

use lanyard_policy::protected::{NEVER_WRITTEN, REPOSITORY};
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
    for path in NEVER_WRITTEN.iter().chain([&REPOSITORY]) {
        let ran = run(&format!("echo x > {path}"));
        let made = folder.path().join(path);
        assert!(!ran.status.success() && !made.exists(), "{path}: {ran:?}");
    }
}

#[test]
fn what_the_shell_has_opened_is_written_and_its_mode_stays() {
    let (folder, outside) = (workspace(), tempfile::tempdir().unwrap());
    let path = outside.path().join("said");
    let files = [(); 2].map(|()| {
        fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap()
    });
    let [output, errors] = files;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let null = fs::metadata("/dev/null").unwrap().permissions();
    let line = "echo said; perl -e 'chmod 0777, *STDIN; chmod 0777, *STDOUT; chmod 0777, *STDERR'
                chmod 777 /proc/self/fd/{0,1,2} /dev/null; true";
    let ran = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .current_dir(folder.path())
        .args([
            "sandbox",
            "run",
            "--profile",
            "workspace",
            "--",
            "bash",
            "-c",
            line,
        ])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .unwrap();
    assert!(ran.success());
    assert!(fs::read_to_string(&path).unwrap().starts_with("said\n"));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(fs::metadata("/dev/null").unwrap().permissions(), null);
}

#[test]
fn a_command_has_the_terminal_and_its_mode_stays() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let folder = workspace();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new())
        .unwrap()
        .into_string()
        .unwrap();
    let stream = || {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
        let file = fs::File::options()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(&name);
        Stdio::from(file.unwrap())
    };
    let before = fs::metadata(&name).unwrap().permissions();
    let line = "test -t 0 && test -t 1 && test -t 2 && echo is a terminal
                perl -e 'chmod 0777, *STDIN; chmod 0777, *STDOUT; chmod 0777, *STDERR'
                chmod 777 /proc/self/fd/{0,1,2} /dev/console";
    let ran = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .current_dir(folder.path())
        .args([
            "sandbox",
            "run",
            "--profile",
            "workspace",
            "--",
            "bash",
            "-c",
            line,
        ])
        .stdin(stream())
        .stdout(stream())
        .stderr(stream())
        .status()
        .unwrap();
    assert!(!ran.success());
    let mut said = [0; 4096];
    let length = rustix::io::read(&terminal, &mut said).unwrap();
    let said = String::from_utf8_lossy(&said[..length]).into_owned();
    assert!(said.starts_with("is a terminal"), "{said}");
    assert_eq!(fs::metadata(&name).unwrap().permissions(), before);
}

#[test]
fn an_interrupt_is_for_the_command_and_the_next_one_ends_it() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader};
    let profiles = ["read-only", "workspace"];
    let signals = [
        &[Signal::INT][..],
        &[Signal::INT, Signal::INT],
        &[Signal::TERM],
        &[Signal::TERM, Signal::TERM],
        &[Signal::HUP],
    ];
    for (profile, signals) in profiles.iter().flat_map(|p| signals.map(|s| (p, s))) {
        let folder = workspace();
        let line = "trap 'echo heard; exit 7' INT; echo runs; while true; do read -t 100; done";
        let deaf = line.replace("exit 7' INT", "true' INT TERM");
        let line = if signals.len() > 1 { &deaf } else { line };
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"))
            .current_dir(folder.path())
            .args([
                "sandbox",
                "run",
                "--profile",
                profile,
                "--",
                "bash",
                "-c",
                line,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(command.stdout.take().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), "runs");
        let pid = Pid::from_child(&command);
        for signal in signals {
            kill_process(pid, *signal).unwrap();
            let heard = *signal == Signal::INT || signals.len() > 1;
            if heard && said.next().is_none() {
                break;
            }
        }
        let expected = match signals {
            [Signal::INT] => 7,
            [Signal::TERM] => 128 + 15,
            _ => 128 + 9,
        };
        assert_eq!(
            command.wait().unwrap().code(),
            Some(expected),
            "{profile}: {signals:?}"
        );
        assert!(!folder.path().join(".bashrc").exists());
    }
}

/// A shell with `L` for a command in the sandbox.
fn shell(folder: &Path, profile: &str, line: &str) -> Output {
    let exec = if profile == "read-only" {
        "--exec /usr/bin"
    } else {
        ""
    };
    let lanyard = env!("CARGO_BIN_EXE_lanyard");
    let start = format!("L() {{ {lanyard} sandbox run --profile {profile} {exec} -- \"$@\"; }}\n");
    Command::new("bash")
        .args(["-c", &(start + line)])
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn a_command_takes_and_says_nothing_at_the_other_end_of_what_it_was_given() {
    let folder = workspace();
    for profile in ["read-only", "workspace"] {
        // What reads on behind it must not hear it, nor may it take what another has said.
        let line = "echo first | { L bash -c 'read x; echo injected > /proc/self/fd/0'; cat; }";
        let ran = shell(folder.path(), profile, line);
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            "",
            "{profile}: {ran:?}"
        );
        let line = "{ echo kept; L dd if=/proc/self/fd/1 iflag=nonblock status=none bs=5 count=1; } | { read -t 60 x; echo \"<$x>\"; }";
        let line = line.replace("; } |", " 2> errors; } |");
        let ran = shell(folder.path(), profile, &line);
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            "<kept>\n",
            "{profile}: {ran:?}"
        );
    }
}

#[test]
fn others_read_on_in_a_file_where_the_command_has_stopped() {
    let folder = workspace();
    fs::write(folder.path().join("list"), "one\ntwo\nthree\n").unwrap();
    for profile in ["read-only", "workspace"] {
        let none = shell(
            folder.path(),
            profile,
            "while read x; do L true; echo $x; done < list",
        );
        assert_eq!(String::from_utf8_lossy(&none.stdout), "one\ntwo\nthree\n");
        let some = shell(
            folder.path(),
            profile,
            "{ L bash -c 'read x'; cat; } < list",
        );
        assert_eq!(String::from_utf8_lossy(&some.stdout), "two\nthree\n");
        let all = shell(folder.path(), profile, "{ L cat; echo; cat; } < list");
        assert_eq!(String::from_utf8_lossy(&all.stdout), "one\ntwo\nthree\n\n");
    }
}

#[test]
fn what_cannot_be_written_is_said_and_is_no_success() {
    let folder = workspace();
    for profile in ["read-only", "workspace"] {
        let full = shell(folder.path(), profile, "L echo lost > /dev/full");
        assert_eq!(full.status.code(), Some(125));
        assert!(String::from_utf8_lossy(&full.stderr).contains("could not all be written"));
        // A reader that has read enough is no failure.
        let enough = shell(folder.path(), profile, "set -o pipefail; L yes | head -n 1");
        assert_eq!(String::from_utf8_lossy(&enough.stdout), "y\n");
        assert_eq!(enough.status.code(), Some(128 + 13), "{enough:?}");
    }
}

#[test]
fn a_folder_is_named_by_no_link_that_a_command_may_have_left() {
    let folder = workspace();
    let real = folder.path().canonicalize().unwrap();
    fs::create_dir_all(real.join("secrets/sub")).unwrap();
    fs::create_dir(real.join("work")).unwrap();
    std::os::unix::fs::symlink("../secrets", real.join("work/pkg")).unwrap();
    for named in ["work/pkg", "work/pkg/sub", "work/pkg/../work"] {
        let line = [
            "sandbox",
            "run",
            "--profile",
            "workspace",
            "--workspace",
            named,
            "--",
            "true",
        ];
        let ran = lanyard(&real, &line);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(125), "{named}: {said}");
        assert!(said.contains("work/pkg is a link"), "{said}");
    }
    let line = [
        "sandbox",
        "run",
        "--profile",
        "workspace",
        "--workspace",
        "secrets/../work",
        "--",
        "true",
    ];
    assert!(lanyard(&real, &line).status.success());
}

#[test]
fn git_commits_and_others_do_if_they_are_given_leave() {
    let folder = workspace();
    let git = |words: &[&str]| {
        let ran = Command::new("git")
            .current_dir(folder.path())
            .args(words)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{words:?}: {ran:?}");
    };
    git(&["init", "-q"]);
    git(&["config", "user.name", "A Person"]);
    git(&["config", "user.email", "person@example.com"]);
    let run = |words: &[&str]| {
        let start = ["sandbox", "run", "--profile", "workspace"];
        lanyard(folder.path(), &[&start[..], words].concat())
            .status
            .success()
    };
    assert!(run(&["--", "git", "add", "."]));
    assert!(run(&["--", "git", "commit", "-qm", "one"]));
    let line = ["bash", "-c", "git commit -q --allow-empty -m two"];
    assert!(!run(&[&["--"][..], &line].concat()));
    assert!(run(&[&["--git", "--"][..], &line].concat()));
    assert!(!run(&[
        "--git",
        "--",
        "git",
        "config",
        "core.editor",
        "true"
    ]));
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
fn a_workspace_that_holds_the_state_of_the_agent_is_refused() {
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
        let why = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(
            ran.stdout.is_empty() && why.contains("no command may see"),
            "{profile}: {why}"
        );
        assert_eq!(ran.status.code(), Some(125), "{profile}: {ran:?}");
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
