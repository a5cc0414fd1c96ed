//! `lanyard policy`: what would be decided, without doing any of it.

mod trust;

pub use trust::Question;

use super::{Failure, output};
use crate::limits::{CHECK_LINE_MAX, SHOWN_MAX};
use crate::policy::files::Disk;
use crate::policy::settings::{Found, home};
use crate::state::StateDir;
use lanyard_policy::check::{self, Setting};
use lanyard_policy::decide::{Decision, Policy, Request, Verdict};
use lanyard_policy::place::Place;
use lanyard_policy::prompt;
use lanyard_policy::settings::{Effect, Level, Mode};
use serde_json::json;
use std::io::{self, BufRead, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Ways to ask.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Answer requests, a line of JSON each, in order
    ///
    /// In: {"cmd": "..."} or {"tool": "Read", "input": "..."}, and if need be "rules", "mode", "cwd", "trusted". Out: the same with "decision",
    /// "rule", "reason", "parts" and "prompt". Nothing is run.
    #[command(
        after_help = "Example:\n  echo '{\"cmd\": \"git status\"}' | lanyard policy check | jq -r .decision"
    )]
    Check(CheckArgs),
    /// Check settings files, and the examples beside their rules
    #[command(
        after_help = "Examples:\n  lanyard policy test                              # all that count in this folder\n  lanyard policy test .lanyard/settings.toml"
    )]
    Test(TestArgs),
    /// Say in words what would become of a command, and why
    #[command(
        after_help = "Examples:\n  lanyard policy explain 'git log --oneline | head'\n  lanyard policy explain --mode plan 'make test'"
    )]
    Explain(ExplainArgs),
    /// Trust a folder: from now on what its own settings allow counts, and Git may look at its repository
    ///
    /// Shows what that would be, and asks. It is for the settings as they are: when they change, it is asked again. Only somebody at a terminal can say
    /// yes.
    #[command(
        after_help = "Examples:\n  lanyard policy trust\n  lanyard policy trust --list\n  lanyard policy trust --forget ~/src/project"
    )]
    Trust(TrustArgs),
}

#[derive(Debug, clap::Args)]
pub struct TrustArgs {
    /// The folder [default: the present one]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// List all that was said
    #[arg(long, conflicts_with_all = ["folder", "forget"])]
    list: bool,
    /// Forget what was said of the folder
    #[arg(long)]
    forget: bool,
    /// Print JSON
    #[arg(long, requires = "list")]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The workspace [default: the present folder]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Settings files, as if they came with a project [default: all that count in the workspace]
    #[arg(value_name = "FILE", conflicts_with = "workspace")]
    files: Vec<PathBuf>,
    /// The workspace [default: the present folder]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The command, in quotes
    #[arg(value_name = "CMD", allow_hyphen_values = true)]
    command: String,
    /// The workspace [default: the present folder]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Another mode than the settings choose: plan, ask, accept-edits
    #[arg(long, value_name = "MODE", value_parser = mode)]
    mode: Option<Mode>,
    /// As in a folder that is trusted: what its own settings allow counts too
    #[arg(long)]
    trusted: bool,
    /// Print JSON, as `check` does
    #[arg(long)]
    json: bool,
}

pub fn policy(state: Option<PathBuf>, command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Trust(args) => trust::run(&StateDir::open(state)?, args),
        Command::Check(args) => check(args),
        Command::Test(args) => test(args),
        Command::Explain(args) => explain(args),
    }
}

fn check(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let workspace = workspace(args.workspace.as_deref())?;
    let found = Found::of(&workspace);
    say_wrong(&found);
    let (trusted, untrusted) = (found.scopes(true), found.scopes(false));
    let home = home();
    let setting = Setting {
        workspace: &workspace,
        trusted: &trusted,
        untrusted: &untrusted,
        home: home.as_deref(),
        files: &Disk,
    };
    let answered = answer_all(
        &mut io::stdin().lock(),
        &mut output::stdout().lock(),
        &setting,
    );
    match answered {
        // Whoever reads has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure {
            sentence: format!("the requests could not be read or answered: {error}"),
            hint: "requests come on standard input, a line of JSON each".to_owned(),
        }),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Each answer is out before the next request is read.
