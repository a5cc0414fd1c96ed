//! What Claude Code says to its hooks, and what it reads from them (<https://code.claude.com/docs/en/hooks>). Fields that are not named here are
//! passed over, as later versions add some.

use serde::Deserialize;
use serde_json::{Value, json};
use std::env;
use std::path::{Path, PathBuf};

/// Who asks, as people are told.
pub const NAME: &str = "Claude Code";

/// The one tool that runs commands.
const BASH: &str = "Bash";

#[derive(Deserialize)]
struct Input {
    session_id: String,
    cwd: PathBuf,
    hook_event_name: String,
    tool_name: String,
    tool_input: Value,
}

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Before each use of a tool.
    PreToolUse,
    /// Where its dialog would be shown.
    PermissionRequest,
}

/// A command that it wants to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    pub event: Event,
    pub session: String,
    pub line: String,
    pub folder: PathBuf,
    /// Where the session was started, if that is known; whose settings count.
    pub workspace: PathBuf,
}

/// What it is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Allow,
    /// Why, for the agent to read.
    Deny(String),
}

impl Asked {
    /// Nothing, where it is about something else than a command.
    pub fn read(input: &[u8]) -> serde_json::Result<Option<Self>> {
        Self::within(input, env::var_os("CLAUDE_PROJECT_DIR").map(PathBuf::from))
    }

    fn within(input: &[u8], project: Option<PathBuf>) -> serde_json::Result<Option<Self>> {
        let input: Input = serde_json::from_slice(input)?;
        let event = match input.hook_event_name.as_str() {
            "PreToolUse" => Event::PreToolUse,
            "PermissionRequest" => Event::PermissionRequest,
            _ => return Ok(None),
        };
        let line = input.tool_input.get("command").and_then(Value::as_str);
        let Some(line) = line.filter(|_| input.tool_name == BASH) else {
            return Ok(None);
        };
        let holds = |project: &PathBuf| project.is_absolute() && input.cwd.starts_with(project);
        let workspace = project.filter(holds).unwrap_or_else(|| input.cwd.clone());
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Ok(Some(Self {
            event,
            session: input.session_id,
            line: line.to_owned(),
            folder: real(&input.cwd),
            workspace: real(&workspace),
        }))
    }
}

impl Event {
    /// As each of them wants to be answered.
    pub fn reply(self, answer: &Answer) -> Value {
        let output = match (self, answer) {
            (Self::PreToolUse, Answer::Allow) => json!({
                "hookEventName": "PreToolUse", "permissionDecision": "allow",
            }),
            (Self::PreToolUse, Answer::Deny(why)) => json!({
                "hookEventName": "PreToolUse", "permissionDecision": "deny",
                "permissionDecisionReason": why,
            }),
            (Self::PermissionRequest, Answer::Allow) => json!({
                "hookEventName": "PermissionRequest", "decision": {"behavior": "allow"},
            }),
            (Self::PermissionRequest, Answer::Deny(why)) => json!({
                "hookEventName": "PermissionRequest",
                "decision": {"behavior": "deny", "message": why},
            }),
        };
        json!({ "hookSpecificOutput": output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl Fn(&mut Value), project: Option<&str>) -> Option<Asked> {
        let mut input = json!({
            "session_id": "s-1", "transcript_path": "/t", "cwd": "/nowhere/at/all",
            "permission_mode": "default", "hook_event_name": "PermissionRequest",
            "tool_name": "Bash", "tool_input": {"command": "make", "description": "Builds"},
        });
        change(&mut input);
        Asked::within(input.to_string().as_bytes(), project.map(PathBuf::from)).unwrap()
    }

    #[test]
    fn a_command_is_read_and_whatever_else_is_left_to_it() {
        let asked = read(|_| {}, Some("/nowhere")).unwrap();
        assert_eq!(
            (asked.line.as_str(), asked.session.as_str()),
            ("make", "s-1")
        );
        assert_eq!(asked.workspace, Path::new("/nowhere"));
        // A project that does not hold the folder is none of its.
        let asked = read(|_| {}, Some("/elsewhere")).unwrap();
        assert_eq!(asked.workspace, asked.folder);
        for (field, value) in [
            ("hook_event_name", json!("Stop")),
            ("tool_name", json!("Edit")),
            ("tool_input", json!({"command": 7})),
            ("tool_input", json!({})),
        ] {
            assert_eq!(read(|input| input[field] = value.clone(), None), None);
        }
        assert!(Asked::within(b"{}", None).is_err());
    }

    #[test]
    fn each_hook_is_answered_in_its_own_words() {
        let deny = Answer::Deny("no".to_owned());
        let said = Event::PreToolUse.reply(&deny);
        assert_eq!(said["hookSpecificOutput"]["permissionDecision"], "deny");
        let said = Event::PermissionRequest.reply(&deny);
        assert_eq!(said["hookSpecificOutput"]["decision"]["message"], "no");
        let said = Event::PermissionRequest.reply(&Answer::Allow);
        assert_eq!(said["hookSpecificOutput"]["decision"]["behavior"], "allow");
    }
}
