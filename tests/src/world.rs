//! A relay and an agent that know each other, in a folder that goes with them.

use crate::agent::Agent;
use crate::relay::Relay;
use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// All of it. Holders outlive their agent, so they are ended here.
pub struct World {
    pub relay: Relay,
    pub agent: Agent,
    mark: String,
    dir: TempDir,
}

impl World {
    /// A fresh relay and a fresh agent, enrolled and online.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let home = dir.path().join("home");
        std::fs::create_dir(&home)?;
        std::fs::write(home.join(".bashrc"), "PS1='$ '\nunset PROMPT_COMMAND\n")?;
        let mark = dir.path().display().to_string();
        let relay = Relay::start(dir.path().join("relay")).await?;
        let code = relay.enrol().await?;
        let agent = Agent::start(dir.path().join("agent"), home, &mark, Some(&code)).await?;
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
        &self.mark
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A process of ours carries the mark in its environment; nobody else does.
        let mark = format!("LANYARD_TEST_MARK={}", self.mark);
        for pid in processes() {
            let environment =
                std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ"))
                    .unwrap_or_default();
            if environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes())
                && let Some(pid) = Pid::from_raw(pid)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn processes() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
