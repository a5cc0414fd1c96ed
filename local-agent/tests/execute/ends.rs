//! Programs that are not there, and lines that are ended.

use super::beside::{ENDED, as_bash, text};
use super::workspace::{LONG, MOST, Workspace};
use lanyard_agent::execute::{Outcome, Until, Why};
use lanyard_agent::policy::files::Disk;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

#[test]
fn a_program_that_is_not_there_leaves_its_neighbours_running() {
    let workspace = Workspace::empty();
    // Neither is on any machine that tests run on; both are in the tables.
    for line in [
        "gawk 1 | wc -c",
        "seq inf | gawk 1",
        "gawk 1 || echo a",
        "gawk 1 2>&1 | wc -l",
        "! gawk 1",
    ] {
        if fs::exists("/usr/bin/gawk").unwrap() {
            return;
        }
        as_bash(&workspace, line);
    }
}

#[test]
fn a_program_in_the_workspace_is_not_run() {
    let workspace = Workspace::empty().with_rules(&["Bash(./ls:*)"], &[], &[]);
    for name in ["ls", "gawk"] {
        fs::copy("/bin/echo", workspace.path().join(name)).unwrap();
    }
    as_bash(&workspace, "ls");
    let ours = workspace.run("./ls ran");
    assert!(matches!(ours.outcome, Outcome::Stopped { .. }), "{ours:?}");
    assert!(ours.output.is_empty());
    if !fs::exists("/usr/bin/gawk").unwrap() {
        let ours = workspace.run("gawk 1");
        assert_eq!(ours.outcome, Outcome::Ended { status: 127 }, "{ours:?}");
    }
}

#[test]
fn where_a_program_is_can_be_asked() {
    let workspace = Workspace::empty();
    for line in [
        "which ls",
        "which ls none cat",
        "which none",
        "which -a sh",
        "which",
        "command -v cat",
        "command -v none",
        "command -v none cat",
        "command -v cd",
        "which ls | wc -l",
        "which ls cat | head -1",
        "which ls >/dev/null && echo a",
    ] {
        as_bash(&workspace, line);
    }
}

#[test]
fn what_begins_at_the_end_reads_a_pipe_too() {
    let workspace = Workspace::empty();
    for line in [
        "seq 1 3000 | tac",
        "seq 1 3 | tac | tac",
        "which ls cat | tac",
        "printf '' | tac",
    ] {
        as_bash(&workspace, line);
    }
    let ours = workspace.run("seq inf | tac");
    assert_eq!(ours.outcome, Outcome::Ended { status: 1 });
    assert!(
        text(&ours.errors).contains("too much"),
        "{}",
        text(&ours.errors)
    );
}

#[test]
fn the_deadline_ends_all_that_runs() {
    let workspace = Workspace::empty();
    let soon = || Until::deadline(Instant::now() + Duration::from_millis(300));
    for line in [
        "sleep 50",
        "sleep 50 | sleep 50; echo a",
        "seq inf >/dev/null",
        "sleep 50 || echo b",
        "seq inf | grep x | tac",
    ] {
        let begun = Instant::now();
        let ours = workspace.run_until(line, &Disk, MOST, soon());
        assert_eq!(ours.outcome, Outcome::Cut(Why::Time), "{line}: {ours:?}");
        assert!(begun.elapsed() < Duration::from_secs(40), "{line}");
        assert!(ours.output.is_empty(), "{line}");
    }
}

#[test]
fn whoever_wants_no_more_ends_the_line() {
    let workspace = Workspace::empty();
    let (read, mut write) = std::io::pipe().unwrap();
    let mut until = Until::deadline(Instant::now() + LONG);
    until.cancelled.push(read.into());
    let ours = std::thread::scope(|scope| {
        let running =
            scope.spawn(|| workspace.run_until("seq inf >/dev/null; echo b", &Disk, MOST, until));
        write.write_all(b"x").unwrap();
        running.join().unwrap()
    });
    assert_eq!(ours.outcome, Outcome::Cut(Why::Cancelled), "{ours:?}");
    assert!(ours.output.is_empty(), "{ours:?}");
}

#[test]
fn who_says_too_much_is_ended_and_what_was_said_is_kept() {
    let workspace = Workspace::empty();
    let until = || Until::deadline(Instant::now() + LONG);
    let ours = workspace.run_until("seq inf; echo b", &Disk, 10_000, until());
    assert_eq!(ours.outcome, Outcome::Cut(Why::Output));
    let numbers: String = (1..5_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(text(&ours.output), numbers.get(..10_000).unwrap());
    let ours = workspace.run_until("seq inf >&2", &Disk, 10_000, until());
    assert_eq!(
        (ours.outcome, ours.errors.len()),
        (Outcome::Cut(Why::Output), 10_000)
    );
    let ours = workspace.run_until("printf 12345", &Disk, 5, until());
    assert_eq!(
        (ours.outcome, text(&ours.output)),
        (ENDED, "12345".to_owned())
    );
}
