//! The background task: one socket, one [`Viewer`], and whoever waits for what it says.

use super::Greeting;
use crate::core::{
    Answer, Event, HandleId, Mode, News as Learned, OwnKeys, State, TerminalEvent, Viewer,
};
use crate::failure::Failure;
use crate::keys::{Device, Store};
use crate::limits::{LONGEST_SLEEP, TYPED_MAX};
use crate::random;
use bytes::Bytes;
use lanyard_dial::{Changes, DialError, Incoming, Proxies, Relay, Socket, clock};
use lanyard_shared::ids::{AgentId, DeviceId, TerminalId, WriterId};
use lanyard_shared::msg::{Grid, PastPlace, Terminal};
use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Where viewers dial.
pub(super) const PATH: &str = "/v1/attach";
/// What handles ask for.
#[derive(Debug)]
pub(super) enum Command {
    Create {
        key: [u8; 16],
        name: String,
        grid: Grid,
        reply: Reply,
    },
    End {
        terminal: TerminalId,
        reply: Reply,
    },
    Rename {
        terminal: TerminalId,
        name: String,
        reply: Reply,
    },
    History {
        after: Option<PastPlace>,
        reply: Reply,
    },
    Forget {
        terminal: TerminalId,
        reply: Reply,
    },
    Open {
        handle: HandleId,
        terminal: TerminalId,
        grid: Grid,
        mode: Mode,
        writer: WriterId,
        have: Option<u64>,
        events: mpsc::UnboundedSender<TerminalEvent>,
    },
    Release(HandleId),
    Type {
        handle: HandleId,
        bytes: Bytes,
        room: oneshot::Sender<()>,
    },
    Resize {
        handle: HandleId,
        grid: Grid,
    },
    TakeOver(HandleId),
    Consumed {
        handle: HandleId,
        payload: u32,
    },
    Heartbeat(oneshot::Sender<(Option<Duration>, Option<Duration>)>),
    Close(oneshot::Sender<()>),
}

type Reply = oneshot::Sender<Result<Answer, Failure>>;
type Dialling = Pin<Box<dyn Future<Output = Result<Socket, DialError>> + Send>>;

/// The latest of everything, for whoever looks.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub state: watch::Receiver<State>,
    pub trouble: watch::Receiver<Option<Failure>>,
    pub greeting: watch::Receiver<Option<Greeting>>,
    pub terminals: watch::Receiver<Vec<Terminal>>,
}

struct Board {
    state: watch::Sender<State>,
    trouble: watch::Sender<Option<Failure>>,
    greeting: watch::Sender<Option<Greeting>>,
    terminals: watch::Sender<Vec<Terminal>>,
}

/// See the module.
pub(super) struct Engine {
    viewer: Viewer,
    relay: Relay,
    proxies: Proxies,
    /// Where it is kept what is learned of the machine.
    kept: Option<(Store, AgentId)>,
    commands: mpsc::UnboundedReceiver<Command>,
    board: Board,
    handles: HashMap<HandleId, mpsc::UnboundedSender<TerminalEvent>>,
    replies: HashMap<u32, Reply>,
    /// Typists that wait for room.
    typists: Vec<(HandleId, oneshot::Sender<()>)>,
    closing: Option<Vec<oneshot::Sender<()>>>,
}

impl Engine {
    pub fn new(
        viewer: Viewer,
        relay: Relay,
        proxies: Proxies,
        commands: mpsc::UnboundedReceiver<Command>,
        kept: Option<(Store, AgentId)>,
    ) -> (Self, News) {
        let (state, state_news) = watch::channel(viewer.state().clone());
        let (trouble, trouble_news) = watch::channel(None);
        let (greeting, greeting_news) = watch::channel(None);
        let (terminals, terminals_news) = watch::channel(Vec::new());
        let board = Board {
            state,
            trouble,
            greeting,
            terminals,
        };
        let news = News {
            state: state_news,
            trouble: trouble_news,
            greeting: greeting_news,
            terminals: terminals_news,
        };
        let engine = Self {
            viewer,
            relay,
            proxies,
            kept,
            commands,
            board,
            handles: HashMap::new(),
            replies: HashMap::new(),
            typists: Vec::new(),
            closing: None,
        };
        (engine, news)
    }

