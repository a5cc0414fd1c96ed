//! A viewer as the run sees it: a process that is killed and lives again, and what it says.

use crate::model::Model;
use crate::viewer::Said;
use crate::witness;
use anyhow::{Context as _, Result};
use lanyard_tests::mark::VARIABLE;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
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
    pub fn start(place: Place, base: &str) -> Result<Self> {
        let name = life(base, 1);
        let (child, said) = place.launch(&name, true)?;
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
        (self.child, self.said) = self.place.launch(&self.name, false)?;
        Ok(())
    }

    /// Its keys, if they are in a file.
    #[must_use]
    pub fn device(&self) -> Option<&Path> {
        match &self.place.how {
            How::Process { device, .. } => Some(device),
            How::Page(_) => None,
        }
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
        // One that gave up has ended by itself.
        if let Some(group) = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
        {
            match kill_process_group(group, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.child.wait().await?;
        while let Some(said) = self.said.recv().await {
            self.take(said, model);
        }
        Ok(())
    }
}

/// Where a viewer looks, and how, in all its lives.
pub struct Place {
    /// Where the witness writes.
    pub folder: PathBuf,
    /// What it looks at.
    pub terminal: String,
    pub how: How,
}

/// What a viewer is.
pub enum How {
    /// A process of ours, with its keys in this file.
    Process { device: PathBuf, watch: bool },
    /// The page in a browser.
    Page(Page),
}

/// A browser, and what it opens.
pub struct Page {
    /// A pairing link.
    pub link: String,
    /// Where the page is found afterwards.
    pub address: String,
    /// The relay's.
    pub certificate: PathBuf,
    /// Where the browser keeps what is to outlive it.
    pub profile: PathBuf,
    /// The terminal's name, by which a person finds it.
    pub title: String,
    /// What is set in all processes of the run.
    pub mark: String,
}

impl Place {
    fn launch(&self, name: &str, first: bool) -> Result<(Child, UnboundedReceiver<Said>)> {
        let mut command = match &self.how {
            How::Process { device, watch } => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("viewer").arg("--device").arg(device);
                command.args(["--terminal", &self.terminal]);
                command.arg("--folder").arg(&self.folder);
                command.args(watch.then_some("--watch"));
                command
            }
            How::Page(page) => page.command(&witness::printed(&self.folder, &self.terminal), first),
        };
        // A browser is many processes, and they are killed together.
        command
            .args(["--name", name])
            .process_group(0)
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

impl Page {
    fn command(&self, printed: &Path, first: bool) -> Command {
        let mut command = Command::new("node");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/page.mjs"))
            .arg("--open")
            .arg(if first { &self.link } else { &self.address })
            .args(first.then_some("--pair"))
            .arg("--profile")
            .arg(&self.profile)
            .arg("--certificate")
            .arg(&self.certificate)
            .arg("--terminal")
            .arg(&self.title)
            .arg("--printed")
            .arg(printed)
            .env(VARIABLE, &self.mark);
        command
    }
}

fn life(base: &str, number: u32) -> String {
    format!("{base}-{number}")
}
