//! Every everyday line that may run without asking, beside Bash.

use super::workspace::Workspace;
use lanyard_agent::execute::{Gathered, Outcome};
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

/// Lines of which the output is not the same twice, and why. Their status is, or they say nothing that could be compared.
const UNSTABLE: &[(&str, Compared, &[&str])] = &[
    (
        "the time goes on",
        Compared::Status,
        &[
            "date",
            "date && uptime",
            "date +%s",
            "date -Iseconds",
            "date -R",
            "date -d yesterday",
            "date -u",
            "date -u +%FT%TZ && git log -1 --format=%cI",
            "date -u +'%Y-%m-%dT%H:%M:%SZ'",
            "date; whoami; hostname",
            "git log -1 --format=%cd --date=iso; date",
            "uptime",
            "uptime -p",
            "w",
            "who",
            "rg --stats -q foo",
            "rg --json needle src",
        ],
    ),
    (
        "the machine does other things",
        Compared::Status,
        &[
            "df",
            "df --output=avail .",
            "df -Th",
            "df -h",
            "df -h .",
            "df -h . | tail -1",
            "df -h | grep -v tmpfs",
            "df -i",
            "free",
            "free -h",
            "free -m",
            "lscpu",
            "ps",
            "ps -e -o pid,ppid,comm",
            "ps -ef",
            "ps -ef | head -5",
            "ps -ejH",
            "ps -u root -o pid,cmd",
            "ps aux",
            "ps aux --sort=-%cpu | head -n 10",
            "ps aux --sort=-%mem",
            "pstree -p",
            "stat -f .",
            "uname -a; nproc; free -h",
        ],
    ),
    (
        "which processes there are decides on the status, and the other lines are among them",
        Compared::End,
        &[
            "pgrep -f vite",
            "pgrep -l node",
            "ps -o pid,etime,args -p 1234",
            "ps aux | grep node",
            "ps aux | grep -v grep | grep postgres",
            "ps aux | rg 'vite|node' | rg -v rg | head",
        ],
    ),
    (
        "it is random",
        Compared::Status,
        &["seq 1 100 | shuf -n 3", "shuf -n 5 words.txt"],
    ),
    (
        "ripgrep's threads take turns, and only some of what they find is shown",
        Compared::Status,
        &["rg --files | head -40", "rg --files | sed -n '1,100p'"],
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// Output, whether anything is complained of, and status.
    All,
    /// Output as lines in any order.
    Lines,
    Status,
    /// That it runs to its end.
    End,
}

impl Compared {
    fn of(line: &str) -> Self {
        let listed = UNSTABLE.iter().find(|(_, _, lines)| lines.contains(&line));
        match listed {
            Some((_, compared, _)) => *compared,
            // Its threads take turns.
            None if line.split([' ', '|']).any(|word| word == "rg") => Self::Lines,
            None => Self::All,
        }
    }

    fn same(self, ours: &Gathered, bash: &Output) -> bool {
        let Outcome::Ended { status } = ours.outcome else {
            return false;
        };
        let complains = ours.errors.is_empty() == bash.stderr.is_empty();
        let ends = Some(status) == bash.status.code();
        match self {
            Self::All => ends && complains && ours.output == bash.stdout,
            Self::Lines => ends && complains && lines(&ours.output) == lines(&bash.stdout),
            Self::Status => ends,
            Self::End => true,
        }
    }
}

fn lines(output: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = output.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

#[derive(serde::Deserialize)]
struct Entry {
    cmd: String,
}

fn everyday() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/corpus/everyday");
    let mut lines = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.extend(entries.map(|entry: Entry| entry.cmd));
    }
    lines
}

#[test]
fn everyday_lines_say_and_return_what_bash_would() {
    let project = Workspace::project();
    let all = everyday();
    let left = Mutex::new(all.iter());
    let (differ, allowed) = (Mutex::new(Vec::new()), Mutex::new(0));
    let work = || {
        loop {
            let Some(line) = left.lock().unwrap().next() else {
                return;
            };
            let ours = project.run(line);
            if matches!(ours.outcome, Outcome::NotAllowed(_)) {
                continue;
            }
            *allowed.lock().unwrap() += 1;
            let bash = project.bash(line);
            if !Compared::of(line).same(&ours, &bash) {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let ours = (ours.outcome, text(&ours.output), text(&ours.errors));
                differ
                    .lock()
                    .unwrap()
                    .push(format!("{line}\n  {ours:?}\n  {bash:?}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let differ = differ.into_inner().unwrap();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let allowed = allowed.into_inner().unwrap();
    assert!(allowed * 100 >= all.len() * 98, "{allowed} have run");
    for line in UNSTABLE.iter().flat_map(|(_, _, lines)| *lines) {
        assert!(all.iter().any(|known| known == line), "{line}");
    }
}
