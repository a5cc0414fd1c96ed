//! An agent as a process, and its owner's socket.

use crate::PATIENCE;
use crate::process::{Process, program};
use anyhow::{Context as _, Result, bail};
use lanyard_shared::ids::DeviceId;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::timeout;

/// A running agent, or one that was killed and will run again.
pub struct Agent {
    pub process: Process,
    /// Its state.
    pub state: PathBuf,
    home: PathBuf,
    mark: String,
}

impl Agent {
    /// Starts one with its state in `state` and waits until the relay has accepted it. `home` is where its shells live.
    ///
    /// # Errors
    /// It does not start or is not accepted.
    pub async fn start(
        state: PathBuf,
        home: PathBuf,
        mark: &str,
        enrol: Option<&str>,
    ) -> Result<Self> {
        Self::start_with(state, home, mark, enrol, None).await
    }

    /// Starts one that writes down all that `log` lets through.
    ///
    /// # Errors
    /// It does not start or is not accepted.
    pub async fn start_logging(
        state: PathBuf,
        home: PathBuf,
        mark: &str,
        enrol: &str,
        log: &str,
    ) -> Result<Self> {
        Self::start_with(state, home, mark, Some(enrol), Some(log)).await
    }

    /// Starts it again on the same state; returns it with what it said before it was online.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_and_listen(&self) -> Result<(Self, Vec<Value>)> {
        self.start_again(&[], &[]).await
    }

    /// The same with a clock that is so many seconds ahead.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_with_clock(&self, ahead: i64) -> Result<(Self, Vec<Value>)> {
        self.start_again(&[("LANYARD_CLOCK_OFFSET", ahead.to_string())], &[])
            .await
    }

    /// Starts it again on the same state, with the history kept for so long, as `--keep-history` has it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart_keeping(&mut self, history: &str) -> Result<()> {
        let (again, _) = self.start_again(&[], &["--keep-history", history]).await?;
        *self = again;
        Ok(())
    }

    async fn start_again(
        &self,
        env: &[(&str, String)],
        args: &[&str],
    ) -> Result<(Self, Vec<Value>)> {
        let mut command = Self::command(&self.state, &self.home, &self.mark)?;
        command.args(["up", "--json", "--no-pair"]).args(args);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start(&mut command)?;
        let mut said = Vec::new();
        loop {
            let event = process.event().await?;
            if event["event"] == "online" {
                break;
            }
            said.push(event);
        }
        let agent = Self {
            process,
            state: self.state.clone(),
            home: self.home.clone(),
            mark: self.mark.clone(),
        };
        Ok((agent, said))
    }

    async fn start_with(
        state: PathBuf,
        home: PathBuf,
        mark: &str,
        enrol: Option<&str>,
        log: Option<&str>,
    ) -> Result<Self> {
        let mut command = Self::command(&state, &home, mark)?;
        command.args(["up", "--json", "--no-pair"]);
        if let Some(log) = log {
            command.env("LANYARD_LOG", log);
        }
        if let Some(code) = enrol {
            command.args(["--enrol", code]);
        }
        let mut process = Process::start(&mut command)?;
        process.event_named("online").await?;
        Ok(Self {
            process,
            state,
            home,
            mark: mark.to_owned(),
        })
    }

    /// `lanyard` with this state, in a small and steady environment.
    ///
    /// # Errors
    /// It has not been built.
    pub fn command(state: &Path, home: &Path, mark: &str) -> Result<Command> {
        let mut command = Command::new(program("lanyard")?);
        command.env_clear().current_dir(home);
        command.envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("SHELL", "/bin/bash"),
            ("USER", "ada"),
            ("PS1", "$ "),
        ]);
        command.env("HOME", home).env("LANYARD_TEST_MARK", mark);
        if let Some(log) = std::env::var_os("LANYARD_LOG") {
            command.env("LANYARD_LOG", log);
        }
        command.arg("--state").arg(state);
        Ok(command)
    }

    /// Starts it again on the same state.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> Result<()> {
        *self = Self::start(self.state.clone(), self.home.clone(), &self.mark, None).await?;
        Ok(())
    }

    /// Asks over the owner's socket; returns the first notice that is an answer.
    ///
    /// # Errors
    /// The agent does not answer.
    pub async fn owner(&self, request: Value) -> Result<Value> {
        let stream = UnixStream::connect(self.state.join("owner.sock")).await?;
        let (read, mut write) = stream.into_split();
        write.write_all(format!("{request}\n").as_bytes()).await?;
        let mut lines = BufReader::new(read).lines();
        loop {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .context("no answer")??
                .context("no answer")?;
            let notice: Value = serde_json::from_str(&line)?;
            if ["link", "status", "done", "ended", "rotated", "refused"]
                .iter()
                .any(|name| notice["event"] == *name)
            {
                return Ok(notice);
            }
        }
    }

    /// Ends a device, as the owner does.
    ///
    /// # Errors
    /// The agent does not.
    pub async fn end_device(&self, device: DeviceId) -> Result<()> {
        let revocation = json!({"what": "device", "device": device});
        let answer = self
            .owner(json!({"t": "revoke", "revocation": revocation}))
            .await?;
        if answer["event"] != "ended" {
            bail!("not ended: {answer}");
        }
        Ok(())
    }

    /// A pairing link that asks nobody.
    ///
    /// # Errors
    /// The agent gives none.
    pub async fn pairing_link(&self, scopes: &[&str], yes: bool) -> Result<String> {
        let answer = self
            .owner(json!({"t": "pair", "scopes": scopes, "reach": {"root": null, "terminal": null}, "stays": null, "yes": yes}))
            .await?;
        Ok(answer["url"]
            .as_str()
            .with_context(|| format!("a link, not {answer}"))?
            .to_owned())
    }
}
