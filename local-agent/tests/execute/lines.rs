//! Lines written by hand: what may not be reached, and what a shell would make of the rest.

use super::workspace::{LONG, MOST, Workspace};
use lanyard_agent::execute::{Gathered, Outcome, Until, Why};
use lanyard_agent::policy::files::Disk;
use lanyard_policy::decide::Decision;
use lanyard_policy::place::NoFiles;
use lanyard_policy::settings::Mode;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

const ENDED: Outcome = Outcome::Ended { status: 0 };

fn text(said: &[u8]) -> String {
    String::from_utf8_lossy(said).into_owned()
}

/// The line does exactly what it does in Bash.
fn as_bash(workspace: &Workspace, line: &str) -> Gathered {
    let (ours, bash) = (workspace.run(line), workspace.bash(line));
    let status = bash.status.code().unwrap();
    let both = || format!("{line}\n{ours:?}\n{bash:?}");
    assert_eq!(ours.outcome, Outcome::Ended { status }, "{}", both());
    assert_eq!(text(&ours.output), text(&bash.stdout), "{}", both());
    assert_eq!(ours.errors.is_empty(), bash.stderr.is_empty(), "{}", both());
    ours
}

/// The line ends before a command that may not start, and the sentence says why.
fn stops(workspace: &Workspace, line: &str, decision: Decision, why: &str) -> Gathered {
    let ours = workspace.run(line);
    let Outcome::Stopped { part, sentence } = &ours.outcome else {
        panic!("{line}: {ours:?}");
    };
    assert_eq!(part.decision, decision, "{line}: {ours:?}");
    assert!(sentence.contains(why), "{line}: {ours:?}");
    assert!(text(&ours.errors).contains(sentence), "{line}: {ours:?}");
    ours
}

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
fn names_take_the_place_of_patterns_as_in_bash() {
    let workspace = Workspace::empty();
    for name in [
        "a.txt",
        "b.txt",
        "B.txt",
        "a b.txt",
        "ä.txt",
        "日本.txt",
        ".hidden.txt",
        "new\nline.txt",
        "a-b/x",
        "a/x",
        "a/y",
        "sub/deep/x",
        "sub/.dot/x",
        "[a].txt",
        "*.txt",
        "src/$HOME",
        "src/`x`",
        "src/a'b",
        "src/-",
    ] {
        workspace.write(name, name);
    }
    workspace.link("to-sub", "sub");
    workspace.link("dangling", "sub/none");
    for line in [
        "echo *",
        "echo *.txt",
        "echo ?.txt",
        "echo ??.txt",
        "echo '*'.txt",
        "echo \\*.t?t",
        "echo none*.txt no'n e'*",
        "echo */",
        "echo */x",
        "echo */*/x",
        "echo */*/",
        "echo ./*",
        "echo sub/*/x",
        "echo to-sub/*",
        "echo */none",
        "echo **/x",
        "echo a*",
        "echo a/*a*/*",
        "echo src//*",
        "echo [a]*",
        "ls -d *",
        "cat -- *.txt",
        "wc -c a/*",
        "ls a/* | wc -l",
        "cd sub && echo *",
        "cd to-sub && ls *",
        "printf '%s\\n' src/*",
        "echo d*",
        "echo \"a\"*'b'*",
    ] {
        // The grammar has no classes of characters, and such lines ask.
        if line.contains("[a]") {
            assert!(matches!(
                workspace.run(line).outcome,
                Outcome::NotAllowed(_)
            ));
        } else {
            as_bash(&workspace, line);
        }
    }
}

#[test]
fn a_name_that_reads_as_an_option_ends_the_line() {
    let workspace = Workspace::empty();
    workspace.write("a.txt", "a\n");
    workspace.write("--files0-from=a.txt", "");
    workspace.write("-rf", "");
    stops(&workspace, "cat *; echo behind", Decision::Ask, "-rf");
    let ours = stops(
        &workspace,
        "echo first; head * | wc -l; echo behind",
        Decision::Ask,
        "asks now",
    );
    assert_eq!(text(&ours.output), "first\n");
    as_bash(&workspace, "cat -- *");
    as_bash(&workspace, "cat ./*");
    // One that only reads is as harmless as Bash would find it.
    fs::remove_file(workspace.path().join("-rf")).unwrap();
    fs::remove_file(workspace.path().join("--files0-from=a.txt")).unwrap();
    workspace.write("-n", "");
    as_bash(&workspace, "cat *");
}

#[test]
fn a_name_that_would_be_a_script_ends_the_line() {
    let workspace = Workspace::empty();
    workspace.write("s.awk", "");
    workspace.write("w=BEGIN{system(\"touch x\")}", "");
    for line in ["awk 1 w*", "awk 1 s*"] {
        let ours = workspace.run(line);
        assert_ne!(text(&ours.output), "x", "{ours:?}");
    }
    stops(&workspace, "awk 1 w*", Decision::Ask, "awk");
    assert!(!workspace.path().join("x").exists());
}

