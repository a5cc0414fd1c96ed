//! The holders of this machine's terminals: started, found again, typed into, watched.

use super::player::{Cut, play};
use crate::core::Watched;
use crate::core::terminals::Wish;
use crate::history::{Shelf, exit};
use crate::limits::{HOLDER_LOOK, HOLDERS_WAIT};
use bytes::Bytes;
use lanyard_dial::sabotage::{Guarantee, is_off};
use lanyard_holder::client::{self, ClientError, Found, HolderConn};
use lanyard_holder::wire::{FromClient, FromHolder, Kind, Refusal, Welcome};
use lanyard_holder::{HolderConfig, SpawnError, spawn_detached};
use lanyard_service::notify::ENVIRONMENT;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{TerminalId, WriterId};
use lanyard_shared::msg::{Grid, PastTerminal, Terminal};
use lanyard_shared::time::UnixMs;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};

/// Counts watches; never repeats.
pub type WatchNumber = u64;

/// News from a holder.
#[derive(Debug)]
pub enum News {
    /// A holder that was asked for stands, or not.
    Spawned(TerminalId, Result<Terminal, String>),
    /// A holder was found, or its terminal has changed.
    Terminal(Terminal),
    /// A holder has left.
    Gone(TerminalId),
    /// The same, once it is known what is kept of its terminal.
    Left(TerminalId, Option<PastTerminal>),
    /// A terminal has ended at some time, and this is kept of it.
    Past(PastTerminal),
    /// Nothing is kept of a terminal any more.
    PastGone(TerminalId),
    /// What was kept of a terminal is removed, or could not be.
    Forgot(TerminalId, Option<Wish>, Result<(), CloseCode>),
    /// All that somebody else has changed in the history is told: this one is to hear it.
    Looked(oneshot::Sender<()>),
    /// A writer's last applied number, after a question or an input.
    Applied(TerminalId, WriterId, u64),
    /// An input was refused: a number was left out.
    InputGap(TerminalId),
    /// A watch has brought something. Its number tells it from an earlier watch for a stream of the same id, on a link that is gone.
    Watched(StreamId, WatchNumber, Watched),
}

/// Where holders are, and how they begin.
pub struct Place {
    /// Their folder.
    pub dir: PathBuf,
    /// This program: new ones are it again.
    pub exe: PathBuf,
    /// Where new terminals start.
    pub cwd: PathBuf,
}

/// All holders.
pub struct Holders {
    place: Place,
    orphans_end_after: Duration,
    shelf: Shelf,
    keeps_history: bool,
    news: UnboundedSender<News>,
    controls: BTreeMap<TerminalId, UnboundedSender<FromClient>>,
    watches: BTreeMap<StreamId, (WatchNumber, UnboundedSender<FromClient>)>,
    last_watch: WatchNumber,
}

impl Holders {
    /// None yet: see [`Holders::find`].
    ///
    /// They end when no agent has come for them for `orphans_end_after`; zero: they never do. What they print is kept on `shelf`, if it is.
    pub fn new(
        place: Place,
        orphans_end_after: Duration,
        (shelf, keeps_history): (Shelf, bool),
        news: UnboundedSender<News>,
    ) -> Self {
        Self {
            place,
            orphans_end_after,
            shelf,
            keeps_history,
            news,
            controls: BTreeMap::new(),
            watches: BTreeMap::new(),
            last_watch: 0,
        }
    }

