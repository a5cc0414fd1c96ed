//! The viewer with a socket: a background task owns it, and handles talk to the task.
//!
//! Nothing here decides; see [`crate::core`].

mod engine;
mod handle;
mod pairing;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::{Typed, scripted};

pub use handle::{Keyboard, TerminalHandle};
pub use pairing::Pairing;
pub(crate) use pairing::check_link;

use crate::core::{Answer, Mode, PastPage, State, Viewer};
use crate::failure::Failure;
use crate::keys::{Device, Machine, Store};
use crate::random;
use engine::{Command, Engine, News};
use lanyard_dial::{Proxies, clock};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{TerminalId, WriterId};
use lanyard_shared::msg::{Grid, PastPlace, Terminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

pub use crate::core::Greeting;

/// A viewer of one machine that stays connected until it is closed or dropped with all its handles.
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::UnboundedSender<Command>,
    news: News,
    handles: Arc<AtomicU32>,
}

impl Client {
    /// Pairs `device` by a link that the machine's owner made: dials, shakes hands, and returns as soon as there are check words to show.
    ///
    /// # Errors
    /// The text is no pairing link, the relay cannot be reached or is not the one the link names, or the link is wrong, used or expired.
    pub async fn pair(link: &str, device: &Device) -> Result<Pairing, Failure> {
        Pairing::start(link, device).await
    }

    /// Starts a viewer that dials in the background and never gives up by itself. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// The machine's relay address is none.
    pub fn start(device: &Device, machine: &Machine) -> Result<Self, Failure> {
        Self::start_keeping(device, machine, None)
    }

    fn start_keeping(
        device: &Device,
        machine: &Machine,
        store: Option<Store>,
    ) -> Result<Self, Failure> {
        let relay = machine.relay()?;
        let party = device.party(machine.agent, machine.noise_key.0);
        let viewer = Viewer::new(party, machine.memory(), clock::mono());
        let (commands, orders) = mpsc::unbounded_channel();
        let kept = store.map(|store| (store, machine.agent));
        let proxies = Proxies::of_environment();
        let (engine, news) = Engine::new(viewer, relay, proxies, orders, kept);
        tokio::spawn(engine.run());
        Ok(Self {
            commands,
            news,
            handles: Arc::default(),
        })
    }

    /// [`Client::start`], and waits until the machine has said welcome.
    ///
    /// # Errors
    /// The first thing that went wrong on the way; nothing goes on in the background then.
    pub async fn connect(device: &Device, machine: &Machine) -> Result<Self, Failure> {
        Self::wait_for(Self::start(device, machine)?).await
    }

