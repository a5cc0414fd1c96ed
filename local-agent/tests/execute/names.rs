//! Names in the place of patterns: which, and what they do not open.

use super::beside::{ENDED, as_bash, stops, text};
use super::workspace::{LONG, MOST, Workspace, fifo};
use lanyard_agent::execute::{Gathered, Outcome, Until};
use lanyard_policy::decide::Decision;
use lanyard_policy::place::NoFiles;
use lanyard_policy::settings::Mode;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Instant;

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
fn every_small_pattern_of_paths_means_what_it_means_in_bash() {
    let workspace = Workspace::empty();
    for name in [
        "a",
        "b x",
        ".h/x",
        "d/a",
        "d/.h",
        "d/x/a",
        "d/x-/a",
        "d/x-/\u{e4}",
        "x/a/b/c",
        "x/-",
    ] {
        workspace.write(name, "");
    }
    workspace.link("l", "d");
    workspace.link("x/up", "..");
    workspace.link("none", "d/none");
    let parts = [
        "*", "?", "d*", "*-", "?*?", "**", "d", "a", ".", "'*'", "n*", "x", "l",
    ];
    let mut patterns: Vec<String> = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..3 {
        let longer = |before: &String| {
            let slashes: &[&str] = if before.is_empty() {
                &[""]
            } else {
                &["/", "//"]
            };
            let pairs = slashes
                .iter()
                .flat_map(|slash| parts.iter().map(move |part| (slash, part)));
            let longer = pairs.map(|(slash, part)| format!("{before}{slash}{part}"));
            longer.collect::<Vec<_>>()
        };
        patterns = patterns.iter().flat_map(longer).collect();
        all.extend(patterns.iter().cloned());
        all.extend(patterns.iter().map(|pattern| format!("{pattern}/")));
    }
    for some in all.chunks(400) {
        let line = format!("echo {}", some.join(" , "));
        let (ours, bash) = (workspace.run(&line), workspace.bash(&line));
        let (ours, bash) = (text(&ours.output), text(&bash.stdout));
        let pairs = ours.split(" , ").zip(bash.split(" , ")).zip(some);
        for ((ours, bash), pattern) in pairs {
            assert_eq!(ours, bash, "{pattern}");
        }
        assert_eq!(ours, bash);
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
        "without asking",
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
    let ours = stops(&workspace, "cat pri*/*", Decision::Deny, "denied");
    assert!(!text(&ours.output).contains("canary"));
    stops(&workspace, "cat n*/a", Decision::Ask, "without asking");
    as_bash(&workspace, "cat b*");
}

#[test]
fn in_plan_mode_nobody_is_asked_about_a_name_either() {
    let mut workspace = Workspace::empty();
    workspace.mode = Mode::Plan;
    workspace.write("-rf", "");
    stops(&workspace, "cat *", Decision::Deny, "denied");
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
    as_bash(&workspace, "echo many/12??");
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
        "echo out/*",
    ] {
        let ours = workspace.run_until(line, &NoFiles, MOST, until());
        let said = text(&[ours.output, ours.errors].concat());
        assert_eq!(
            ours.outcome == ENDED,
            line.starts_with("echo"),
            "{line}: {said}"
        );
        assert!(!said.contains("canary"), "{line}: {said}");
        // No name is known that was not in the line.
        assert!(
            line.contains("secret") || !said.contains("secret"),
            "{line}: {said}"
        );
    }
}

#[test]
fn as_many_long_names_as_are_put_in_place_can_be_given_to_a_program() {
    let workspace = Workspace::empty();
    fs::create_dir(workspace.path().join("long")).unwrap();
    for number in 0..3_000 {
        let name = format!("long/{}{number}", "\u{e4}".repeat(120));
        fs::File::create(workspace.path().join(name)).unwrap();
    }
    as_bash(&workspace, "ls long/* | wc -l");
    for number in 0..200 {
        let name = format!("long/{}{number}", "x".repeat(240));
        fs::File::create(workspace.path().join(name)).unwrap();
    }
    stops(
        &workspace,
        "ls long/* | wc -l",
        Decision::Ask,
        "too many names",
    );
}

/// Runs a line of which a part waits until somebody writes to a pipe, and does something meanwhile.
fn meanwhile(workspace: &Workspace, line: &str, change: impl FnOnce()) -> Gathered {
    fifo(&workspace.path().join("fifo"));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let ours = workspace.run(line);
            // Were the line never to read, nobody would open the other end.
            let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            let fifo = workspace.path().join("fifo");
            let read = fs::File::options()
                .read(true)
                .custom_flags(nonblocking)
                .open(fifo);
            drop(read.unwrap());
            ours
        });
        // It opens when the other end does.
        let opened = fs::File::options()
            .write(true)
            .open(workspace.path().join("fifo"))
            .unwrap();
        change();
        drop(opened);
        running.join().unwrap()
    })
}

#[test]
fn what_changes_while_a_line_runs_is_decided_on_as_it_is_then() {
    let workspace = Workspace::empty();
    workspace.write("sub/a.txt", "a\n");
    let path = workspace.path();
    let ours = meanwhile(&workspace, "cd sub && cat ../fifo && ls", || {
        fs::rename(path.join("sub"), path.join("moved")).unwrap();
        workspace.link("sub", "../outside");
    });
    assert!(matches!(ours.outcome, Outcome::Stopped { .. }), "{ours:?}");
    assert!(text(&ours.errors).contains("a link has taken"), "{ours:?}");
    assert!(ours.output.is_empty(), "{ours:?}");

    for (line, name) in [
        ("cat fifo; cat ./*.txt", "b.txt"),
        ("cat fifo; cat < b.txt", "b.txt"),
        ("cat fifo; wc -c c/secret.txt", "c"),
        ("cat fifo; cd d && ls", "d"),
    ] {
        let workspace = Workspace::empty();
        workspace.write("a.txt", "a\n");
        let to = if name == "b.txt" {
            "../outside/secret.txt"
        } else {
            "../outside"
        };
        let ours = meanwhile(&workspace, line, || workspace.link(name, to));
        assert!(matches!(ours.outcome, Outcome::Stopped { .. }), "{ours:?}");
        assert!(ours.output.is_empty(), "{ours:?}");
    }
    let workspace = Workspace::empty();
    let ours = meanwhile(&workspace, "cat fifo; ls none* && cat ?rf", || {
        workspace.write("-rf", "");
        workspace.write("none.txt", "");
    });
    assert!(matches!(ours.outcome, Outcome::Stopped { .. }), "{ours:?}");
    assert_eq!(text(&ours.output), "none.txt\n");
}