fn answer_all(
    from: &mut impl BufRead,
    into: &mut impl Write,
    setting: &Setting<'_>,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = from
            .by_ref()
            .take(CHECK_LINE_MAX as u64 + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let answer = if line.len() > CHECK_LINE_MAX {
            from.skip_until(b'\n')?;
            check::too_long(line.get(..SHOWN_MAX).unwrap_or(&line))
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            check::answer(line.trim_ascii(), setting)
        };
        into.write_all(answer.as_bytes())?;
        into.write_all(b"\n")?;
        into.flush()?;
    }
}

fn test(args: &TestArgs) -> Result<ExitCode, Failure> {
    let found = if args.files.is_empty() {
        Found::of(&workspace(args.workspace.as_deref())?)
    } else {
        let missing = args.files.iter().find(|file| !file.exists());
        if let Some(missing) = missing {
            return Err(Failure {
                sentence: format!("there is no file {}", missing.display()),
                hint: "without a file all that count in this folder are checked".to_owned(),
            });
        }
        Found::read(
            args.files
                .iter()
                .map(|file| (level(file), file.clone()))
                .collect(),
        )
    };
    let failures: Vec<_> = found
        .files
        .iter()
        .flat_map(|file| file.settings.test())
        .collect();
    let passed = found.wrong.is_empty() && failures.is_empty();
    if args.json {
        let wrong = found.wrong.iter().map(|wrong| json!({"file": &*wrong.file, "line": wrong.line, "column": wrong.column, "reason": wrong.fault.to_string(), "hint": wrong.fault.hint()}));
        let failures = failures.iter().map(|failure| json!({"file": &*failure.file, "line": failure.line, "rule": failure.rule, "example": failure.example, "should_match": failure.should_match}));
        let files = found
            .files
            .iter()
            .map(|file| json!({"file": file.path, "rules": file.settings.rules().len()}));
        output::json(&json!({
            "passed": passed,
            "files": files.collect::<Vec<_>>(),
            "wrong": wrong.collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
        }));
    } else {
        output::lines(&said(&found, &failures));
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn said(found: &Found, failures: &[lanyard_policy::settings::Failure]) -> Vec<String> {
    let mut lines = Vec::new();
    for file in &found.files {
        let rules = file.settings.rules();
        let count = match rules.len() {
            1 => "1 rule".to_owned(),
            many => format!("{many} rules"),
        };
        lines.push(format!("{}: {count}", file.path.display()));
        for placed in rules.iter().filter(|placed| placed.effect == Effect::Allow) {
            let warns = placed
                .rule
                .dangerous()
                .map(str::to_owned)
                .or_else(|| placed.rule.never_allows().map(|why| why.to_string()));
            lines.extend(
                warns.map(|why| format!("  warning: line {}, {}: {why}", placed.line, placed.rule)),
            );
        }
    }
    for wrong in &found.wrong {
        lines.push(format!("error: {wrong}"));
        lines.push(format!("  hint: {}", wrong.fault.hint()));
    }
    lines.extend(failures.iter().map(|failure| format!("error: {failure}")));
    lines.push(match (found.files.is_empty(), found.wrong.is_empty() && failures.is_empty()) {
        (true, true) => "there is no settings file".to_owned(),
        (false, true) => "all rules and their examples hold".to_owned(),
        (_, false) if found.wrong.is_empty() => "some rules do not do what their examples say".to_owned(),
        (_, false) => "a file that is broken counts for nothing, and everything is asked about until it is mended".to_owned(),
    });
    lines
}

fn explain(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let workspace = workspace(args.workspace.as_deref())?;
    let found = Found::of(&workspace);
    say_wrong(&found);
    let scopes = found.scopes(args.trusted);
    let home = home();
    if args.json {
        let setting = Setting {
            workspace: &workspace,
            trusted: &scopes,
            untrusted: &scopes,
            home: home.as_deref(),
            files: &Disk,
        };
        let request = json!({"cmd": args.command, "mode": args.mode.unwrap_or(scopes.mode())});
        output::text(&format!(
            "{}\n",
            check::answer(request.to_string().as_bytes(), &setting)
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let folders = check::folders(&scopes, &workspace, home.as_deref());
    let place = Place::new(&workspace, &folders, &Disk);
    let policy = Policy {
        scopes: &scopes,
        grants: &[],
        mode: args.mode.unwrap_or(scopes.mode()),
        trusted: true,
        home: home.as_deref(),
        now: 0,
    };
    let verdict = policy.decide(&Request::Command(&args.command), &place);
    output::lines(&explained(&args.command, &verdict));
    Ok(ExitCode::SUCCESS)
}

fn explained(command: &str, verdict: &Verdict) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", word(verdict.decision), verdict.reason)];
    let shown = prompt::show(command);
    if verdict.parts.len() > 1 {
        for part in &verdict.parts {
            lines.push(format!(
                "  {}: {}, {}",
                part.text,
                word(part.decision),
                part.reason
            ));
        }
    }
    if shown.text != command {
        lines.push(format!("it would be shown as: {}", shown.text));
    }
    if verdict.decision == Decision::Ask {
        lines.push(match verdict.always.as_slice() {
            [] => "no rule could be saved that allows it always".to_owned(),
            rules => format!("\"always\" would save: {}", rules.join(", ")),
        });
    }
    lines
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed",
        Decision::Ask => "asked about",
        Decision::Deny => "denied",
    }
}

fn say_wrong(found: &Found) {
    for wrong in &found.wrong {
        output::failure(&wrong.to_string(), wrong.fault.hint());
    }
}

fn level(file: &Path) -> Level {
    if file.starts_with("/etc") {
        Level::Managed
    } else {
        Level::Project
    }
}

fn mode(name: &str) -> Result<Mode, String> {
    serde_json::from_value(json!(name))
        .map_err(|_| "the modes are plan, ask and accept-edits".to_owned())
}

fn workspace(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = given.unwrap_or(Path::new("."));
    let whole = std::fs::canonicalize(folder)
        .ok()
        .filter(|path| path.is_dir());
    whole.ok_or_else(|| Failure {
        sentence: format!("there is no folder {}", folder.display()),
        hint: "name the workspace with --workspace".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_policy::place::NoFiles;
    use lanyard_policy::settings::Scopes;
    use serde_json::Value;

    fn answers(input: &[u8]) -> Vec<Value> {
        let scopes = Scopes::merge(Vec::new(), true);
        let setting = Setting {
            workspace: Path::new("/w/project"),
            trusted: &scopes,
            untrusted: &scopes,
            home: None,
            files: &NoFiles,
        };
        let mut out = Vec::new();
        answer_all(&mut io::BufReader::new(input), &mut out, &setting).unwrap();
        String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn each_line_is_answered_in_order_whatever_it_is() {
        let long = format!("{{\"cmd\": \"{}\"}}\n", "x".repeat(CHECK_LINE_MAX));
        let mut input =
            b"{\"cmd\": \"git status\"}\n\n{\"cmd\": \"rm a\"}\nno json\n\xff\xfe\n".to_vec();
        input.extend(long.as_bytes());
        input.extend(b"{\"tool\": \"Read\", \"input\": \"src/a\"}\n{\"cmd\": \"ls\", \"sandbox\": false}\n{\"cmd\": \"ls\", \"mode\": \"yolo\"}\n{\"tool\": \"Telepathy\", \"input\": \"x\"}\n{\"cmd\": \"ls\"}");
        let decisions: Vec<_> = answers(&input)
            .iter()
            .map(|answer| answer["decision"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            decisions,
            [
                "allow", "ask", "deny", "deny", "deny", "allow", "deny", "deny", "ask", "allow"
            ]
        );
    }

    #[test]
    fn an_answer_says_what_was_asked_decided_and_shown() {
        let answers = answers(br#"{"cmd": "git status && cargo test\u200b"}"#);
        let [answer] = answers.as_slice() else {
            panic!()
        };
        assert_eq!(answer["cmd"], "git status && cargo test\u{200b}");
        assert_eq!(answer["decision"], "ask");
        assert_eq!(answer["rule"], Value::Null);
        assert_eq!(answer["prompt"]["text"], "git status && cargo test⟨U+200B⟩");
        assert_eq!(answer["prompt"]["lines"], 1);
        assert!(
            answer["prompt"]["flags"]
                .as_array()
                .unwrap()
                .contains(&json!("invisible"))
        );
        assert_eq!(answer["prompt"]["always"], json!([]));
    }
}