    /// Finds holders that outlived an earlier agent. All are asked at once; who has not answered when this returns is taken in when it does.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub async fn find(&mut self) -> std::io::Result<()> {
        let listing = client::list(&self.place.dir).await?;
        for odd in listing.odd {
            tracing::warn!("odd thing among the terminals: {odd}");
        }
        let (waiting, mut answered) = mpsc::channel::<Infallible>(1);
        for found in listing.found {
            let id = TerminalId(found.meta.id.0);
            let (sender, receiver) = mpsc::unbounded_channel();
            let _ = sender.send(self.orphan_after());
            self.controls.insert(id, sender);
            let (news, waiting) = (self.news.clone(), waiting.clone());
            tokio::spawn(take_over(found, receiver, news, waiting));
        }
        drop(waiting);
        // Nobody says anything here: it ends when all have let go of their side.
        answered.recv().await;
        Ok(())
    }

    /// Starts a holder. The answer comes as [`News::Spawned`].
    pub fn spawn(&mut self, id: TerminalId, name: String, grid: Grid) {
        let mut config = HolderConfig::new(&self.place.dir, lanyard_holder::TerminalId(id.0));
        config.name = name;
        config.cwd = Some(self.place.cwd.clone());
        (config.cols, config.rows) = (grid.cols, grid.rows);
        config.env = vec![("LANYARD_TERMINAL".to_owned(), id.to_string())];
        config.env_remove = ["LANYARD_ENROL", "LANYARD_STATE"]
            .iter()
            .chain(ENVIRONMENT)
            .map(|name| (*name).to_owned())
            .collect();
        config.orphan_secs = self.orphans_end_after.as_secs();
        config.history = self.keeps_history.then(|| self.shelf.folder(id));
        let described = Described {
            name: config.name.clone(),
            cwd: self.place.cwd.clone(),
        };
        let (exe, news) = (self.place.exe.clone(), self.news.clone());
        let (sender, receiver) = mpsc::unbounded_channel();
        self.controls.insert(id, sender);
        tokio::spawn(async move {
            match started(&exe, &config).await {
                Ok(conn) => {
                    let terminal = described.terminal(id, &conn.welcome);
                    let _ = news.send(News::Spawned(id, Ok(terminal.clone())));
                    run_control(id, terminal, conn, receiver, news).await;
                }
                Err(sentence) => {
                    let _ = news.send(News::Spawned(id, Err(sentence)));
                }
            }
        });
    }

    fn orphan_after(&self) -> FromClient {
        FromClient::OrphanAfter(self.orphans_end_after.as_secs())
    }

    /// Says something to a terminal's holder. Lost when it has left; [`News::Gone`] tells.
    pub fn tell(&self, id: TerminalId, message: FromClient) {
        if let Some(control) = self.controls.get(&id) {
            let _ = control.send(message);
        }
    }

    /// Ends a terminal's program, if it runs, and its holder.
    pub fn kill(&self, id: TerminalId, has_ended: bool) {
        self.tell(
            id,
            if has_ended {
                FromClient::Forget
            } else {
                FromClient::Kill
            },
        );
    }

    /// Gives a terminal another name, which outlives this process.
    ///
    /// # Errors
    /// Its holder is gone, or what it left of itself cannot be written.
    pub fn rename(&self, id: TerminalId, name: &str) -> Result<(), CloseCode> {
        let outcome = client::rename(&self.place.dir, lanyard_holder::TerminalId(id.0), name);
        outcome.map_err(|error| {
            tracing::warn!(terminal = %id, %error, "a terminal could not be renamed");
            if error.kind() == std::io::ErrorKind::NotFound {
                CloseCode::TerminalGone
            } else {
                CloseCode::Internal
            }
        })?;
        // It has its name; that its history keeps the one before is no reason to say it has not.
        if let Err(error) = self.shelf.rename(id, name) {
            tracing::warn!(terminal = %id, %error, "the history of a terminal could not be renamed");
        }
        Ok(())
    }

    /// Forgets a holder that has left.
    pub fn gone(&mut self, id: TerminalId) {
        self.controls.remove(&id);
    }

    /// Watches a terminal for a stream.
    pub fn watch(&mut self, stream: StreamId, id: TerminalId, have: Option<u64>, pace: bool) {
        let lost = u64::from(is_off(Guarantee::Resume)) * 3;
        let have = have.map(|have| have + lost);
        let mut config = HolderConfig::new(&self.place.dir, lanyard_holder::TerminalId(id.0));
        config.cwd = None;
        let socket = config.socket_path();
        let (number, receiver) = self.begin_watch(stream);
        let news = self.news.clone();
        tokio::spawn(async move {
            let ended = match HolderConn::connect(&socket, Kind::Watch { have, pace }).await {
                Ok(conn) => run_watch(stream, number, conn, receiver, &news).await,
                Err(ClientError::Gone) => Watched::Gone,
                Err(error) => {
                    tracing::warn!(stream, %error, "a terminal cannot be watched");
                    Watched::Busy
                }
            };
            let _ = news.send(News::Watched(stream, number, ended));
        });
    }

    /// Plays what is kept of a terminal that has ended for a stream: a watch like any other.
    pub fn play(&mut self, stream: StreamId, id: TerminalId, have: Option<u64>) {
        let (number, receiver) = self.begin_watch(stream);
        let (news, folder) = (self.news.clone(), self.shelf.folder(id));
        tokio::spawn(async move {
            let bring = |watched| {
                let told = news.send(News::Watched(stream, number, watched));
                told.map_err(|_| Cut::Unwatched)
            };
            let ended = match play(&folder, have, receiver, bring).await {
                Ok(damaged) => {
                    for segment in damaged {
                        tracing::warn!(terminal = %id, "played up to its damage: {}", segment.display());
                    }
                    Watched::Played
                }
                Err(Cut::Unwatched) => return,
                Err(Cut::Unread(error)) => {
                    tracing::warn!(terminal = %id, %error, "what is kept of a terminal cannot be played");
                    Watched::Gone
                }
            };
            let _ = news.send(News::Watched(stream, number, ended));
        });
    }

    /// Its number, and what will be said to it.
    fn begin_watch(&mut self, stream: StreamId) -> (WatchNumber, UnboundedReceiver<FromClient>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.last_watch += 1;
        self.watches.insert(stream, (self.last_watch, sender));
        (self.last_watch, receiver)
    }

    /// Whether this watch is the present one of its stream.
    pub fn is_watching(&self, stream: StreamId, number: WatchNumber) -> bool {
        self.watches
            .get(&stream)
            .is_some_and(|(present, _)| *present == number)
    }

    /// Says something to the holder on behalf of a watch.
    pub fn tell_watch(&self, stream: StreamId, message: FromClient) {
        if let Some((_, watch)) = self.watches.get(&stream) {
            let _ = watch.send(message);
        }
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, stream: StreamId) {
        self.watches.remove(&stream);
    }
}

