//! What a rule allows changes the workspace and nothing else, beside programs that only read.

use super::beside::{ENDED, stops, text};
use super::workspace::Workspace;
use lanyard_agent::execute::Outcome;
use lanyard_policy::decide::Decision;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

fn workspace() -> Workspace {
    let allow = [
        "Bash(touch:*)",
        "Bash(tee:*)",
        "Bash(./run.sh:*)",
        "Bash(ls:*)",
    ];
    Workspace::empty().with_rules(&allow, &[], &[]).working()
}

#[test]
fn a_program_that_a_rule_allows_changes_the_workspace() {
    let workspace = workspace();
    workspace.write("notes.txt", "b\na\n");
    let ran = workspace.run("sort notes.txt | tee sorted.txt | head -1; touch finished");
    assert_eq!(ran.outcome, ENDED, "{ran:?}");
    assert_eq!(text(&ran.output), "a\n");
    let sorted = fs::read_to_string(workspace.path().join("sorted.txt")).unwrap();
    assert_eq!(sorted, "a\nb\n");
    assert!(workspace.path().join("finished").exists());
}

#[test]
fn a_program_that_a_rule_allows_changes_nothing_else() {
    let workspace = workspace();
    let script = workspace.write(
        "run.sh",
        "#!/bin/sh\necho x > ../outside/new\ncat ../outside/secret.txt\nmkdir -p .git/hooks && echo x > .git/hooks/pre-commit\necho ran > ran.txt\n",
    );
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = workspace.run("./run.sh");
    assert_eq!(ran.outcome, ENDED, "{ran:?}");
    assert_eq!(text(&ran.output), "", "{ran:?}");
    let made = |name: &str| workspace.path().join(name).exists();
    assert!(made("ran.txt"), "{ran:?}");
    assert!(!made("../outside/new") && !made(".git"), "{ran:?}");
}

#[test]
fn a_program_that_only_reads_gets_no_more_than_that_beside_a_rule() {
    let workspace = workspace();
    workspace.write("ls", "#!/bin/sh\necho planted\n");
    // It is among those that only read, whatever else a rule says of it.
    let ran = workspace.run("ls && sort --version | touch seen && head -c 1 seen");
    assert_eq!(ran.outcome, ENDED, "{ran:?}");
    assert_eq!(text(&ran.output), "ls\n");
}

#[test]
fn where_nothing_keeps_it_to_the_workspace_it_asks() {
    let workspace = Workspace::empty().with_rules(&["Bash(touch:*)"], &[], &[]);
    stops(
        &workspace,
        "touch new",
        Decision::Ask,
        "keeps it to the workspace",
    );
    assert!(!workspace.path().join("new").exists());
}

#[test]
fn a_program_of_a_rule_that_is_not_there_is_told_as_in_a_shell() {
    let workspace = Workspace::empty()
        .with_rules(&["Bash(there-is-none:*)"], &[], &[])
        .working();
    let ran = workspace.run("there-is-none x");
    assert_eq!(ran.outcome, Outcome::Ended { status: 127 }, "{ran:?}");
}
