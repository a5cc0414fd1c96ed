//! A person at a terminal: keys there, picture here.

use super::Options;
use super::choose::{self, Choice};
use super::escape::{Escapes, Wish};
use super::presence;
use super::tty::{self, SignalEvent, Signals};
use crate::client::{Client, TerminalHandle};
use crate::core::{InputState, Mode, State, TerminalEvent, Unsent};
use crate::failure::Failure;
use crate::output::{self, Closed, Writer};
use lanyard_shared::close::CloseCode;
use lanyard_shared::msg::{Exit, Grid};

const HELP: &str = "~. detaches   ~t takes over   ~~ types a tilde   (after a new line)";

/// Attaches until the program ends, the person detaches, or it does not go on.
pub(super) async fn run(client: &Client, options: &Options) -> Result<u8, Failure> {
    let grid = tty::grid();
    let terminals = client.terminals().borrow().clone();
    let terminal = match choose::terminal(
        &terminals,
        options.terminal.as_deref(),
        options.new,
        options.view,
    )? {
        Choice::Attach(terminal) => terminal.id,
        Choice::Create(name) => client.create(grid, &name).await?.id,
    };
    let mode = if options.view {
        Mode::ViewOnly
    } else {
        Mode::Drive
    };
    let handle = client.open(terminal, grid, mode)?;
    let signals = Signals::watch().map_err(|error| no_terminal(&error))?;
    let raw = tty::Raw::enter().map_err(|error| no_terminal(&error))?;
    let mut shown = Shown {
        client,
        handle,
        writer: Writer::start(),
        grid,
        input: InputState::Opening,
        interrupted: false,
        away: None,
        detached: false,
    };
    let outcome = shown.serve(signals).await;
    let _ = shown.writer.write(tty::LEAVE).await;
    shown.writer.finish().await;
    drop(raw);
    if shown.detached {
        output::say("detached; the program runs on");
    }
    match outcome {
        Ok(end) => Ok(end),
        Err(Stop::Failed(why)) => Err(why),
        // Nobody is there to be told.
        Err(Stop::Closed) => Ok(0),
    }
}

/// What is on the screen.
struct Shown<'a> {
    client: &'a Client,
    handle: TerminalHandle,
    writer: Writer,
    grid: Grid,
    input: InputState,
    interrupted: bool,
    /// What was said last of why the machine is out of reach.
    away: Option<String>,
    detached: bool,
}

enum Stop {
    Failed(Failure),
    Closed,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Failure> for Stop {
    fn from(why: Failure) -> Self {
        Self::Failed(why)
    }
}

impl Shown<'_> {
    async fn serve(&mut self, mut signals: Signals) -> Result<u8, Stop> {
        let mut keys = tty::keys();
        let mut escapes = Escapes::new();
        let (mut state, mut trouble) = (self.client.state(), self.client.trouble());
        loop {
            tokio::select! {
                Ok(()) = state.changed() => self.presence().await?,
                Ok(()) = trouble.changed() => self.presence().await?,
                event = self.handle.next() => {
                    let event = event.ok_or_else(|| Failure::from(CloseCode::Done))?;
                    if let Some(status) = self.show(event).await? {
                        return Ok(status);
                    }
                }
                pressed = keys.recv() => {
                    // The terminal was closed: as good as a detach.
                    let Some(pressed) = pressed else { return Ok(0) };
                    for wish in escapes.feed(&pressed) {
                        match wish {
                            Wish::Type(bytes) => self.handle.type_bytes(bytes).await?,
                            Wish::Detach => {
                                self.detached = true;
                                return Ok(0);
                            }
                            Wish::TakeOver => self.handle.take_over()?,
                            Wish::Help => self.status(HELP).await?,
                        }
                    }
                }
                event = signals.next() => match event {
                    SignalEvent::Resized => {
                        self.grid = tty::grid();
                        self.handle.resize(self.grid)?;
                    }
                    SignalEvent::Ended(number) => return Ok(128 + number),
                },
            }
        }
    }

