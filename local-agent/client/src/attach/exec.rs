//! `--exec`: one command in a terminal of its own; its output, its status, and nothing else.

use super::interactive::{no_terminal, status_of};
use super::marker::{Found, Markers, NewLines};
use super::script::{Tag, command_lines, first_line};
use super::tty::{self, SignalEvent, Signals};
use crate::client::{Client, TerminalHandle};
use crate::core::{InputState, Mode, TerminalEvent, Unsent};
use crate::failure::Failure;
use crate::output::{self, Closed, Writer};
use crate::random;
use lanyard_shared::close::CloseCode;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// A prompt is there when a shell has written something and then nothing for this long.
const QUIET: Duration = Duration::from_millis(150);
/// A shell that shows no prompt is typed into after this long.
const SILENT: Duration = Duration::from_secs(2);
/// When the first line is typed again: a shell may throw away what was typed while it started.
const AGAIN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(10)];
/// When a shell is given up that never ran the first line.
const GIVE_UP: Duration = Duration::from_secs(20);
/// How long the machine may take to end the terminal afterwards.
const END_TIME: Duration = Duration::from_secs(5);
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
    let _ = timeout(END_TIME, client.end(terminal)).await;
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
            next: Instant::now() + SILENT,
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
        if self.tries > AGAIN.len() {
            return Err(Failure::local(
                "the shell on the machine did not take the command",
                "attach without `--exec` to see what it waits for",
            ));
        }
        self.stage = Stage::Starting;
        self.next = Instant::now() + AGAIN.get(self.tries).copied().unwrap_or(GIVE_UP);
        self.tries += 1;
        self.handle.type_bytes(self.first_line.clone()).await
    }

    async fn happened(&mut self, event: TerminalEvent) -> Result<Option<u8>, Stop> {
        match event {
            TerminalEvent::Output { offset, bytes } => {
                self.expected = offset + bytes.len() as u64;
                if self.stage == Stage::Prompt {
                    self.next = Instant::now() + QUIET;
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
            TerminalEvent::Input(_) | TerminalEvent::Size(_) | TerminalEvent::Renewed { .. } => {
                Ok(None)
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Typed, scripted};
    use bytes::Bytes;
    use lanyard_shared::msg::{Exit, Grid};
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

    /// Standard output, kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A shell that a test plays.
    struct Shell {
        events: UnboundedSender<TerminalEvent>,
        typed: UnboundedReceiver<Typed>,
        offset: u64,
    }

    impl Shell {
        fn write(&mut self, text: &str) {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            self.events
                .send(TerminalEvent::Output { offset, bytes })
                .unwrap();
        }

        fn mark(&mut self, word: &str) {
            let tag = tag().whole();
            self.write(&format!("\x1b]7717;{tag};{word}\x07"));
        }

        /// Waits for what is typed next, and echoes it as a terminal does.
        async fn reads(&mut self) -> String {
            let Typed(bytes) = self.typed.recv().await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.write(&text.replace('\r', "\r\n"));
            text
        }

        /// A shell that takes the command and starts it.
        async fn starts(&mut self) {
            self.write("$ ");
            assert_eq!(self.reads().await, first_line(&tag()));
            self.mark("ready");
            assert_eq!(self.reads().await, command_lines(&tag(), "make"));
            self.mark("begin");
        }
    }

    fn tag() -> Tag {
        Tag::new([7; 16])
    }

    /// Runs `make` in a shell that `play` plays. Returns the outcome and what was written.
    async fn run_in<F: Future<Output = ()>>(
        play: impl FnOnce(Shell) -> F,
    ) -> (Result<u8, Failure>, String) {
        let (handle, events, typed) = scripted();
        let kept = Kept::default();
        let writer = Writer::onto(kept.clone());
        let mut run = Run::new(handle, &tag(), "make", Some(NewLines::default()), writer);
        let signals = Signals::watch().unwrap();
        let shell = Shell {
            events,
            typed,
            offset: 0,
        };
        let (outcome, ()) = tokio::join!(run.serve(signals), play(shell));
        run.writer.finish().await;
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        (outcome, text)
    }

    #[tokio::test]
    async fn only_the_commands_own_output_comes_out_and_its_status_goes_on() {
        let (outcome, text) = run_in(async |mut shell| {
            shell.starts().await;
            shell.write("building\r\ndone\r\n");
            shell.mark("end;3");
            shell.write("$ ");
        })
        .await;
        assert_eq!((outcome, text.as_str()), (Ok(3), "building\ndone\n"));
    }

    #[tokio::test]
    async fn a_link_that_was_lost_in_the_middle_is_not_noticed_in_the_output() {
        let (outcome, text) = run_in(async |mut shell| {
            shell.starts().await;
            shell.write("one\r\n");
            shell
                .events
                .send(TerminalEvent::Interrupted(CloseCode::Cut.into()))
                .unwrap();
            shell.events.send(TerminalEvent::Resumed).unwrap();
            shell.write("two\r\n");
            shell.mark("end;0");
        })
        .await;
        assert_eq!((outcome, text.as_str()), (Ok(0), "one\ntwo\n"));
    }

    #[tokio::test]
    async fn output_that_was_gone_is_said_to_be_gone() {
        let (outcome, text) = run_in(async |mut shell| {
            shell.starts().await;
            shell.write("one\r\n");
            let offset = shell.offset + 1000;
            let grid = Grid { cols: 80, rows: 24 };
            shell
                .events
                .send(TerminalEvent::Snapshot {
                    offset,
                    grid,
                    bytes: Bytes::new(),
                })
                .unwrap();
            shell
                .events
                .send(TerminalEvent::Exit(Exit::Status { code: 0 }))
                .unwrap();
        })
        .await;
        assert!(
            outcome
                .unwrap_err()
                .sentence()
                .starts_with("1000 bytes of output were lost")
        );
        assert_eq!(text, "one\n");
    }

    #[tokio::test]
    async fn a_script_killed_before_its_mark_still_gives_its_status() {
        let (outcome, text) = run_in(async |mut shell| {
            shell.starts().await;
            shell.write("half\x1b]77");
            shell
                .events
                .send(TerminalEvent::Exit(Exit::Signal { number: 9 }))
                .unwrap();
        })
        .await;
        assert_eq!((outcome, text.as_str()), (Ok(137), "half\x1b]77"));
    }

    #[tokio::test]
    async fn lines_that_came_too_late_are_typed_again() {
        let (outcome, _) = run_in(async |mut shell| {
            shell.write("$ ");
            let first = shell.reads().await;
            let bytes = Bytes::from(first.clone());
            shell
                .events
                .send(TerminalEvent::Unsent {
                    bytes,
                    why: Unsent::TooOld,
                })
                .unwrap();
            assert_eq!(shell.reads().await, first);
            shell.mark("ready");
            shell.mark("begin");
            shell.mark("end;0");
        })
        .await;
        assert_eq!(outcome, Ok(0));
    }

    #[tokio::test]
    async fn a_shell_that_ends_first_and_a_device_that_may_not_type_are_errors() {
        let (outcome, _) = run_in(async |shell| {
            shell
                .events
                .send(TerminalEvent::Exit(Exit::Status { code: 0 }))
                .unwrap();
        })
        .await;
        assert!(outcome.unwrap_err().sentence().contains("ended before"));
        let (outcome, _) = run_in(async |shell| {
            let refused = InputState::Refused(CloseCode::NotGranted.into());
            shell.events.send(TerminalEvent::Input(refused)).unwrap();
        })
        .await;
        assert_eq!(outcome.unwrap_err().code(), Some(CloseCode::NotGranted));
    }
}
