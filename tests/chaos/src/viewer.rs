//! A viewer as a process of its own, to be killed: types words without end, and compares every byte it sees with what the program printed.

use crate::screen::{DECISIVE, SIZE, shows, whole_lines};
use crate::witness;
use anyhow::{Context as _, Result, anyhow, bail};
use lanyard_client::client::{Client, TerminalHandle};
use lanyard_client::keys::Store;
use lanyard_client::{InputState, Mode, TerminalEvent};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::Grid;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Which viewer.
#[derive(Clone, Debug, clap::Args)]
pub struct ViewerArgs {
    /// Its keys and grant
    #[arg(long)]
    pub device: PathBuf,
    /// What it looks at
    #[arg(long, allow_hyphen_values = true)]
    pub terminal: String,
    /// Where the witness writes
    #[arg(long)]
    pub folder: PathBuf,
    /// What its words begin with
    #[arg(long)]
    pub name: String,
    /// Only look
    #[arg(long)]
    pub watch: bool,
}

/// What a viewer says, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
pub enum Said {
    /// It is about to type this word.
    Sent { n: u64 },
    /// This came back: it will not be typed by itself.
    Unsent { words: String },
    /// All output up to here was seen, and was right.
    Seen { to: u64 },
    /// Something was wrong on the screen.
    Wrong { what: String },
    /// It does not come back.
    Over { why: String },
    /// An attempt failed, the next follows.
    Trouble { why: String },
}

const GRID: Grid = Grid {
    cols: SIZE.0,
    rows: SIZE.1,
};
/// Between two words.
const PACE: std::ops::Range<u64> = 5..60;
/// One word of so many is answered by a burst.
const BURSTS: u64 = 400;
/// It lets another one drive for so long.
const TAKE_OVER: Duration = Duration::from_millis(300);
/// How often it says how far it has seen.
const SAY_SEEN: Duration = Duration::from_millis(50);

/// Runs until it is killed.
///
/// # Errors
/// Its device does not get in any more, or the files cannot be read.
pub async fn run(args: ViewerArgs) -> Result<()> {
    let terminal: TerminalId = TerminalId::parse(&args.terminal).context("no terminal")?;
    let client = connect(&args).await?;
    let mode = if args.watch {
        Mode::ViewOnly
    } else {
        Mode::Drive
    };
    let mut eye = Eye {
        printed: File::open(witness::printed(&args.folder, &args.terminal))?,
        at: None,
    };
    let mut typed = 0;
    loop {
        let handle = client.open(terminal, GRID, mode).map_err(failed)?;
        let why = match watch(&args, handle, &mut eye, &mut typed).await {
            // Somebody ended its token, and a person taps to have another.
            Ok(Some(CloseCode::TokenEnded)) => continue,
            Ok(code) => format!("the terminal ended: {code:?}"),
            Err(why) => format!("{why:#}"),
        };
        return say(&Said::Over { why });
    }
}

