//! What a folder says of itself counts only when somebody at the machine's terminal has said yes to it, as it is.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_tests::{Agent, PATIENCE, World};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// No line of a command says this.
const NEVER_SAID: &str = "\u{1}";

struct Project {
    world: World,
    home: PathBuf,
    folder: PathBuf,
}

impl Project {
    async fn start() -> Result<Self> {
        let world = World::start().await?;
        let beside = world.agent.state.parent().context("a folder")?.to_owned();
        let home = std::fs::canonicalize(beside)?.join("home");
        let folder = home.join("project");
        std::fs::create_dir_all(folder.join(".lanyard"))?;
        let project = Self {
            world,
            home,
            folder,
        };
        project.allows("make")?;
        Ok(project)
    }

    /// The project's own settings allow this.
    fn allows(&self, command: &str) -> Result<()> {
        let text = format!("[permissions]\nallow = [\"Bash({command})\"]\n");
        Ok(std::fs::write(self.settings(), text)?)
    }

    fn settings(&self) -> PathBuf {
        self.folder.join(".lanyard/settings.toml")
    }

    async fn run(&self, words: &[&str]) -> Result<Output> {
        let mut command = Agent::command(&self.world.agent.state, &self.home, "trust")?;
        command.current_dir(&self.folder).args(words);
        Ok(timeout(PATIENCE, command.stdin(Stdio::null()).output()).await??)
    }

    /// Runs it where a person sits, who types this when asked, until it ends or says `until`; returns what they see.
    async fn at_terminal(&self, words: &[&str], typed: &str, until: &str) -> Result<String> {
        let plain = Agent::command(&self.world.agent.state, &self.home, "trust")?;
        let plain = plain.as_std();
        let (mut pty, pts) = pty_process::open()?;
        let mut command = pty_process::Command::new(plain.get_program())
            .args(plain.get_args())
            .args(words)
            .env_clear()
            .current_dir(&self.folder)
            .kill_on_drop(true);
        for (name, value) in plain.get_envs() {
            command = command.env(name, value.unwrap_or_default());
        }
        let mut child = command.spawn(pts)?;
        let (mut seen, mut asked) = (String::new(), false);
        timeout(PATIENCE, async {
            let mut some = [0; 4096];
            // A terminal whose program has ended is an error to read, on this kernel.
            while !seen.contains(until)
                && let Ok(read @ 1..) = pty.read(&mut some).await
            {
                seen.push_str(&String::from_utf8_lossy(&some[..read]));
                if !asked && seen.contains("[y/N]") {
                    asked = true;
                    pty.write_all(typed.as_bytes()).await?;
                }
            }
            let _ = child.start_kill();
            child.wait().await?;
            anyhow::Ok(())
        })
        .await??;
        Ok(seen)
    }

    /// Says this when it is asked about the folder.
    async fn trust(&self, typed: &str) -> Result<String> {
        self.at_terminal(&["policy", "trust"], typed, NEVER_SAID)
            .await
    }

    /// Starts the agent, until it says this.
    async fn up(&self, typed: &str, until: &str) -> Result<String> {
        self.at_terminal(&["up", "--no-pair"], typed, until).await
    }

    /// What is decided of a command that the project allows, here and now.
    async fn explained(&self, command: &str) -> Result<String> {
        // As somebody asks who would not wait for an answer.
        let mut asked = Agent::command(&self.world.agent.state, &self.home, "trust")?;
        asked.current_dir(&self.folder);
        asked.args(["ask", "--json", "-c", command]);
        let asked = asked.stdin(Stdio::null()).stdout(Stdio::null());
        let mut asked = asked.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut said = asked.stderr.take().context("its errors")?;
        let mut text = Vec::new();
        timeout(PATIENCE, async {
            while !text.contains(&b'\n') {
                let read = said.read_buf(&mut text).await?;
                ensure!(read > 0, "nothing was decided");
            }
            Ok(())
        })
        .await??;
        let line = text.split(|byte| *byte == b'\n').next().context("a line")?;
        let decided: Value = serde_json::from_slice(line)?;
        Ok(decided["decision"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn a_projects_rules_count_only_after_a_yes_and_only_as_they_were() -> Result<()> {
    let project = Project::start().await?;
    ensure!(project.explained("make").await? == "ask");
    let seen = project.trust("y\n").await?;
    ensure!(seen.contains("allow Bash(make)"), "{seen}");
    ensure!(project.explained("make").await? == "allow");
    let log = project.run(&["audit", "--json"]).await?;
    ensure!(String::from_utf8(log.stdout)?.contains("folder_trusted"));
    project.allows("make --more")?;
    ensure!(project.explained("make --more").await? == "ask");
    // As it was, it is trusted as it was.
    project.allows("make")?;
    ensure!(project.explained("make").await? == "allow");
    let forgotten = project.run(&["policy", "trust", "--forget"]).await?;
    ensure!(forgotten.status.success(), "{forgotten:?}");
    ensure!(project.explained("make").await? == "ask");
    Ok(())
}

#[tokio::test]
async fn no_is_the_answer_of_who_says_nothing_and_of_who_is_not_there() -> Result<()> {
    let project = Project::start().await?;
    let nobody = project.run(&["policy", "trust"]).await?;
    let why = String::from_utf8(nobody.stderr)?;
    ensure!(
        !nobody.status.success() && why.contains("at a terminal"),
        "{why}"
    );
    let seen = project.trust("\n").await?;
    ensure!(seen.contains("it is not trusted"), "{seen}");
    ensure!(project.explained("make").await? == "ask");
    let listed = project
        .run(&["policy", "trust", "--list", "--json"])
        .await?;
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    ensure!(listed[0]["standing"] == "refused", "{listed}");
    Ok(())
}

#[tokio::test]
async fn a_repository_is_not_looked_at_before_its_folder_is_trusted() -> Result<()> {
    let project = Project::start().await?;
    std::fs::remove_file(project.settings())?;
    let init = tokio::process::Command::new("git")
        .args(["init", "-q"])
        .arg(&project.folder)
        .status();
    ensure!(init.await?.success());
    ensure!(project.explained("git status").await? == "ask");
    let seen = project.trust("y\n").await?;
    ensure!(seen.contains("look at its Git repository"), "{seen}");
    ensure!(project.explained("git status").await? == "allow");
    Ok(())
}

#[tokio::test]
async fn the_first_start_in_a_folder_asks_about_it_and_later_ones_do_not() -> Result<()> {
    let mut project = Project::start().await?;
    project.world.agent.process.kill().await?;
    let seen = project.up("\n", "it is not trusted;").await?;
    ensure!(
        seen.contains("allow Bash(make)") && seen.contains("it is not trusted"),
        "{seen}"
    );
    let seen = project.up("", "connected to").await?;
    ensure!(!seen.contains("[y/N]"), "{seen}");
    project.allows("false")?;
    // It is there before anybody has answered.
    let seen = project.up("", "connected to").await?;
    ensure!(seen.contains("[y/N]"), "{seen}");
    let seen = project.up("y\n", "it is trusted, as it is now").await?;
    ensure!(seen.contains("allow Bash(false)"), "{seen}");
    Ok(())
}
