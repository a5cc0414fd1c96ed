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
use lanyard_tests::{Relay, TestViewer, World};
use std::path::{Path, PathBuf};
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
    /// Where its certificate is.
    pub certificate: PathBuf,
}

impl FloorRelay {
    /// Starts it, with its certificate in this folder.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::start_on(0, dir.join("certificate")).await
    }

    /// Kills it, and starts it again where it was.
    ///
    /// # Errors
    /// It does not start.
    pub async fn again(&mut self) -> Result<()> {
        self.process.kill().await?;
        *self = Self::start_on(self.port, self.certificate.clone()).await?;
        Ok(())
    }

    async fn start_on(port: u16, certificate: PathBuf) -> Result<Self> {
        let mut command = Command::new(program("lanyard-bench-floor")?);
        command
            .args(["relay", "--port", &port.to_string(), "--identity"])
            .arg(&certificate);
        let mut process = Process::start(&mut command)?;
        let ready = process.event_named("listening").await?;
        let port = ready["port"].as_u64().context("a port")?.try_into()?;
        Ok(Self {
            process,
            port,
            certificate,
        })
    }

    /// What a load is told of it.
    #[must_use]
    pub fn at(&self) -> [String; 4] {
        [
            "--port".to_owned(),
            self.port.to_string(),
            "--certificate".to_owned(),
            self.certificate.display().to_string(),
        ]
    }

    /// How to dial it.
    ///
    /// # Errors
    /// Its certificate cannot be read.
    pub fn address(&self) -> Result<Address> {
        Address::read(self.port, &self.certificate)
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
        let relay = FloorRelay::start(dir.path()).await?;
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
            .arg(&relay.certificate)
            .arg("--dir")
            .arg(dir.path());
        let agent = Process::start(&mut command)?;
        let address = relay.address()?;
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

/// What a load is told of our relay.
#[must_use]
pub fn at(relay: &Relay) -> [String; 6] {
    [
        "--relay".to_owned(),
        relay.https.clone(),
        "--fingerprint".to_owned(),
        relay.fingerprint.clone(),
        "--operator".to_owned(),
        relay.data.join("operator.sock").display().to_string(),
    ]
}

/// Runs a load (`tests/bench/load`) as a process of its own, so that what it costs is not counted.
///
/// # Errors
/// It cannot be started.
pub fn load(what: &str, at: &[String], arguments: &[&str]) -> Result<Process> {
    let mut command = Command::new(program("lanyard-bench-load")?);
    Process::start(command.arg(what).args(at).args(arguments))
}