async fn connect(args: &ViewerArgs) -> Result<Client> {
    let store = Store::at(&args.device);
    loop {
        let (device, machines) = store.load().map_err(failed)?.context("not paired")?;
        let machine = machines.into_iter().next().context("no machine")?;
        match Client::connect_keeping(&device, &machine, &store).await {
            Ok(client) => return Ok(client),
            Err(why) => {
                let why = format!("{why:?}");
                say(&Said::Trouble { why })?;
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Types and looks until the terminal ends; returns why.
async fn watch(
    args: &ViewerArgs,
    mut handle: TerminalHandle,
    eye: &mut Eye,
    typed: &mut u64,
) -> Result<Option<CloseCode>> {
    let keyboard = handle.keyboard();
    let mut said = 0;
    let mut word_at = Instant::now();
    let mut say_at = Instant::now();
    let mut take_at = None;
    loop {
        tokio::select! {
            biased;
            event = handle.next() => {
                let event = event.context("the viewer is over")?;
                if let TerminalEvent::Input(state) = &event {
                    let watches = *state == InputState::Watching;
                    take_at = watches.then(|| Instant::now() + TAKE_OVER);
                }
                if let TerminalEvent::Ended(why) = &event {
                    let code = why.code();
                    // What was typed before this was heard has come back by now.
                    while let Ok(Some(event)) = timeout(Duration::ZERO, handle.next()).await {
                        eye.see(event)?;
                    }
                    return Ok(code);
                }
                eye.see(event)?;
            }
            () = sleep_until(take_at.unwrap_or(say_at)), if take_at.is_some() => {
                // Again and again, as a person taps: a wish may be lost with its stream.
                take_at = Some(Instant::now() + TAKE_OVER);
                handle.take_over().map_err(failed)?;
            }
            () = sleep_until(word_at), if !args.watch => {
                *typed += 1;
                say(&Said::Sent { n: *typed })?;
                let mark = if typed.is_multiple_of(BURSTS) { "!" } else { "" };
                let word = format!("{}.{typed}{mark};", args.name);
                keyboard.type_bytes(word.into_bytes()).await.map_err(failed)?;
                word_at = Instant::now() + Duration::from_millis(fastrand::u64(PACE));
            }
            () = sleep_until(say_at) => {
                say_at = Instant::now() + SAY_SEEN;
                if let Some(to) = eye.at.filter(|to| *to != said) {
                    said = to;
                    say(&Said::Seen { to })?;
                }
            }
        }
    }
}

/// What was seen so far, beside what was printed.
struct Eye {
    printed: File,
    /// The output up to here was seen; `None` before the first picture.
    at: Option<u64>,
}

impl Eye {
    fn see(&mut self, event: TerminalEvent) -> Result<()> {
        match event {
            TerminalEvent::Snapshot { offset, bytes, .. } => {
                let from = offset.saturating_sub(DECISIVE);
                let output = self.read(from, offset - from)?;
                let (is, should) = (shows(&bytes), shows(whole_lines(&output, from == 0)));
                if is != should {
                    wrong(format!(
                        "a picture at {offset}: {is:?} in place of {should:?}"
                    ))?;
                }
                if self.at.is_some_and(|at| offset < at) {
                    wrong(format!(
                        "a picture at {offset}, after {:?} was seen",
                        self.at
                    ))?;
                }
                self.at = Some(offset);
            }
            TerminalEvent::Output { offset, bytes } => {
                if self.at != Some(offset) {
                    wrong(format!("output at {offset}, after {:?}", self.at))?;
                }
                let printed = self.read(offset, bytes.len() as u64)?;
                if printed != bytes {
                    wrong(format!("other output at {offset}"))?;
                }
                self.at = Some(offset + bytes.len() as u64);
            }
            TerminalEvent::Unsent { bytes, .. } => say(&Said::Unsent {
                words: String::from_utf8_lossy(&bytes).into_owned(),
            })?,
            TerminalEvent::Exit(exit) => bail!("the program ended: {exit:?}"),
            TerminalEvent::Size(_)
            | TerminalEvent::At(_)
            | TerminalEvent::Interrupted(_)
            | TerminalEvent::Resumed
            | TerminalEvent::Ended(_)
            | TerminalEvent::Input(_)
            | TerminalEvent::Renewed { .. } => {}
        }
        Ok(())
    }

    fn read(&self, from: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length)?];
        let read = self.printed.read_exact_at(&mut bytes, from);
        read.with_context(|| format!("{length} bytes at {from} were never printed"))?;
        Ok(bytes)
    }
}

fn wrong(what: String) -> Result<()> {
    say(&Said::Wrong { what })
}

fn say(said: &Said) -> Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    // One write: a kill leaves a whole line or none.
    Ok(std::io::stdout().write_all(&line)?)
}

fn failed(failure: lanyard_client::Failure) -> anyhow::Error {
    anyhow!("{failure:?}")
}
