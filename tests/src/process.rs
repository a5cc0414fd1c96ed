//! One child process that says what it does in lines of JSON.

use crate::PATIENCE;
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A program of ours, as cargo built it.
///
/// # Errors
/// It has not been built.
pub fn program(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    // target/debug/deps/test-1234 -> target/debug/name; a program itself lies beside the others.
    let dir = here.parent().context("a program lies in a folder")?;
    let dir = if dir.ends_with("deps") {
        dir.parent().context("a test lies two folders deep")?
    } else {
        dir
    };
    let path = dir.join(name);
    if !path.exists() {
        bail!(
            "{} is missing: run `cargo build --workspace --bins`",
            path.display()
        );
    }
    Ok(path)
}

/// A running program whose standard output is JSON lines.
pub struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Reads standard error to its end, so that a program that says a lot never waits for somebody to read it.
    complaints: JoinHandle<String>,
}

/// What is kept of standard error.
const COMPLAINT: usize = 16 * 1024 * 1024;

impl Process {
    /// Starts it; it is killed when this value goes.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let out = child
            .stdout
            .take()
            .context("standard output was asked for")?;
        let err = child
            .stderr
            .take()
            .context("standard error was asked for")?;
        Ok(Self {
            child,
            lines: BufReader::new(out).lines(),
            complaints: tokio::spawn(listen(err)),
        })
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The process has ended; the error holds what it said on standard error.
    pub async fn event(&mut self) -> Result<Value> {
        self.next_event(PATIENCE).await
    }

    async fn next_event(&mut self, patience: Duration) -> Result<Value> {
        match timeout(patience, self.lines.next_line())
            .await
            .context("no event in time")??
        {
            Some(line) => serde_json::from_str(&line).with_context(|| format!("not JSON: {line}")),
            None => bail!("the process ended: {}", self.complaint().await),
        }
    }

    /// Waits for the event of this name; others pass by.
    ///
    /// # Errors
    /// The process ends first.
    pub async fn event_named(&mut self, name: &str) -> Result<Value> {
        self.event_within(PATIENCE, name).await
    }

    /// The same for what takes longer than anything in a test.
    ///
    /// # Errors
    /// The process ends first.
    pub async fn event_within(&mut self, patience: Duration, name: &str) -> Result<Value> {
        loop {
            let event = self.next_event(patience).await?;
            if event["event"] == name {
                return Ok(event);
            }
        }
    }

    /// Waits for the end; returns the status and what was said on standard error.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn end(&mut self) -> Result<(ExitStatus, String)> {
        let complaint = self.complaint().await;
        Ok((
            timeout(PATIENCE, self.child.wait())
                .await
                .context("it does not end")??,
            complaint,
        ))
    }

    /// Its process id.
    ///
    /// # Errors
    /// It has ended.
    pub fn pid(&self) -> Result<Pid> {
        let id = self.child.id().context("the process has ended")?;
        Pid::from_raw(id.cast_signed()).context("a process id")
    }

    /// Kills it with -9 and waits until it is gone.
    ///
    /// # Errors
    /// It has ended before.
    pub async fn kill(&mut self) -> Result<()> {
        kill_process(self.pid()?, Signal::KILL)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Asks it to leave and waits until it has.
    ///
    /// # Errors
    /// It has ended before, or does not leave.
    pub async fn leave(&mut self) -> Result<ExitStatus> {
        kill_process(self.pid()?, Signal::TERM)?;
        timeout(PATIENCE, self.child.wait())
            .await
            .context("it does not leave")?
            .map_err(Into::into)
    }

    /// What it said on standard error, once it has ended.
    pub async fn complaint(&mut self) -> String {
        match timeout(PATIENCE, &mut self.complaints).await {
            Ok(Ok(text)) => text,
            Ok(Err(_)) | Err(_) => String::new(),
        }
    }
}

/// Reads to the end; keeps what was said last.
async fn listen(mut err: ChildStderr) -> String {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(count @ 1..) = err.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > COMPLAINT {
            kept.drain(..kept.len() - COMPLAINT / 2);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Runs a program to its end; returns status, standard output and standard error.
///
/// # Errors
/// It cannot be started, or does not end in time.
pub async fn run(command: &mut Command) -> Result<(ExitStatus, String, String)> {
    let output = timeout(
        PATIENCE,
        command.stdin(Stdio::null()).kill_on_drop(true).output(),
    );
    let output = output.await.context("it does not end")??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status, text(&output.stdout), text(&output.stderr)))
}
