//! The one file of this crate that prints.
//!
//! Standard output carries what the terminal's program wrote and nothing else. Everything for the person goes to standard error: plain
//! lines before a terminal is shown, `error:` and `hint:` lines when it does not go on. While a terminal is shown, one dim line at its
//! bottom says what has changed. Texts of others are cleaned of control characters before they come here.
#![expect(clippy::print_stderr, reason = "the one place that prints")]

use crate::failure::Failure;
use crate::limits::OUTPUT_WAITING;
use bytes::Bytes;
use lanyard_shared::msg::Grid;
use tokio::sync::{mpsc, oneshot};

/// Says something to the person, on a line of its own.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Says what went wrong and what to do about it.
pub(crate) fn error(why: &Failure) {
    eprintln!("error: {}", why.sentence());
    if !why.hint().is_empty() {
        eprintln!("hint: {}", why.hint());
    }
}

/// Standard output, written by a thread of its own: a terminal that does not read must not stop the heartbeat.
pub(crate) struct Writer {
    pieces: mpsc::Sender<Bytes>,
    done: oneshot::Receiver<()>,
}

/// Nobody reads standard output any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Writer {
    pub(crate) fn start() -> Self {
        Self::onto(std::io::stdout())
    }

    /// Writes somewhere else.
    pub(crate) fn onto(mut out: impl std::io::Write + Send + 'static) -> Self {
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(OUTPUT_WAITING);
        let (finished, done) = oneshot::channel();
        std::thread::spawn(move || {
            while let Some(piece) = waiting.blocking_recv() {
                if out.write_all(&piece).and_then(|()| out.flush()).is_err() {
                    break;
                }
            }
            drop(waiting);
            let _ = finished.send(());
        });
        Self { pieces, done }
    }

    /// Writes a piece; returns when there is room for more.
    pub(crate) async fn write(&self, piece: impl Into<Bytes>) -> Result<(), Closed> {
        self.pieces.send(piece.into()).await.map_err(|_| Closed)
    }

    /// Shows a short line at the bottom of the screen and leaves the cursor where it is.
    pub(crate) async fn status(&self, line: &str, grid: Grid) -> Result<(), Closed> {
        let line: String = line
            .chars()
            .take(usize::from(grid.cols).saturating_sub(1))
            .collect();
        self.write(format!(
            "\x1b7\x1b[{};1H\x1b[0;2m\x1b[2K{line}\x1b[0m\x1b8",
            grid.rows
        ))
        .await
    }

    /// Returns when everything is written.
    pub(crate) async fn finish(self) {
        drop(self.pieces);
        let _ = self.done.await;
    }
}