#[test]
fn a_link_out_of_the_workspace_ends_the_line() {
    let workspace = Workspace::empty();
    workspace.write("a.txt", "a\n");
    workspace.link("b.txt", "../outside/secret.txt");
    workspace.link("out", "../outside");
    workspace.write("in/x", "x\n");
    for line in [
        "cat *.txt",
        "wc -c ./*.txt",
        "cat */x",
        "cat */*",
        "ls -l */",
        "cat out*",
    ] {
        let ours = stops(
            &workspace,
            line,
            Decision::Ask,
            "leads out of the workspace",
        );
        assert!(!text(&ours.output).contains("canary"), "{ours:?}");
    }
    // One that leads to no folder is only a name that does not fit.
    fs::remove_file(workspace.path().join("out")).unwrap();
    as_bash(&workspace, "cat */x");
}

#[test]
fn a_secret_that_a_pattern_meets_ends_the_line() {
    let workspace = Workspace::empty();
    workspace.write("c.txt", "c\n");
    workspace.write("credentials.json", "the canary");
    workspace.write(".env", "the canary");
    workspace.link("config", ".env");
    for line in ["cat c*", "cat con*", "head *"] {
        let ours = stops(&workspace, line, Decision::Ask, "may hold secrets");
        assert!(ours.output.is_empty(), "{ours:?}");
    }
    // To see that they are there is no secret.
    as_bash(&workspace, "ls c*");
}

#[test]
fn a_rule_holds_for_the_names_that_a_pattern_stands_for() {
    let workspace = Workspace::empty().with_rules(&[], &["Read(notes/**)"], &["Read(private/**)"]);
    workspace.write("private/key", "the canary");
    workspace.write("notes/a", "a");
    workspace.write("b.txt", "b");
    let ours = stops(&workspace, "cat pri*/*", Decision::Deny, "is denied");
    assert!(!text(&ours.output).contains("canary"));
    stops(&workspace, "cat n*/a", Decision::Ask, "asks now");
    as_bash(&workspace, "cat b*");
}

#[test]
fn in_plan_mode_nobody_is_asked_about_a_name_either() {
    let mut workspace = Workspace::empty();
    workspace.mode = Mode::Plan;
    workspace.write("-rf", "");
    stops(&workspace, "cat *", Decision::Deny, "is denied");
}

#[test]
fn names_of_strangers_are_shown_and_never_obeyed() {
    let workspace = Workspace::empty();
    workspace.write("-\u{1b}]0;evil\u{7}\nx", "");
    let ours = stops(&workspace, "cat *", Decision::Ask, "⟨U+001B⟩");
    let said = text(&ours.errors);
    assert_eq!(said.matches('\n').count(), 1, "{said:?}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_name_that_is_no_text_ends_the_line_if_it_is_meant() {
    let workspace = Workspace::empty();
    workspace.write("a.txt", "a\n");
    fs::write(workspace.path().join(OsStr::from_bytes(b"b\xff.rs")), "").unwrap();
    stops(&workspace, "cat *", Decision::Ask, "is no text");
    as_bash(&workspace, "cat *.txt");
}

#[test]
fn more_names_than_anybody_means_end_the_line() {
    let workspace = Workspace::empty();
    fs::create_dir(workspace.path().join("many")).unwrap();
    for number in 0..10_001 {
        fs::File::create(workspace.path().join(format!("many/{number}"))).unwrap();
    }
    stops(&workspace, "ls many/*", Decision::Ask, "too many names");
    assert_eq!(as_bash(&workspace, "echo many/12??").outcome, ENDED);
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
fn a_folder_that_is_entered_is_entered_where_it_is_then() {
    let workspace = Workspace::empty();
    workspace.write("sub/a.txt", "a\n");
    workspace.link("out", "../outside");
    assert!(matches!(
        workspace.run("cd out && ls").outcome,
        Outcome::NotAllowed(_)
    ));
    // To those who know of no links it looks like a folder; the kernel knows.
    let until = || Until::deadline(Instant::now() + LONG);
    for line in [
        "cat out/secret.txt",
        "cd out && cat secret.txt",
        "cd out; ls",
        "ls out",
        "grep -r canary out",
        "cat out/*",
        "cat < out/secret.txt",
        "cat o*/secret.txt",
    ] {
        let ours = workspace.run_until(line, &NoFiles, MOST, until());
        assert_ne!(ours.outcome, ENDED, "{line}: {ours:?}");
        let said = [ours.output, ours.errors].concat();
        assert!(!text(&said).contains("canary"), "{line}: {}", text(&said));
    }
}

#[test]
fn what_is_read_from_is_a_file_that_ends() {
    let workspace = Workspace::empty();
    let fifo = workspace.path().join("fifo");
    let mode = rustix::fs::Mode::from(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for line in ["cat < fifo", "cat < ."] {
        let ours = workspace.run(line);
        assert_eq!(ours.outcome, Outcome::Ended { status: 1 }, "{ours:?}");
        assert!(text(&ours.errors).contains("no plain file"), "{ours:?}");
    }
}

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

#[test]
fn what_a_rule_allows_is_not_run_yet() {
    let workspace = Workspace::empty().with_rules(&["Bash(touch:*)"], &[], &[]);
    let ours = stops(
        &workspace,
        "echo a && touch b; echo c",
        Decision::Ask,
        "cannot be run",
    );
    assert_eq!(text(&ours.output), "a\n");
    assert!(!workspace.path().join("b").exists());
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