/// A holder of this terminal: a fresh one, or the one that an agent before this one had just started when it was killed.
async fn started(exe: &Path, config: &HolderConfig) -> Result<HolderConn, String> {
    let socket = config.socket_path();
    let refused = match spawn_detached(exe, config).await {
        Ok(_) => return connected(&socket).await,
        Err(SpawnError::Refused(sentence)) => sentence,
        Err(error) => return Err(error.to_string()),
    };
    let mut looks = interval(HOLDER_LOOK);
    let found = async {
        loop {
            looks.tick().await;
            if let Ok(conn) = connected(&socket).await {
                return conn;
            }
        }
    };
    timeout(HOLDERS_WAIT, found).await.map_err(|_| refused)
}

async fn connected(socket: &Path) -> Result<HolderConn, String> {
    let connected = HolderConn::connect(socket, Kind::Control).await;
    connected.map_err(|error| error.to_string())
}

/// What the agent knows of a terminal beyond what its holder says at every welcome.
struct Described {
    name: String,
    cwd: PathBuf,
}

impl Described {
    fn terminal(self, id: TerminalId, welcome: &Welcome) -> Terminal {
        Terminal {
            id,
            name: self.name,
            title: welcome.title.clone(),
            cwd: self.cwd.display().to_string(),
            started: UnixMs::from_secs(welcome.started),
            grid: Grid {
                cols: welcome.cols,
                rows: welcome.rows,
            },
            exit: welcome.exit.map(exit),
            driver: None,
        }
    }
}

/// Takes a holder that was found for its terminal. `waiting` is let go of when it has answered, or has had its time.
async fn take_over(
    found: Found,
    messages: UnboundedReceiver<FromClient>,
    news: UnboundedSender<News>,
    waiting: mpsc::Sender<Infallible>,
) {
    let mut waiting = Some(waiting);
    let id = TerminalId(found.meta.id.0);
    let connecting = HolderConn::connect(&found.socket, Kind::Control);
    tokio::pin!(connecting);
    let outcome = match timeout(HOLDERS_WAIT, &mut connecting).await {
        Ok(outcome) => outcome,
        Err(_) => {
            tracing::warn!(terminal = %id, "a terminal does not answer; it is there when it does");
            waiting = None;
            connecting.await
        }
    };
    match outcome {
        Ok(conn) => {
            let described = Described {
                name: found.meta.name,
                cwd: found.meta.cwd,
            };
            let terminal = described.terminal(id, &conn.welcome);
            let _ = news.send(News::Terminal(terminal.clone()));
            drop(waiting);
            run_control(id, terminal, conn, messages, news).await;
        }
        Err(error) => {
            tracing::warn!(terminal = %id, %error, "a terminal cannot be taken over");
            let _ = news.send(News::Gone(id));
        }
    }
}