    /// Runs until it is closed, or all handles are gone.
    pub async fn run(mut self) {
        let mut socket: Option<Socket> = None;
        let mut dialling: Option<Dialling> = None;
        let mut changes = Changes::watch();
        loop {
            self.deliver();
            let now = clock::mono();
            if self.viewer.wants_recall() {
                self.recall();
                continue;
            }
            if self.viewer.is_link_over() {
                if let Some(socket) = socket.take() {
                    socket.finish(|| self.viewer.poll_output()).await;
                }
                self.viewer.disconnected(random::jitter(), clock::mono());
                continue;
            }
            if self.closing.is_some() {
                break;
            }
            if self.viewer.poll_dial(now) {
                dialling = Some(dial(self.relay.clone(), self.proxies.clone()));
            }
            let sleep = self
                .viewer
                .poll_timeout(now)
                .map_or(LONGEST_SLEEP, |at| at.since(now))
                .min(LONGEST_SLEEP);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => self.close(None),
                },
                incoming = carry(&mut socket, &mut self.viewer) => match incoming {
                    Incoming::Message(message) => self.viewer.handle(message, clock::now()),
                    Incoming::Gone => {
                        socket = None;
                        self.viewer.disconnected(random::jitter(), clock::mono());
                    }
                },
                outcome = wait_for(&mut dialling) => {
                    dialling = None;
                    match outcome {
                        Ok(dialled) => {
                            socket = Some(dialled);
                            self.viewer.dialled(self.relay.address().authority().to_owned(), clock::mono());
                        }
                        Err(error) => {
                            let why = refused(&error);
                            self.viewer.dial_failed(why, error.again(), random::jitter(), clock::mono());
                        }
                    }
                },
                _ = changes.next() => {
                    // What was dialled on the network before may hang for long.
                    if dialling.is_some() {
                        dialling = Some(dial(self.relay.clone(), self.proxies.clone()));
                    }
                    self.viewer.network_changed(clock::mono());
                }
                () = tokio::time::sleep(sleep) => self.viewer.on_timeout(clock::now()),
            }
        }
        for done in self.closing.into_iter().flatten() {
            let _ = done.send(());
        }
    }

    fn obey(&mut self, command: Command) {
        let now = clock::now();
        match command {
            Command::Create {
                key,
                name,
                grid,
                reply,
            } => {
                let req = self.viewer.create(key, name, grid, now);
                self.replies.insert(req, reply);
            }
            Command::End { terminal, reply } => {
                let req = self.viewer.end_terminal(terminal, now);
                self.replies.insert(req, reply);
            }
            Command::Rename {
                terminal,
                name,
                reply,
            } => {
                let req = self.viewer.rename_terminal(terminal, name, now);
                self.replies.insert(req, reply);
            }
            Command::History { after, reply } => {
                let req = self.viewer.history(after, now);
                self.replies.insert(req, reply);
            }
            Command::Forget { terminal, reply } => {
                let req = self.viewer.forget_past(terminal, now);
                self.replies.insert(req, reply);
            }
            Command::Open {
                handle,
                terminal,
                grid,
                mode,
                writer,
                have,
                events,
            } => {
                self.handles.insert(handle, events);
                self.viewer
                    .open(handle, terminal, grid, mode, writer, have, now);
            }
            Command::Release(handle) => {
                self.viewer.close(handle);
                self.handles.remove(&handle);
            }
            Command::Type {
                handle,
                bytes,
                room,
            } => {
                self.viewer.type_bytes(handle, bytes, now);
                self.typists.push((handle, room));
            }
            Command::Resize { handle, grid } => self.viewer.resize(handle, grid, now),
            Command::TakeOver(handle) => self.viewer.take_over(handle, now),
            Command::Consumed { handle, payload } => self.viewer.consumed(handle, payload),
            Command::Heartbeat(reply) => {
                let ago = self.viewer.heard().map(|heard| now.mono.since(heard));
                let _ = reply.send((ago, self.viewer.rtt()));
            }
            Command::Close(done) => self.close(Some(done)),
        }
    }

    fn close(&mut self, done: Option<oneshot::Sender<()>>) {
        self.viewer.shut_down();
        self.closing.get_or_insert_default().extend(done);
    }

    fn remember(&mut self, device: DeviceId, news: &Learned) {
        let kept = match &self.kept {
            Some((store, agent)) => store.keep(*agent, device, news),
            None => Ok(true),
        };
        match kept {
            Ok(true) => return self.viewer.kept(clock::now()),
            Ok(false) => {}
            Err(why) => drop(self.board.trouble.send(Some(why))),
        }
        self.viewer.not_kept();
    }

    fn recall(&mut self) {
        let kept = match &self.kept {
            Some((store, agent)) => store.recall(*agent),
            None => Ok(None),
        };
        let kept = kept.unwrap_or_else(|why| {
            let _ = self.board.trouble.send(Some(why));
            None
        });
        self.viewer.recalled(kept, clock::mono());
    }

    /// Hands out what has happened. A receiver that is gone does not care.
    fn deliver(&mut self) {
        while let Some(event) = self.viewer.poll_event() {
            match event {
                Event::State(state) => drop(self.board.state.send(state)),
                Event::Trouble(why) => drop(self.board.trouble.send(Some(why))),
                Event::Welcome(greeting) => drop(self.board.greeting.send(Some(greeting))),
                Event::Scopes(scopes, reach) => self.board.greeting.send_modify(|greeting| {
                    if let Some(greeting) = greeting {
                        (greeting.scopes, greeting.reach) = (scopes, reach);
                    }
                }),
                Event::Terminals(terminals) => drop(self.board.terminals.send(terminals)),
                Event::Remember(device, news) => self.remember(device, &news),
                Event::Rekey => {
                    if let Ok(device) = Device::generate("") {
                        self.viewer.rekey(OwnKeys::from(&device), clock::now());
                    }
                }
                Event::Answered(req, answer) => {
                    if let Some(reply) = self.replies.remove(&req) {
                        let _ = reply.send(answer);
                    }
                }
                Event::Terminal(handle, event) => {
                    if let Some(events) = self.handles.get(&handle) {
                        let _ = events.send(event);
                    }
                }
            }
        }
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.typists)
            .into_iter()
            .partition(|(handle, _)| self.viewer.unapplied(*handle) <= TYPED_MAX);
        self.typists = waiting;
        for (_, room) in ready {
            let _ = room.send(());
        }
    }
}

fn dial(relay: Relay, proxies: Proxies) -> Dialling {
    Box::pin(async move { Socket::connect(&relay, &proxies, PATH).await })
}

/// A dial that failed, with the way out of somebody who was paired.
fn refused(error: &DialError) -> Failure {
    let why = Failure::from(error);
    match error {
        DialError::Certificate(_) => {
            why.with_hint("if the relay's certificate was replaced, pair again with `lanyard pair`; if not, something stands between")
        }
        DialError::Unreachable { .. }
        | DialError::NoNetwork { .. }
        | DialError::NoName { .. }
        | DialError::Timeout { .. }
        | DialError::Proxy(_)
        | DialError::Refused { .. } => why,
    }
}

async fn wait_for(dialling: &mut Option<Dialling>) -> Result<Socket, DialError> {
    match dialling {
        Some(dialling) => dialling.await,
        None => pending().await,
    }
}

async fn carry(socket: &mut Option<Socket>, viewer: &mut Viewer) -> Incoming {
    match socket {
        Some(socket) => socket.next(|| viewer.poll_output()).await,
        None => pending().await,
    }
}
