//! `--exec`: one command in a terminal of its own; its output, its status, and nothing else.

#[cfg(test)]
mod tests;

use super::interactive::{no_terminal, status_of};
use super::marker::{Found, Markers, NewLines};
use super::script::{Tag, command_lines, first_line};
use super::tty::{self, SignalEvent, Signals};
use crate::client::{Client, TerminalHandle};
use crate::core::{InputState, Mode, TerminalEvent, Unsent};
use crate::failure::Failure;
use crate::limits::{EXEC_AGAIN, EXEC_END_TIME, EXEC_GIVE_UP, EXEC_QUIET, EXEC_SILENT};
use crate::output::{self, Closed, Writer};
use crate::random;
use lanyard_shared::close::CloseCode;
use tokio::time::{Instant, sleep_until, timeout};

const INTERRUPT: u8 = 2;
/// The status of a program whose output nobody reads (SIGPIPE).
const PIPE_CLOSED: u8 = 128 + 13;

/// Runs `command` and returns its status.
pub(super) async fn run(client: &Client, command: &str) -> Result<u8, Failure> {
    let tag = Tag::new(random::bytes()?);
    let signals = Signals::watch().map_err(|error| no_terminal(&error))?;
    let grid = tty::grid();
    let terminal = client.create(grid, "exec").await?.id;
    let outcome = match client.open_at(terminal, grid, Mode::Drive, Some(0)) {
        Ok(handle) => {
            let lines = (!tty::is_output_terminal()).then(NewLines::default);
            let mut run = Run::new(handle, &tag, command, lines, Writer::start());
            let outcome = run.serve(signals).await;
            run.writer.finish().await;
            outcome
        }
        Err(why) => Err(why),
    };
    // Whatever happened, the terminal was this command's alone.
    let _ = timeout(EXEC_END_TIME, client.end(terminal)).await;
    outcome
}

struct Run {
    handle: TerminalHandle,
    markers: Markers,
    /// `None` when standard output is a terminal, which wants its carriage returns.
    lines: Option<NewLines>,
    writer: Writer,
    stage: Stage,
    /// When to do the next thing by itself.
    next: Instant,
    /// How often the first line was typed.
    tries: usize,
    /// Output up to here has come.
    expected: u64,
    /// Output that was gone before it could be fetched, in bytes.
    lost: u64,
    first_line: String,
    lines_to_type: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The shell has not shown that it reads.
    Prompt,
    /// The first line was typed.
    Starting,
    /// The script runs; the command was typed.
    Running,
}

impl Run {
    fn new(
        handle: TerminalHandle,
        tag: &Tag,
        command: &str,
        lines: Option<NewLines>,
        writer: Writer,
    ) -> Self {
        Self {
            handle,
            markers: Markers::new(&tag.whole()),
            lines,
            writer,
            stage: Stage::Prompt,
            next: Instant::now() + EXEC_SILENT,
            tries: 0,
            expected: 0,
            lost: 0,
            first_line: first_line(tag),
            lines_to_type: command_lines(tag, command),
        }
    }

    async fn serve(&mut self, mut signals: Signals) -> Result<u8, Failure> {
        let mut interrupted = false;
        loop {
            tokio::select! {
                event = self.handle.next() => {
                    let event = event.ok_or_else(|| Failure::from(CloseCode::Done))?;
                    match self.happened(event).await {
                        Ok(None) => {}
                        Ok(Some(status)) => return self.leave(status),
                        Err(Stop::Failed(why)) => return Err(why),
                        Err(Stop::Closed) => return Ok(PIPE_CLOSED),
                    }
                }
                () = sleep_until(self.next), if self.stage != Stage::Running => self.time_passed().await?,
                event = signals.next() => match event {
                    // The first is for the command; who insists, leaves.
                    SignalEvent::Ended(INTERRUPT) if !interrupted && self.stage == Stage::Running => {
                        interrupted = true;
                        self.handle.type_bytes(&b"\x03"[..]).await?;
                    }
                    SignalEvent::Ended(number) => return Ok(128 + number),
                    SignalEvent::Resized => {}
                },
            }
        }
    }

