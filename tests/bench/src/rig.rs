//! Both sides of a comparison, running: ours, and the floor.

use crate::floor::{self, Address, Leg, PTY_NUMBER, Wish};
use crate::proc::{self, Id};
use crate::terminal;
use anyhow::{Context as _, Result};
use lanyard_client::Mode;
use lanyard_client::client::Client;
use lanyard_shared::ids::TerminalId;
use lanyard_tests::mark::{Mark, VARIABLE};
use lanyard_tests::process::{Process, program};
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{TestViewer, World};
use std::path::Path;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Our relay and agent, with TLS on both legs, and a paired device.
pub struct Ours {
    /// The viewer, connected.
    pub viewer: TestViewer,
    /// The processes.
    pub world: World,
}

impl Ours {
    /// Starts all of it.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> Result<Self> {
        let world = World::start_tls_only().await?;
        let viewer = TestViewer::pair(&world, &["view", "terminal"]).await?;
        Ok(Self { viewer, world })
    }

    /// A fresh terminal, driven.
    ///
    /// # Errors
    /// The agent gives none.
    pub async fn terminal(&self) -> Result<(TerminalId, terminal::Ours)> {
        let client = &self.viewer.client;
        let created = client.create(GRID, "bench").await.map_err(plain)?;
        let handle = self.open(client, created.id, Mode::Drive)?;
        Ok((created.id, handle))
    }

    /// One more look at a terminal.
    ///
    /// # Errors
    /// The viewer is over.
    pub fn open(&self, client: &Client, id: TerminalId, mode: Mode) -> Result<terminal::Ours> {
        let handle = client.open(id, GRID, mode).map_err(plain)?;
        Ok(terminal::Ours::new(handle))
    }

    /// The relay's process.
    ///
    /// # Errors
    /// It has ended.
    pub fn relay(&self) -> Result<Id> {
        Ok(self.world.relay.process.pid()?.as_raw_nonzero().get())
    }

    /// The agent's process.
    ///
    /// # Errors
    /// It has ended.
    pub fn agent(&self) -> Result<Id> {
        Ok(self.world.agent.process.pid()?.as_raw_nonzero().get())
    }

    /// The processes on the developer's machine: the agent, and every holder.
    ///
    /// # Errors
    /// The agent has ended.
    pub fn machine(&self) -> Result<Vec<Id>> {
        let mut ids = self.holders()?;
        ids.push(self.agent()?);
        Ok(ids)
    }

    /// Every holder.
    ///
    /// # Errors
    /// Processes cannot be listed.
    pub fn holders(&self) -> Result<Vec<Id>> {
        proc::marked(self.world.mark(), "holder")
    }
}

/// The floor's relay and agent.
pub struct Floor {
    relay: Process,
    agent: Process,
    address: Address,
    /// A leg of the agent waits at the relay.
    waiting: bool,
    mark: Mark,
    _dir: TempDir,
}

/// The floor's relay alone.
pub struct FloorRelay {
    /// Its process.
    pub process: Process,
    /// Its port.
    pub port: u16,
    /// Its certificate.
    pub certificate: Vec<u8>,
}

impl FloorRelay {
    /// Starts it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start() -> Result<Self> {
        let mut process =
            Process::start(Command::new(program("lanyard-bench-floor")?).arg("relay"))?;
        let ready = process.event_named("listening").await?;
        let port = ready["port"].as_u64().context("a port")?.try_into()?;
        let certificate = serde_json::from_value(ready["certificate"].clone())?;
        Ok(Self {
            process,
            port,
            certificate,
        })
    }

    /// Its process id.
    ///
    /// # Errors
    /// It has ended.
    pub fn id(&self) -> Result<Id> {
        Ok(self.process.pid()?.as_raw_nonzero().get())
    }
}

impl Floor {
    /// Starts both.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mark = Mark::new(dir.path().display().to_string());
        let relay = FloorRelay::start().await?;
        let certificate = dir.path().join("certificate");
        std::fs::write(&certificate, &relay.certificate)?;
        std::fs::write(
            dir.path().join(".bashrc"),
            "PS1='$ '\nunset PROMPT_COMMAND\n",
        )?;
        let mut command = Command::new(program("lanyard-bench-floor")?);
        command
            .env_clear()
            .current_dir(dir.path())
            .envs([
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                ("TERM", "xterm-256color"),
            ])
            .env("HOME", dir.path())
            .env(VARIABLE, mark.text())
            .arg("agent")
            .args(["--port", &relay.port.to_string()])
            .arg("--certificate")
            .arg(&certificate)
            .arg("--dir")
            .arg(dir.path());
        let agent = Process::start(&mut command)?;
        let address = Address::new(relay.port, &relay.certificate)?;
        let mut floor = Self {
            relay: relay.process,
            agent,
            address,
            waiting: false,
            mark,
            _dir: dir,
        };
        floor.ready().await?;
        Ok(floor)
    }

    /// Waits until an agent's leg waits at the relay.
    ///
    /// # Errors
    /// The agent has ended.
    pub async fn ready(&mut self) -> Result<()> {
        if !self.waiting {
            self.agent.event_named("waiting").await?;
            self.waiting = true;
        }
        Ok(())
    }

    /// Dials and asks for a terminal.
    ///
    /// # Errors
    /// The relay has ended.
    pub async fn attach(&mut self, wish: Wish, number: u32) -> Result<terminal::Floor> {
        self.ready().await?;
        self.waiting = false;
        let mut stream = floor::connect(&self.address, None, Leg::Viewer, 0).await?;
        let mut asked = [wish as u8; 1 + PTY_NUMBER];
        asked[1..].copy_from_slice(&number.to_be_bytes());
        stream.write_all(&asked).await?;
        stream.flush().await?;
        Ok(terminal::Floor::new(stream))
    }

    /// The relay's process.
    ///
    /// # Errors
    /// It has ended.
    pub fn relay(&self) -> Result<Id> {
        Ok(self.relay.pid()?.as_raw_nonzero().get())
    }

    /// The processes on the developer's machine: the agent, and every PTY process.
    ///
    /// # Errors
    /// The agent has ended.
    pub fn machine(&self) -> Result<Vec<Id>> {
        let mut ids = proc::marked(self.mark.text(), "pty")?;
        ids.push(self.agent.pid()?.as_raw_nonzero().get());
        Ok(ids)
    }
}

/// Runs a load (`tests/bench/load`) as a process of its own, so that what it costs is not counted.
///
/// # Errors
/// It cannot be started.
pub fn load(arguments: &[&str], certificate: Option<&Path>) -> Result<Process> {
    let mut command = Command::new(program("lanyard-bench-load")?);
    command.args(arguments);
    if let Some(certificate) = certificate {
        command.arg("--certificate").arg(certificate);
    }
    Process::start(&mut command)
}
