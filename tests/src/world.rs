//! A relay and an agent that know each other, in a folder that goes with them.

use crate::agent::Agent;
use crate::mark::Mark;
use crate::relay::Relay;
use anyhow::Result;
use std::path::PathBuf;
use tempfile::TempDir;

/// All of it. Holders outlive their agent, so they are ended here.
pub struct World {
    pub relay: Relay,
    pub agent: Agent,
    mark: Mark,
    dir: TempDir,
}

impl World {
    /// A fresh relay and a fresh agent, enrolled and online.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(false, None).await
    }

    /// The same, with viewers on TLS as well.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start_tls_only() -> Result<Self> {
        Self::start_with(true, None).await
    }

    /// The same as [`World::start`], and both write down all that `log` lets through.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start_logging(log: &str) -> Result<Self> {
        Self::start_with(false, Some(log)).await
    }

    async fn start_with(tls_only: bool, log: Option<&str>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let home = dir.path().join("home");
        std::fs::create_dir(&home)?;
        std::fs::write(home.join(".bashrc"), "PS1='$ '\nunset PROMPT_COMMAND\n")?;
        let mark = Mark::new(dir.path().display().to_string());
        let data = dir.path().join("relay");
        let relay = match (log, tls_only) {
            (Some(log), _) => Relay::start_logging(data, log).await?,
            (None, true) => Relay::start_tls_only(data).await?,
            (None, false) => Relay::start(data).await?,
        };
        let code = relay.enrol().await?;
        let state = dir.path().join("agent");
        let agent = match log {
            Some(log) => Agent::start_logging(state, home, mark.text(), &code, log).await?,
            None => Agent::start(state, home, mark.text(), Some(&code)).await?,
        };
        Ok(Self {
            relay,
            agent,
            mark,
            dir,
        })
    }

    /// A path inside the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The home of the agent's shells.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The mark in the environment of everything that was started here.
    #[must_use]
    pub fn mark(&self) -> &str {
        self.mark.text()
    }
}