/// Carries messages to a holder and its news back, until either side ends.
async fn run_control(
    id: TerminalId,
    mut terminal: Terminal,
    conn: HolderConn,
    mut messages: UnboundedReceiver<FromClient>,
    news: UnboundedSender<News>,
) {
    let (_, mut reader, mut writer) = conn.split();
    loop {
        tokio::select! {
            message = messages.recv() => {
                let Some(message) = message else { break };
                if writer.send(&message).await.is_err() { break }
            }
            message = reader.recv() => {
                let Ok(Some(message)) = message else { break };
                match message {
                    FromHolder::Size { cols, rows } => terminal.grid = Grid { cols, rows },
                    FromHolder::Title(title) => terminal.title = title,
                    FromHolder::Exit(status) => terminal.exit = Some(exit(status)),
                    FromHolder::Applied { writer, seq } => {
                        let _ = news.send(News::Applied(id, WriterId(writer), seq));
                        continue;
                    }
                    FromHolder::Refused { code, sentence } => {
                        tracing::info!(terminal = %id, sentence, "the holder refused");
                        if code == Refusal::InputGap {
                            let _ = news.send(News::InputGap(id));
                        }
                        continue;
                    }
                    FromHolder::Welcome(_) | FromHolder::Snapshot { .. } | FromHolder::SnapshotChunk(_)
                    | FromHolder::Output { .. } => continue,
                }
                let _ = news.send(News::Terminal(terminal.clone()));
            }
        }
    }
    let _ = news.send(News::Gone(id));
}

/// Brings output until the watch is ended or the holder leaves. Returns how it ended.
async fn run_watch(
    stream: StreamId,
    number: WatchNumber,
    conn: HolderConn,
    mut messages: UnboundedReceiver<FromClient>,
    news: &UnboundedSender<News>,
) -> Watched {
    let (_, mut reader, mut writer) = conn.split();
    loop {
        tokio::select! {
            message = messages.recv() => {
                let Some(message) = message else { return Watched::Gone };
                if writer.send(&message).await.is_err() { return Watched::Gone }
            }
            message = reader.recv() => {
                let watched = match message {
                    Ok(Some(message)) => watched(message),
                    Ok(None) | Err(ClientError::Gone) => return Watched::Gone,
                    Err(error) => {
                        tracing::warn!(stream, %error, "a watch failed");
                        return Watched::Busy;
                    }
                };
                if let Some(watched) = watched && news.send(News::Watched(stream, number, watched)).is_err() {
                    return Watched::Gone;
                }
            }
        }
    }
}

fn watched(message: FromHolder) -> Option<Watched> {
    Some(match message {
        FromHolder::Snapshot {
            offset,
            cols,
            rows,
            total,
        } => Watched::Snapshot {
            offset,
            grid: Grid { cols, rows },
            total,
        },
        FromHolder::SnapshotChunk(bytes) => Watched::Chunk(bytes),
        FromHolder::Output { offset, bytes } => Watched::Output { offset, bytes },
        FromHolder::Size { cols, rows } => Watched::Size(Grid { cols, rows }),
        FromHolder::Exit(status) => Watched::Exit(exit(status)),
        FromHolder::Welcome(_)
        | FromHolder::Title(_)
        | FromHolder::Applied { .. }
        | FromHolder::Refused { .. } => {
            return None;
        }
    })
}

/// An input as the holder takes it. One record fits into one message of the holder's.
pub fn input(writer: WriterId, seq: u64, bytes: Bytes) -> FromClient {
    FromClient::Input {
        writer: writer.0,
        seq,
        bytes,
    }
}

#[cfg(test)]
mod tests;
