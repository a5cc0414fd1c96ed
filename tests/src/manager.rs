//! A service manager, as far as a service can tell: a socket that hears what the service says.

use crate::PATIENCE;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::Command;
use tokio::time::timeout;

/// It ends a service that gives no sign of life for this long; or would, if it did.
const WATCHDOG: Duration = Duration::from_millis(200);

/// The manager's ear.
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _dir: TempDir,
}

impl Manager {
    /// Listens.
    ///
    /// # Errors
    /// There is no place for its socket.
    pub fn listen() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("notify");
        Ok(Self {
            socket: UnixDatagram::bind(&path)?,
            path,
            _dir: dir,
        })
    }

    /// Lets a program find it, as the one that started it and watches it.
    pub fn starts<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("NOTIFY_SOCKET", &self.path)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
    }

    /// The next thing that is said.
    ///
    /// # Errors
    /// Nothing is said in time.
    pub async fn hears(&self) -> Result<String> {
        let mut buffer = [0; 1024];
        let length = timeout(PATIENCE, self.socket.recv(&mut buffer))
            .await
            .context("the service says nothing")??;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// All that is said until it begins with `words`, that included.
    ///
    /// # Errors
    /// It is not said in time.
    pub async fn hears_until(&self, words: &str) -> Result<Vec<String>> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.hears().await?);
            if heard.last().is_some_and(|last| last.starts_with(words)) {
                return Ok(heard);
            }
        }
    }

    /// Waits for that many signs of life.
    ///
    /// # Errors
    /// They do not come in time.
    pub async fn hears_signs(&self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.hears_until("WATCHDOG=1").await?;
        }
        Ok(())
    }
}
