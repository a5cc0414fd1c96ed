//! A hostile relay between a real agent and a real viewer that types lines into a shell.

use anyhow::{Context as _, Result, ensure};
use lanyard_client::core::InputState;
use lanyard_client::{Mode, TerminalEvent};
use lanyard_shared::frame::Origin;
use lanyard_tests::attack::Between;
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{PATIENCE, TestTerminal, TestViewer};
use std::path::PathBuf;
use tokio::time::timeout;

pub const BOTH: &[&str] = &["view", "terminal"];

/// A viewer that types lines, each of which leaves its number in a file: what was typed twice or changed shows there.
pub struct Rig {
    pub between: Between,
    pub viewer: TestViewer,
    pub terminal: TestTerminal,
    pub file: PathBuf,
    pub lines: u32,
}

impl Rig {
    pub async fn start() -> Result<Self> {
        let between = Between::start().await?;
        let viewer = between.viewer(BOTH).await?;
        let terminal = viewer.terminal().await?;
        let file = between.path("typed");
        let mut rig = Self {
            between,
            viewer,
            terminal,
            file,
            lines: 0,
        };
        rig.line_arrives().await?;
        Ok(rig)
    }

    /// Types a line.
    pub async fn line(&mut self) -> Result<String> {
        self.lines += 1;
        let (number, file) = (self.lines, self.file.display());
        let line = format!("echo {number} >> {file}; echo line-{number}-$((1+1))\r");
        self.terminal.type_text(&line).await?;
        Ok(format!("line-{number}-2"))
    }

    /// Types a line and sees what comes of it.
    pub async fn line_arrives(&mut self) -> Result<()> {
        let seen = self.line().await?;
        self.terminal.until(&seen).await?;
        ensure!(
            self.arrived()?.last() == Some(&self.lines),
            "another line came"
        );
        Ok(())
    }

    /// The lines that the shell was given: some of those that were typed, none twice, none changed, in order.
    pub fn arrived(&self) -> Result<Vec<u32>> {
        let typed = std::fs::read_to_string(&self.file)?;
        let numbers: Result<Vec<u32>, _> = typed.lines().map(str::parse).collect();
        let numbers = numbers.with_context(|| format!("the shell was given {typed:?}"))?;
        let rising = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        let known = numbers
            .iter()
            .all(|number| (1..=self.lines).contains(number));
        ensure!(rising && known, "the shell was given {typed:?}");
        Ok(numbers)
    }

    pub fn interruptions(&self) -> usize {
        self.terminal
            .events
            .iter()
            .filter(|event| is_trouble(event))
            .count()
    }

    /// The viewer notices that something is wrong.
    pub async fn notices(&mut self) -> Result<()> {
        loop {
            let next = timeout(PATIENCE, self.terminal.handle.next()).await;
            let event = next
                .context("nothing is noticed")?
                .context("the viewer is over")?;
            if is_trouble(&event) {
                return Ok(());
            }
        }
    }

    /// The person opens the terminal again.
    pub fn reopen(&mut self) -> Result<()> {
        let id = self.terminal.handle.terminal();
        let handle = self
            .viewer
            .client
            .open(id, GRID, Mode::Drive)
            .map_err(plain)?;
        self.terminal = TestTerminal {
            handle,
            text: Vec::new(),
            events: Vec::new(),
        };
        Ok(())
    }

    pub fn origin(&self) -> Result<(usize, Origin)> {
        self.between.link_by(self.viewer.device.signing_key())
    }
}

fn is_trouble(event: &TerminalEvent) -> bool {
    matches!(
        event,
        TerminalEvent::Interrupted(_)
            | TerminalEvent::Ended(_)
            | TerminalEvent::Input(InputState::Refused(_))
    )
}
