//! A coding agent on the machine asks by its hook before it runs something, and is answered by a rule, by a person, or not at all.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_tests::{Agent, PATIENCE, World};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

struct Session {
    world: World,
    home: PathBuf,
    folder: PathBuf,
}

impl Session {
    async fn start() -> Result<Self> {
        let world = World::start().await?;
        let beside = world.agent.state.parent().context("a folder")?.to_owned();
        let home = std::fs::canonicalize(beside)?.join("home");
        let folder = home.join("project");
        std::fs::create_dir_all(folder.join(".lanyard"))?;
        Ok(Self {
            world,
            home,
            folder,
        })
    }

    fn lanyard(&self, words: &[&str]) -> Result<Command> {
        let mut command = Agent::command(&self.world.agent.state, &self.home, "hook")?;
        command
            .current_dir(&self.folder)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }

    async fn run(&self, words: &[&str]) -> Result<Output> {
        let mut command = self.lanyard(words)?;
        Ok(timeout(PATIENCE, command.stdin(Stdio::null()).output()).await??)
    }

    /// Calls the hook, as Claude Code does.
    async fn call(&self, event: &str, tool: &str, input: Value) -> Result<Child> {
        let call = json!({
            "session_id": "s-7", "transcript_path": "/dev/null", "cwd": self.folder,
            "permission_mode": "default", "hook_event_name": event, "tool_name": tool,
            "tool_input": input, "tool_use_id": "t-1",
        });
        let mut hook = self.lanyard(&["hook", "claude-code"])?.spawn()?;
        let mut stdin = hook.stdin.take().context("its input")?;
        // Its end is the end of this function.
        stdin.write_all(call.to_string().as_bytes()).await?;
        Ok(hook)
    }

    async fn asks(&self, event: &str, line: &str) -> Result<Child> {
        self.call(event, "Bash", json!({"command": line})).await
    }

    /// What people are asked, as soon as it is so.
    async fn until(&self, is_so: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
        let looks = async {
            loop {
                let listed = self.run(&["approvals", "--json"]).await?;
                let waiting: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
                if is_so(&waiting) {
                    return Ok(waiting);
                }
            }
        };
        timeout(PATIENCE, looks).await?
    }

    /// Waits until people are asked, and answers as the person at the machine.
    async fn answer(&self, verdict: &str) -> Result<Value> {
        let waiting = self.until(|waiting| !waiting.is_empty()).await?;
        let request = waiting.into_iter().next().context("a request")?;
        let id = request["id"].as_str().context("an id")?;
        let answered = self.run(&[verdict, id, "--yes"]).await?;
        ensure!(answered.status.success(), "{answered:?}");
        Ok(request)
    }
}

/// What it was told; nothing if it was left to itself.
async fn told(hook: Child) -> Result<Option<Value>> {
    let output = timeout(PATIENCE, hook.wait_with_output()).await??;
    ensure!(output.status.success(), "{output:?}");
    if output.stdout.is_empty() {
        return Ok(None);
    }
    let said: Value = serde_json::from_slice(&output.stdout)?;
    Ok(Some(said["hookSpecificOutput"].clone()))
}

#[tokio::test]
async fn what_a_person_answers_is_what_the_agent_is_told() -> Result<()> {
    let session = Session::start().await?;
    let hook = session.asks("PermissionRequest", "make upload").await?;
    let request = session.answer("approve").await?;
    let asker = &request["asker"];
    ensure!(asker["by"] == "agent" && asker["name"] == "Claude Code" && asker["session"] == "s-7");
    ensure!(request["fences"]["fences"] == "outside");
    let allowed = told(hook).await?.context("an answer")?;
    ensure!(
        allowed["decision"] == json!({"behavior": "allow"}),
        "{allowed}"
    );

    // What only reads is asked about too: the agent runs it by itself.
    let hook = session.asks("PermissionRequest", "ls").await?;
    session.answer("deny").await?;
    let denied = told(hook).await?.context("an answer")?;
    ensure!(denied["decision"]["behavior"] == "deny", "{denied}");
    let why = denied["decision"]["message"].as_str().unwrap_or_default();
    ensure!(why.contains("denied at the machine"), "{why}");
    Ok(())
}

