//! A viewer in a test: paired, attached, and read until something appears.

use crate::{PATIENCE, World};
use anyhow::{Context as _, Result, anyhow, bail};
use lanyard_client::client::{Client, TerminalHandle};
use lanyard_client::keys::{Device, Machine};
use lanyard_client::{Failure, Mode, TerminalEvent};
use lanyard_shared::msg::Grid;
use tokio::time::timeout;

/// The size of every test's terminal.
pub const GRID: Grid = Grid { cols: 80, rows: 24 };

/// A device, its machine and its connection.
pub struct TestViewer {
    pub device: Device,
    pub machine: Machine,
    pub client: Client,
}

impl TestViewer {
    /// Pairs a fresh device that may do what `scopes` say, and connects.
    ///
    /// # Errors
    /// Something between does not work.
    pub async fn pair(world: &World, scopes: &[&str]) -> Result<Self> {
        Self::pair_by(&world.agent.pairing_link(scopes, true).await?).await
    }

    /// Pairs a fresh device by this link, and connects.
    ///
    /// # Errors
    /// Something between does not work.
    pub async fn pair_by(link: &str) -> Result<Self> {
        let device = Device::generate("test").map_err(plain)?;
        let machine = Client::pair(link, &device)
            .await
            .map_err(plain)?
            .wait()
            .await
            .map_err(plain)?;
        let client = Client::connect(&device, &machine).await.map_err(plain)?;
        Ok(Self {
            device,
            machine,
            client,
        })
    }

    /// A fresh terminal, attached and driven.
    ///
    /// # Errors
    /// Something between does not work.
    pub async fn terminal(&self) -> Result<TestTerminal> {
        let terminal = self.client.create(GRID, "test").await.map_err(plain)?;
        let handle = self
            .client
            .open(terminal.id, GRID, Mode::Drive)
            .map_err(plain)?;
        Ok(TestTerminal {
            handle,
            text: Vec::new(),
            events: Vec::new(),
        })
    }
}

/// A terminal and everything that was seen of it.
pub struct TestTerminal {
    pub handle: TerminalHandle,
    /// Output bytes since the last snapshot, the snapshot's included.
    pub text: Vec<u8>,
    /// All other events.
    pub events: Vec<TerminalEvent>,
}

impl TestTerminal {
    /// Types text.
    ///
    /// # Errors
    /// The viewer is over.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        self.handle
            .type_bytes(text.as_bytes().to_vec())
            .await
            .map_err(plain)
    }

    /// Takes one event.
    ///
    /// # Errors
    /// None comes in time, or the viewer is over.
    pub async fn event(&mut self) -> Result<&TerminalEvent> {
        let event = timeout(PATIENCE, self.handle.next()).await;
        let event = event.with_context(|| {
            format!(
                "nothing came; seen so far: {}; before: {:?}",
                self.shown(),
                self.events
            )
        })?;
        let event = event.context("the viewer is over")?;
        match &event {
            TerminalEvent::Snapshot { bytes, .. } => self.text = bytes.to_vec(),
            TerminalEvent::Output { bytes, .. } => self.text.extend_from_slice(bytes),
            TerminalEvent::Ended(why) => bail!("the terminal ended: {why:?}"),
            TerminalEvent::Size(_)
            | TerminalEvent::At(_)
            | TerminalEvent::Exit(_)
            | TerminalEvent::Interrupted(_)
            | TerminalEvent::Resumed
            | TerminalEvent::Input(_)
            | TerminalEvent::Renewed { .. }
            | TerminalEvent::Unsent { .. } => {}
        }
        self.events.push(event);
        self.events.last().context("just pushed")
    }

    /// Reads until `needle` has been seen.
    ///
    /// # Errors
    /// It does not appear in time.
    pub async fn until(&mut self, needle: &str) -> Result<()> {
        // What was searched is not searched again: a flood would take as long as its square.
        let mut searched = 0;
        loop {
            let from = searched.min(self.text.len());
            if self.text[from..]
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
            {
                return Ok(());
            }
            searched = (self.text.len() + 1).saturating_sub(needle.len());
            if let TerminalEvent::Snapshot { .. } = self.event().await? {
                searched = 0;
            }
        }
    }

    /// Gives the shell something by which [`TestTerminal::remembers`] tells it from any other.
    ///
    /// # Errors
    /// It does not say so in time.
    pub async fn remember(&mut self) -> Result<()> {
        self.type_text("remembered=yes; echo set-$remembered\r")
            .await?;
        self.until("set-yes").await
    }

    /// It is still that shell.
    ///
    /// # Errors
    /// It does not say so in time.
    pub async fn remembers(&mut self) -> Result<()> {
        self.type_text("echo still-$remembered\r").await?;
        self.until("still-yes").await
    }

    /// Reads until an event is as wanted.
    ///
    /// # Errors
    /// None is in time.
    pub async fn until_event(&mut self, wanted: impl Fn(&TerminalEvent) -> bool) -> Result<()> {
        while !wanted(self.event().await?) {}
        Ok(())
    }

    /// What was seen, for messages of failed tests.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.text)
            .escape_debug()
            .to_string()
    }
}

/// A failure as an error of a test.
pub fn plain(failure: Failure) -> anyhow::Error {
    anyhow!("{failure:?}")
}
