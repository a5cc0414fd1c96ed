//! What is compared: a line with Bash, and a line that stops with the reason.

use super::workspace::Workspace;
use lanyard_agent::execute::{Gathered, Outcome};
use lanyard_policy::decide::Decision;

pub const ENDED: Outcome = Outcome::Ended { status: 0 };

pub fn text(said: &[u8]) -> String {
    String::from_utf8_lossy(said).into_owned()
}

/// The line does exactly what it does in Bash.
pub fn as_bash(workspace: &Workspace, line: &str) -> Gathered {
    let (ours, bash) = (workspace.run(line), workspace.bash(line));
    let status = bash.status.code().unwrap();
    let both = || format!("{line}\n{ours:?}\n{bash:?}");
    assert_eq!(ours.outcome, Outcome::Ended { status }, "{}", both());
    assert_eq!(text(&ours.output), text(&bash.stdout), "{}", both());
    assert_eq!(ours.errors.is_empty(), bash.stderr.is_empty(), "{}", both());
    ours
}

/// The line ends before a command that may not start, and the sentence says why.
pub fn stops(workspace: &Workspace, line: &str, decision: Decision, why: &str) -> Gathered {
    let ours = workspace.run(line);
    let Outcome::Stopped { part, sentence } = &ours.outcome else {
        panic!("{line}: {ours:?}");
    };
    assert_eq!(part.decision, decision, "{line}: {ours:?}");
    assert!(sentence.contains(why), "{line}: {ours:?}");
    assert!(text(&ours.errors).contains(sentence), "{line}: {ours:?}");
    ours
}
