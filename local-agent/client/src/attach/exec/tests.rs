//! One command in a shell that a test plays.

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