    /// [`Client::connect`] with a device's file, where it keeps what it learns of the machine: younger grants, its next keys, the device's own
    /// next keys. What other viewers keep there meanwhile is used too.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_keeping(
        device: &Device,
        machine: &Machine,
        store: &Store,
    ) -> Result<Self, Failure> {
        Self::wait_for(Self::start_keeping(device, machine, Some(store.clone()))?).await
    }

    async fn wait_for(client: Self) -> Result<Self, Failure> {
        let (mut greeting, mut trouble, mut state) = (
            client.news.greeting.clone(),
            client.news.trouble.clone(),
            client.news.state.clone(),
        );
        tokio::select! {
            biased;
            Ok(_) = greeting.wait_for(Option::is_some) => Ok(client.clone()),
            Ok(why) = trouble.wait_for(Option::is_some) => Err(why.clone().unwrap_or_else(gone)),
            Ok(state) = state.wait_for(|state| matches!(state, State::Over(_))) => Err(match &*state {
                State::Over(why) => why.clone(),
                State::Connecting | State::Offline | State::Live | State::Silent => gone(),
            }),
            else => Err(gone()),
        }
    }

    /// How the machine introduced itself last; `None` before it has.
    #[must_use]
    pub fn greeting(&self) -> Option<Greeting> {
        self.news.greeting.borrow().clone()
    }

    /// Where the viewer stands, now and whenever it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.news.state.clone()
    }

    /// The last thing that went wrong on the way to the machine, now and whenever something does.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<Failure>> {
        self.news.trouble.clone()
    }

    /// The machine's terminals, now and whenever they change. Empty before the first welcome.
    #[must_use]
    pub fn terminals(&self) -> watch::Receiver<Vec<Terminal>> {
        self.news.terminals.clone()
    }

    /// How long ago the machine last answered, end to end, and how long the last ping there and back took.
    ///
    /// # Errors
    /// The viewer is closed.
    pub async fn heartbeat(&self) -> Result<(Option<Duration>, Option<Duration>), Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Heartbeat(reply))?;
        answer.await.map_err(|_| gone())
    }

    /// Creates a terminal; `name` may be empty, then the machine chooses. Waits for the machine, also across lost links.
    ///
    /// # Errors
    /// The machine refuses, or the viewer is over.
    pub async fn create(&self, grid: Grid, name: &str) -> Result<Terminal, Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Create {
            key: random::bytes()?,
            name: name.to_owned(),
            grid,
            reply,
        })?;
        match answer.await.map_err(|_| gone())?? {
            Answer::Created(terminal) => Ok(terminal),
            Answer::Done | Answer::History(_) => Err(CloseCode::BadMessage.into()),
        }
    }

    /// Ends a terminal's program and forgets the terminal.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn end(&self, terminal: TerminalId) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::End { terminal, reply })?;
        answer.await.map_err(|_| gone())?.map(drop)
    }

    /// Calls a terminal something else; an empty name lets the machine choose.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn rename(&self, terminal: TerminalId, name: &str) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let name = name.to_owned();
        self.send(Command::Rename {
            terminal,
            name,
            reply,
        })?;
        answer.await.map_err(|_| gone())?.map(drop)
    }

    /// A page of the terminals that have ended, the latest first: those after `after`, or the first.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn history(&self, after: Option<PastPlace>) -> Result<PastPage, Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::History { after, reply })?;
        match answer.await.map_err(|_| gone())?? {
            Answer::History(page) => Ok(page),
            Answer::Created(_) | Answer::Done => Err(CloseCode::BadMessage.into()),
        }
    }

    /// Forgets what is kept of a terminal that has ended.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn forget(&self, terminal: TerminalId) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Forget { terminal, reply })?;
        answer.await.map_err(|_| gone())?.map(drop)
    }

    /// Attaches to a terminal; its first event is a snapshot, or what interrupts the way to one.
    ///
    /// # Errors
    /// The viewer is closed, or the system gives no randomness.
    pub fn open(
        &self,
        terminal: TerminalId,
        grid: Grid,
        mode: Mode,
    ) -> Result<TerminalHandle, Failure> {
        self.open_at(terminal, grid, mode, None)
    }

    /// [`Client::open`] by who has all output before `have` already: it goes on from there, or with a snapshot if that is gone.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub fn open_at(
        &self,
        terminal: TerminalId,
        grid: Grid,
        mode: Mode,
        have: Option<u64>,
    ) -> Result<TerminalHandle, Failure> {
        let writer = WriterId(random::bytes()?);
        let (events, incoming) = mpsc::unbounded_channel();
        let handle = self.handles.fetch_add(1, Ordering::Relaxed);
        self.send(Command::Open {
            handle,
            terminal,
            grid,
            mode,
            writer,
            have,
            events,
        })?;
        Ok(TerminalHandle::new(
            terminal,
            Keyboard::new(handle, self.commands.clone()),
            incoming,
        ))
    }

    /// Says goodbye and ends the background task. Handles end with it.
    pub async fn close(self) {
        let (reply, done) = oneshot::channel();
        if self.send(Command::Close(reply)).is_ok() {
            let _ = done.await;
        }
    }

    fn send(&self, command: Command) -> Result<(), Failure> {
        self.commands.send(command).map_err(|_| gone())
    }
}

/// The background task has ended.
fn gone() -> Failure {
    CloseCode::Done.into()
}
