//! A program that is killed and started again, with its words in a file.

use anyhow::{Context as _, Result, bail};
use lanyard_tests::process::program;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// A program that is killed and started again.
pub struct Part {
    pub name: &'static str,
    pub arguments: Vec<String>,
    pub envs: Vec<(&'static str, String)>,
    pub log: PathBuf,
    pub child: Option<Child>,
}

impl Part {
    /// Starts it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(program(self.name)?);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        let id = self.child.as_ref().and_then(Child::id);
        let pid = id.and_then(|id| Pid::from_raw(id.cast_signed()));
        pid.with_context(|| format!("{} does not run", self.name))
    }

    /// A variable of its environment from its next start on.
    pub fn set(&mut self, name: &'static str, value: Option<String>) {
        self.envs.retain(|(known, _)| *known != name);
        self.envs.extend(value.map(|value| (name, value)));
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// Ends it with this signal and starts it again after `rest`.
    ///
    /// # Errors
    /// It did not run, or does not start.
    pub async fn again(&mut self, signal: Signal, rest: Duration) -> Result<()> {
        self.signal(signal)?;
        if let Some(child) = &mut self.child {
            child.wait().await?;
        }
        sleep(rest).await;
        self.start()
    }

    /// Starts it again if it has ended by itself; it is an error that it has.
    ///
    /// # Errors
    /// It has ended.
    pub fn runs(&mut self) -> Result<()> {
        let ended = match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        };
        if let Some(status) = ended {
            self.start()?;
            bail!("{} ended by itself: {status}", self.name);
        }
        Ok(())
    }
}