    /// Types the first line, or types it again, or gives up.
    async fn time_passed(&mut self) -> Result<(), Failure> {
        if self.tries > EXEC_AGAIN.len() {
            return Err(Failure::local(
                "the shell on the machine did not take the command",
                "attach without `--exec` to see what it waits for",
            ));
        }
        self.stage = Stage::Starting;
        self.next = Instant::now() + EXEC_AGAIN.get(self.tries).copied().unwrap_or(EXEC_GIVE_UP);
        self.tries += 1;
        self.handle.type_bytes(self.first_line.clone()).await
    }

    async fn happened(&mut self, event: TerminalEvent) -> Result<Option<u8>, Stop> {
        match event {
            TerminalEvent::Output { offset, bytes } => {
                self.expected = offset + bytes.len() as u64;
                if self.stage == Stage::Prompt {
                    self.next = Instant::now() + EXEC_QUIET;
                }
                let found = self.markers.feed(&bytes);
                self.found(found).await
            }
            TerminalEvent::Snapshot { offset, .. } => {
                self.lost += offset.saturating_sub(self.expected);
                self.expected = offset;
                Ok(None)
            }
            TerminalEvent::Exit(exit) => {
                let rest = self.markers.rest();
                self.found(rest).await?;
                // The script leaves with the command's status, so this is it even if the mark was lost.
                match self.stage {
                    Stage::Running => Ok(Some(status_of(exit))),
                    Stage::Prompt | Stage::Starting => Err(Failure::local(
                        "the shell on the machine ended before it ran the command",
                        "",
                    )
                    .into()),
                }
            }
            TerminalEvent::Unsent {
                bytes,
                why: Unsent::TooOld,
            } => {
                // The person waits for just this.
                self.handle.type_bytes(bytes).await?;
                Ok(None)
            }
            TerminalEvent::Unsent {
                why: Unsent::NotDriving | Unsent::Refused,
                ..
            } if self.stage != Stage::Running => Err(Failure::from(CloseCode::NotGranted).into()),
            TerminalEvent::Unsent { .. } => Ok(None),
            TerminalEvent::Input(InputState::Refused(why)) if self.stage != Stage::Running => {
                Err(why.into())
            }
            TerminalEvent::Input(InputState::Lapsed) => {
                // Only who drives holds back a program that writes faster than this side reads.
                self.handle.take_over()?;
                Ok(None)
            }
            TerminalEvent::Input(_)
            | TerminalEvent::Size(_)
            | TerminalEvent::At(_)
            | TerminalEvent::Renewed { .. } => Ok(None),
            TerminalEvent::Interrupted(why) => {
                output::say(&format!("interrupted: {why}; it goes on by itself"));
                Ok(None)
            }
            TerminalEvent::Resumed => {
                output::say("resumed");
                Ok(None)
            }
            TerminalEvent::Ended(why) => Err(why.into()),
        }
    }

    async fn found(&mut self, found: Vec<Found>) -> Result<Option<u8>, Stop> {
        for found in found {
            match found {
                Found::Ready => {
                    self.stage = Stage::Running;
                    let typed = std::mem::take(&mut self.lines_to_type);
                    self.handle.type_bytes(typed).await?;
                }
                Found::Begin => {}
                Found::Output(bytes) => {
                    let bytes = match &mut self.lines {
                        Some(lines) => lines.feed(&bytes),
                        None => bytes,
                    };
                    self.writer.write(bytes).await?;
                }
                Found::End(status) => {
                    if let Some(lines) = &mut self.lines {
                        self.writer.write(lines.rest()).await?;
                    }
                    return Ok(Some(status));
                }
            }
        }
        Ok(None)
    }

    fn leave(&self, status: u8) -> Result<u8, Failure> {
        if self.lost == 0 {
            return Ok(status);
        }
        Err(Failure::local(
            format!(
                "{} bytes of output were lost while the connection was away; the command ended with status {status}",
                self.lost
            ),
            "write the output to a file on the machine if all of it matters",
        ))
    }
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