#[tokio::test]
async fn rules_answer_before_people_do() -> Result<()> {
    let session = Session::start().await?;
    let settings = session.home.join(".config/lanyard");
    std::fs::create_dir_all(&settings)?;
    std::fs::write(
        settings.join("settings.toml"),
        "[permissions]\nallow = [\"Bash(make test)\"]\ndeny = [\"Bash(curl:*)\"]\n",
    )?;
    let allowed = told(session.asks("PermissionRequest", "make test").await?).await?;
    ensure!(allowed.context("an answer")?["decision"]["behavior"] == "allow");
    for (event, field) in [
        ("PermissionRequest", "decision"),
        ("PreToolUse", "permissionDecision"),
    ] {
        let denied = told(session.asks(event, "curl x | sh").await?).await?;
        let denied = denied.context("an answer")?;
        ensure!(denied[field].to_string().contains("deny"), "{denied}");
    }
    // A rule for one part of a line is none for the whole.
    let mixed = session.asks("PermissionRequest", "make test && ls").await?;
    session.answer("deny").await?;
    ensure!(told(mixed).await?.context("an answer")?["decision"]["behavior"] == "deny");
    // Before each use of a tool nothing else is decided.
    for line in ["make test", "make upload", "ls"] {
        ensure!(
            told(session.asks("PreToolUse", line).await?)
                .await?
                .is_none()
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_ours_to_answer_is_left_to_the_agent() -> Result<()> {
    let mut session = Session::start().await?;
    let edit = session
        .call("PermissionRequest", "Edit", json!({"file_path": "/x"}))
        .await?;
    ensure!(told(edit).await?.is_none());
    // Whoever has been answered in its own dialog ends the hook, and nobody is asked any more.
    let mut hook = session.asks("PermissionRequest", "make upload").await?;
    session.until(|waiting| !waiting.is_empty()).await?;
    hook.kill().await?;
    session.until(<[Value]>::is_empty).await?;
    // Without an agent its dialog stays: no answer, and no status that would stop it.
    session.world.agent.process.kill().await?;
    let hook = session.asks("PermissionRequest", "make upload").await?;
    let output = timeout(PATIENCE, hook.wait_with_output()).await??;
    ensure!(
        output.stdout.is_empty() && output.status.code() == Some(1),
        "{output:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_hook_is_installed_as_shown_and_uninstalled_without_a_trace() -> Result<()> {
    let session = Session::start().await?;
    let settings = session.home.join(".claude/settings.json");
    std::fs::create_dir_all(session.home.join(".claude"))?;
    let before = "{\n  \"model\": \"x\"\n}\n";
    std::fs::write(&settings, before)?;
    let shown = session.run(&["hook", "install", "--print"]).await?;
    ensure!(std::fs::read_to_string(&settings)? == before);
    // Nobody is there to be asked.
    ensure!(!session.run(&["hook", "install"]).await?.status.success());
    ensure!(std::fs::read_to_string(&settings)? == before);
    let installed = session.run(&["hook", "install", "--yes"]).await?;
    ensure!(installed.status.success(), "{installed:?}");
    ensure!(std::fs::read(&settings)? == shown.stdout);
    let again = session.run(&["hook", "install", "--yes"]).await?;
    ensure!(String::from_utf8(again.stdout)?.contains("as it should be"));
    session.run(&["hook", "uninstall", "--yes"]).await?;
    ensure!(std::fs::read_to_string(&settings)? == before);
    std::fs::write(&settings, "not JSON")?;
    let broken = session.run(&["hook", "install", "--yes"]).await?;
    ensure!(!broken.status.success());
    ensure!(std::fs::read_to_string(&settings)? == "not JSON");
    Ok(())
}
