//! What of a line runs, in which order, and where it reads and writes.

use super::beside::{as_bash, text};
use super::workspace::{Workspace, fifo};
use lanyard_agent::execute::{Outcome, Outputs};
use lanyard_policy::decide::Decision;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::os::fd::OwnedFd;

#[test]
fn nothing_runs_of_a_line_that_is_not_allowed() {
    let workspace = Workspace::empty().with_rules(&[], &[], &["Bash(cat:*)"]);
    for (line, decision) in [
        ("echo a; rm b", Decision::Ask),
        ("echo a; echo $HOME", Decision::Ask),
        ("echo a; cat b", Decision::Deny),
        ("echo a > b", Decision::Ask),
        ("", Decision::Ask),
    ] {
        let ours = workspace.run(line);
        let Outcome::NotAllowed(verdict) = &ours.outcome else {
            panic!("{line}: {ours:?}");
        };
        assert_eq!(verdict.decision, decision, "{line}");
        assert!(ours.output.is_empty() && ours.errors.is_empty(), "{ours:?}");
    }
}

#[test]
fn lists_and_negation_are_those_of_bash() {
    let workspace = Workspace::empty();
    for first in [
        "true",
        "false",
        "! true",
        "! false",
        "true | false",
        "! false | true",
    ] {
        for join in ["&&", "||", ";"] {
            for second in ["echo b", "false", "! echo c"] {
                for last in ["&&", "||", ";"] {
                    as_bash(
                        &workspace,
                        &format!("{first} {join} {second} {last} echo d"),
                    );
                }
            }
        }
    }
    for line in [
        "false | true",
        "true | false",
        "false; true",
        "true;",
        ": && echo a",
        "test -e none || test -d . && echo b",
        "cat none; echo a",
        "grep -q x none && echo a",
        "seq inf | head -1",
        "seq 1 100000 | head -2 | tail -1",
        "head -c 5 /dev/null | wc -c",
    ] {
        as_bash(&workspace, line);
    }
}

#[test]
fn redirections_are_carried_out_in_their_order() {
    let workspace = Workspace::empty();
    workspace.write("here.txt", "b\na\n");
    for line in [
        "ls here.txt none 2>&1 >/dev/null",
        "ls here.txt none >/dev/null 2>&1",
        "ls here.txt none 2>/dev/null",
        "ls here.txt none >&2",
        "ls here.txt none 2>/dev/null >&2",
        "ls here.txt none 2>&1 | wc -l",
        "ls here.txt none 2>&1 >/dev/null | wc -l",
        "sort < here.txt",
        "sort < here.txt > /dev/null",
        "cat < here.txt < none; echo a",
        "cat 2>/dev/null < none",
        "cat < /dev/null",
        "echo a | sort < here.txt",
        "sort < here.txt | tac",
        "cat 2>/dev/null | wc -c",
    ] {
        as_bash(&workspace, line);
    }
}

#[test]
fn cd_goes_where_it_can_and_says_so_where_it_cannot() {
    let workspace = Workspace::empty();
    workspace.write("sub/deep/a.txt", "a\n");
    workspace.write("file", "");
    for line in [
        "cd sub && ls",
        "cd sub; ls; cd deep; cat a.txt",
        "cd none && ls",
        "cd none; ls",
        "cd none || echo b",
        "cd none 2>/dev/null || echo b",
        "cd file || echo b",
        "cd sub/deep && cd .. && ls && pwd",
        "cd sub && cat deep/a.txt && cd deep && cat ../deep/a.txt",
        "cd none 2>&1 >/dev/null; cd ./sub && pwd",
    ] {
        let ours = workspace.run(line);
        let bash = workspace.bash(line);
        // Only the words of the complaint are ours.
        let status = bash.status.code().unwrap();
        assert_eq!(ours.outcome, Outcome::Ended { status }, "{line}");
        let without = |said: &[u8]| {
            let said = text(said);
            let lines = said.lines().filter(|line| !line.contains("cd: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(without(&ours.output), without(&bash.stdout), "{line}");
        assert_eq!(ours.errors.is_empty(), bash.stderr.is_empty(), "{line}");
    }
}

#[test]
fn what_is_read_from_is_a_file_that_ends() {
    let workspace = Workspace::empty();
    fifo(&workspace.path().join("fifo"));
    for line in ["cat < fifo", "cat < ."] {
        let ours = workspace.run(line);
        assert_eq!(ours.outcome, Outcome::Ended { status: 1 }, "{ours:?}");
        assert!(text(&ours.errors).contains("no plain file"), "{ours:?}");
    }
}

#[test]
fn words_are_given_as_they_were_read_and_nothing_works_them_out() {
    let workspace = Workspace::empty();
    for line in [
        "printf '%s\\n' '$HOME' '`id`' '$(id)' a\\ b \"c  d\" '' '*' \\;",
        "echo 'a;b' '&&' '|' '>x'",
        "echo \"it's\" 'a\"b'",
        "printf '[%s]' '~' '{a,b}' '!x' '#c'",
    ] {
        as_bash(&workspace, line);
    }
}

#[test]
fn outputs_may_be_files_of_the_caller() {
    let workspace = Workspace::empty();
    let outputs = Outputs {
        output: tempfile::tempfile().unwrap().into(),
        errors: tempfile::tempfile().unwrap().into(),
    };
    let outcome = workspace.run_to("seq 3 | tac; ls none; which ls", &outputs);
    assert_eq!(outcome, Outcome::Ended { status: 0 });
    let said = |file: OwnedFd| {
        let mut said = String::new();
        let mut file = fs::File::from(file);
        file.rewind().unwrap();
        file.read_to_string(&mut said).unwrap();
        said
    };
    assert_eq!(said(outputs.output), "3\n2\n1\n/usr/bin/ls\n");
    assert!(said(outputs.errors).contains("none"));
}

#[test]
fn further_folders_are_read_too() {
    let mut workspace = Workspace::empty();
    workspace.link("out", "../outside");
    assert!(matches!(
        workspace.run("cat ../outside/secret.txt").outcome,
        Outcome::NotAllowed(_)
    ));
    workspace.folders.push(workspace.path().join("../outside"));
    for line in [
        "cat ../outside/secret.txt",
        "cat out/*",
        "cd ../outside && cat *",
        "cat < out/secret.txt",
    ] {
        let ours = as_bash(&workspace, line);
        assert_eq!(text(&ours.output), "the canary\n", "{line}");
    }
}