    /// Shows what happened. Returns the status to leave with when the program has ended.
    async fn show(&mut self, event: TerminalEvent) -> Result<Option<u8>, Stop> {
        match event {
            TerminalEvent::Snapshot { bytes, .. } => {
                self.writer.write(tty::RESET).await?;
                self.writer.write(bytes).await?;
            }
            TerminalEvent::Output { bytes, .. } => self.writer.write(bytes).await?,
            // The picture is passed on as it is; this side's terminal keeps its own size.
            TerminalEvent::Size(_) | TerminalEvent::At(_) | TerminalEvent::Renewed { .. } => {}
            TerminalEvent::Exit(exit) => return Ok(Some(status_of(exit))),
            TerminalEvent::Interrupted(why) => {
                self.interrupted = true;
                self.status(&format!(
                    "interrupted: {why}; it goes on by itself, ~. leaves"
                ))
                .await?;
                self.presence().await?;
            }
            TerminalEvent::Resumed => {
                if std::mem::take(&mut self.interrupted) {
                    self.status("resumed").await?;
                }
            }
            TerminalEvent::Input(state) => self.input(state).await?,
            TerminalEvent::Unsent { bytes, why } => {
                let why = match why {
                    Unsent::TooOld => "the connection was away for too long",
                    Unsent::NotDriving => "another viewer drives; ~t takes over",
                    Unsent::Refused => "this device may only watch",
                };
                self.status(&format!("not typed: {} ({why})", visible(&bytes)))
                    .await?;
            }
            TerminalEvent::Ended(why) => return Err(why.into()),
        }
        Ok(None)
    }

    async fn input(&mut self, state: InputState) -> Result<(), Stop> {
        let before = std::mem::replace(&mut self.input, state.clone());
        match state {
            InputState::Watching => self.status("another viewer drives; ~t takes over").await,
            InputState::Lapsed => {
                self.status("typing paused after a while without keys; the next key goes on")
                    .await
            }
            InputState::Refused(why) => self.status(&format!("only watching: {why}")).await,
            InputState::Driving if matches!(before, InputState::Watching | InputState::Lapsed) => {
                self.status("typing goes on").await
            }
            InputState::Driving | InputState::Opening => Ok(()),
        }
    }

    /// Says why the machine is out of reach when that has changed, and that it is back when nothing else says so.
    async fn presence(&mut self) -> Result<(), Stop> {
        let state = self.client.state().borrow().clone();
        let trouble = self.client.trouble().borrow().clone();
        let heard = match state {
            State::Silent => self.client.heartbeat().await?.0,
            State::Connecting | State::Offline | State::Live | State::Over(_) => None,
        };
        let away = presence::words(&state, trouble.as_ref(), heard);
        if away == self.away {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.away, away);
        match (&self.away, before) {
            (Some(away), _) => self.status(&format!("{away} (~. leaves)")).await,
            (None, Some(_)) if !self.interrupted => self.status("the machine answers again").await,
            (None, _) => Ok(()),
        }
    }

    async fn status(&self, line: &str) -> Result<(), Stop> {
        Ok(self.writer.status(line, self.grid).await?)
    }
}

/// The status a shell would give.
pub(super) fn status_of(exit: Exit) -> u8 {
    match exit {
        Exit::Status { code } => u8::try_from(code).unwrap_or(u8::MAX),
        Exit::Signal { number } => 128u8.saturating_add(u8::try_from(number).unwrap_or(127)),
    }
}

/// Keys as a person can read them; the rest is not worth a line.
fn visible(keys: &[u8]) -> String {
    String::from_utf8_lossy(keys)
        .chars()
        .take(40)
        .flat_map(char::escape_debug)
        .collect()
}

pub(super) fn no_terminal(error: &std::io::Error) -> Failure {
    Failure::local(format!("this terminal cannot be used: {error}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_a_shell_would_give() {
        assert_eq!(status_of(Exit::Status { code: 3 }), 3);
        assert_eq!(status_of(Exit::Signal { number: 9 }), 137);
    }

    #[test]
    fn keys_that_were_not_typed_are_shown_and_not_obeyed() {
        assert_eq!(visible(b"ls\r\x1b[2J"), "ls\\r\\u{1b}[2J");
    }
}
