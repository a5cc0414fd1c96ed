//! Requests as lines of JSON, and the answers: `lanyard policy check`, for rule tests in anyone's CI.

use crate::decide::{Decision, Part, Policy, Request, Verdict};
use crate::place::{Files, Place};
use crate::prompt::{self, Shown};
use crate::rules::Rule;
use crate::settings::{Effect, Mode, Scopes};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What holds where a line says nothing else.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The workspace: absolute.
    pub workspace: &'a Path,
    /// The rules of the settings files, for a folder that is trusted.
    pub trusted: &'a Scopes,
    /// The same, for one that is not.
    pub untrusted: &'a Scopes,
    /// Where `~/` of a rule is.
    pub home: Option<&'a Path>,
    /// What may be known of the file system.
    pub files: &'a dyn Files,
}

/// What a line may say. Anything else is refused, so that a slip in a test is no answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    cmd: Option<String>,
    tool: Option<String>,
    input: Option<String>,
    #[serde(default)]
    rules: Rules,
    mode: Option<Mode>,
    cwd: Option<PathBuf>,
    trusted: Option<bool>,
}

/// Rules for this line alone, beside those of the files.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    allow: Vec<String>,
    ask: Vec<String>,
    deny: Vec<String>,
}

/// The answer to a line.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    asked: Echo,
    decision: Decision,
    rule: Option<String>,
    reason: String,
    parts: Vec<Part>,
    prompt: Prompt,
}

/// What was asked, as it was asked.
#[derive(Serialize)]
#[serde(untagged)]
enum Echo {
    Command {
        cmd: String,
    },
    Tool {
        tool: String,
        input: String,
    },
    /// The line could not be read.
    Nothing {},
}

/// What a person would see.
#[derive(Serialize)]
struct Prompt {
    #[serde(flatten)]
    shown: Shown,
    always: Vec<String>,
}

/// Answers one line: always with one line, whatever stands in it.
#[must_use]
pub fn answer(line: &[u8], setting: &Setting<'_>) -> String {
    let answer = match read(line) {
        Ok((asked, echo)) => decide(asked, echo, setting),
        Err(why) => refused(Echo::Nothing {}, prompt::show_bytes(line), why),
    };
    // Nothing in it can fail to be written.
    serde_json::to_string(&answer).unwrap_or_default()
}

/// The answer to a line of which only the beginning was taken.
#[must_use]
pub fn too_long(begins: &[u8]) -> String {
    let answer = refused(
        Echo::Nothing {},
        prompt::show_bytes(begins),
        "the line is too long".to_owned(),
    );
    serde_json::to_string(&answer).unwrap_or_default()
}

fn read(line: &[u8]) -> Result<(Asked, Echo), String> {
    let asked: Asked =
        serde_json::from_slice(line).map_err(|error| format!("the line is no request: {error}"))?;
    let echo = match (&asked.cmd, &asked.tool, &asked.input) {
        (Some(cmd), None, None) => Echo::Command { cmd: cmd.clone() },
        (None, Some(tool), Some(input)) => Echo::Tool {
            tool: tool.clone(),
            input: input.clone(),
        },
        _ => {
            return Err("the line is no request: it needs `cmd`, or `tool` and `input`".to_owned());
        }
    };
    Ok((asked, echo))
}

fn decide(asked: Asked, echo: Echo, setting: &Setting<'_>) -> Answer {
    let (request, text) = request(&echo);
    let shown = prompt::show(text);
    let trusted = asked.trusted != Some(false);
    // Rules of the project count only where somebody says that it is trusted; those of the line unless somebody says that it is not.
    let files = if asked.trusted == Some(true) {
        setting.trusted
    } else {
        setting.untrusted
    };
    let scopes = match with_rules(files, &asked.rules, trusted) {
        Ok(scopes) => scopes,
        Err(why) => return refused(echo, shown, why),
    };
    let mode = asked.mode.unwrap_or(scopes.mode());
    let folders = folders(&scopes, setting.workspace, setting.home);
    let mut place = Place::new(setting.workspace, &folders, setting.files);
    if let Some(cwd) = &asked.cwd
        && let Err(why) = place.enter(&cwd.to_string_lossy())
    {
        let verdict = Verdict::alone(Decision::Ask, None, why.to_string());
        return answered(echo, verdict, shown);
    }
    let policy = Policy {
        scopes: &scopes,
        grants: &[],
        mode,
        trusted,
        home: setting.home,
        now: 0,
    };
    let verdict = policy.decide(&request, &place);
    answered(echo, verdict, shown)
}

/// Further folders that the settings let be read, from the root.
#[must_use]
pub fn folders(scopes: &Scopes, workspace: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let whole = |folder: &str| match folder.strip_prefix("~/") {
        Some(rest) => home.map(|home| home.join(rest)),
        None => Some(workspace.join(folder)),
    };
    let folders = scopes.folders().iter();
    folders.filter_map(|folder| whole(&folder.path)).collect()
}

/// What is asked for, and the text of it that a person would see.
fn request(echo: &Echo) -> (Request<'_>, &str) {
    match echo {
        Echo::Command { cmd } => (Request::Command(cmd), cmd),
        Echo::Tool { tool, input } => {
            let request = match tool.as_str() {
                "Bash" => Request::Command(input),
                "Read" => Request::Read(input),
                "Edit" | "Write" => Request::Edit(input),
                "WebFetch" => Request::Fetch(input),
                _ if tool.starts_with("mcp__") => Request::Mcp(tool),
                _ => Request::Other(tool),
            };
            (request, input)
        }
        Echo::Nothing {} => (Request::Other(""), ""),
    }
}

fn with_rules(files: &Scopes, rules: &Rules, trusted: bool) -> Result<Scopes, String> {
    let mut scopes = files.clone();
    let all = [
        (Effect::Allow, &rules.allow),
        (Effect::Ask, &rules.ask),
        (Effect::Deny, &rules.deny),
    ];
    for (effect, texts) in all {
        for text in texts {
            let rule = Rule::parse(text).map_err(|why| format!("`{text}` is no rule: {why}"))?;
            if trusted || effect != Effect::Allow {
                scopes.add(effect, rule);
            }
        }
    }
    Ok(scopes)
}

fn refused(asked: Echo, shown: Shown, why: String) -> Answer {
    answered(asked, Verdict::alone(Decision::Deny, None, why), shown)
}

fn answered(asked: Echo, verdict: Verdict, shown: Shown) -> Answer {
    Answer {
        asked,
        decision: verdict.decision,
        rule: verdict.rule,
        reason: verdict.reason,
        parts: verdict.parts,
        prompt: Prompt {
            shown,
            always: verdict.always,
        },
    }
}
