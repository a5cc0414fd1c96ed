//! A viewer as the run sees it: a process that is killed and lives again, and what it says.

use crate::model::Model;
use crate::viewer::Said;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A viewer in the present life of its process.
pub struct Viewer {
    /// What its words begin with; another in every life.
    pub name: String,
    base: String,
    lives: u32,
    place: Place,
    /// How far it has seen.
    pub seen: u64,
    /// It is to hear that it may not any more.
    ending: bool,
    /// The last thing that went wrong for it.
    pub trouble: String,
    child: Child,
    said: UnboundedReceiver<Said>,
}

impl Viewer {
    /// Begins its first life.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        folder: &Path,
        terminal: &str,
        base: &str,
        device: PathBuf,
        watch: bool,
    ) -> Result<Self> {
        let place = Place {
            folder: folder.to_owned(),
            terminal: terminal.to_owned(),
            device,
            watch,
        };
        let name = life(base, 1);
        let (child, said) = place.launch(&name)?;
        Ok(Self {
            name,
            base: base.to_owned(),
            lives: 1,
            place,
            seen: 0,
            ending: false,
            trouble: String::new(),
            child,
            said,
        })
    }

    /// Begins the next life.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn live(&mut self) -> Result<()> {
        self.lives += 1;
        self.name = life(&self.base, self.lives);
        self.seen = 0;
        (self.child, self.said) = self.place.launch(&self.name)?;
        Ok(())
    }

    /// Its keys.
    #[must_use]
    pub fn device(&self) -> &Path {
        &self.place.device
    }

    /// From now on it is to hear that it may not any more.
    pub fn is_to_end(&mut self) {
        self.ending = true;
    }

    /// Takes down what it said.
    pub fn hear(&mut self, model: &mut Model) {
        while let Ok(said) = self.said.try_recv() {
            self.take(said, model);
        }
    }

    fn take(&mut self, said: Said, model: &mut Model) {
        match said {
            Said::Sent { n } => model.sent(&self.name, n),
            Said::Unsent { words } => model.unsent(&words),
            Said::Seen { to } => self.seen = to,
            Said::Wrong { what } => model.lose(format!("{} saw {what}", self.name)),
            Said::Over { .. } if self.ending => {}
            Said::Over { why } => model.stick(format!("{} gave up: {why}", self.name)),
            Said::Trouble { why } => self.trouble = why,
        }
    }

    /// Kills it, and takes down its last words.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(&mut self, model: &mut Model) -> Result<()> {
        self.child.kill().await?;
        while let Some(said) = self.said.recv().await {
            self.take(said, model);
        }
        Ok(())
    }
}

/// Where a viewer looks, and by which keys, in all its lives.
struct Place {
    folder: PathBuf,
    terminal: String,
    device: PathBuf,
    watch: bool,
}

impl Place {
    fn launch(&self, name: &str) -> Result<(Child, UnboundedReceiver<Said>)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("viewer").arg("--device").arg(&self.device);
        command.args(["--terminal", &self.terminal, "--name", name]);
        command.arg("--folder").arg(&self.folder);
        if self.watch {
            command.arg("--watch");
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let out = child.stdout.take().context("standard output")?;
        let mut log = File::create(self.folder.join(format!("said-{name}")))?;
        let (says, said) = unbounded_channel();
        tokio::spawn(async move {
            let mut lines = BufReader::new(out).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = writeln!(log, "{line}");
                if let Ok(said) = serde_json::from_str(&line) {
                    let _ = says.send(said);
                }
            }
        });
        Ok((child, said))
    }
}

fn life(base: &str, number: u32) -> String {
    format!("{base}-{number}")
}
