//! This side's terminal: raw while attached, restored whatever happens.

use crate::limits::{KEYS_WAITING, ROWS_MAX};
use lanyard_shared::limits::GRID_MAX;
use lanyard_shared::msg::Grid;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::Read as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Without a terminal to ask.
const DEFAULT: Grid = Grid { cols: 80, rows: 24 };

/// Makes the screen as good as new, for a snapshot. No full reset: that would take the person's own scrollback.
pub(super) const RESET: &str = concat!(
    "\x1b[?1047l\x1b[!p\x1b[?6l\x1b[r\x1b[?7h\x1b[4l\x1b[20l\x1b[m\x1b(B\x1b)B\x0f\x1b[?5W",
    "\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?2004l",
    "\x1b[?1l\x1b>\x1b[?5l\x1b[?25h\x1b[H\x1b[2J",
);

/// Takes back what a program may have asked of the terminal, and leaves the cursor where it is.
pub(super) const LEAVE: &str = concat!(
    "\x1b[?1047l\x1b[!p\x1b[?7h\x1b[m\x1b(B\x0f",
    "\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?2004l",
    "\x1b[?1l\x1b>\x1b[?5l\x1b[?25h\r\n",
);

/// True when a person can be served: both standard input and output are a terminal.
pub(super) fn is_terminal() -> bool {
    isatty(stdin()) && is_output_terminal()
}

pub(super) fn is_output_terminal() -> bool {
    isatty(stdout())
}

/// The size of this side's terminal, within what a terminal may have.
pub(super) fn grid() -> Grid {
    let Ok(size) = tcgetwinsize(stdout()) else {
        return DEFAULT;
    };
    if size.ws_col == 0 || size.ws_row == 0 {
        return DEFAULT;
    }
    Grid {
        cols: size.ws_col.min(GRID_MAX),
        rows: size.ws_row.min(ROWS_MAX),
    }
}

/// How a device calls itself that was given no name.
pub(super) fn device_name() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("attach on {host}")
}

/// Raw mode. Dropping it restores the terminal, also while a panic unwinds.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    pub fn enter() -> std::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Drain, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to restore.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Keys as they are pressed. Read by a thread of its own, because a terminal must not be made non-blocking: others share it.
pub(super) fn keys() -> mpsc::Receiver<Vec<u8>> {
    let (keys, pressed) = mpsc::channel(KEYS_WAITING);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut input = std::io::stdin().lock();
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if keys.blocking_send(buffer[..length].to_vec()).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    });
    pressed
}

/// What the system told this process.
pub(super) enum SignalEvent {
    Resized,
    /// The signal with this number wants an end.
    Ended(u8),
}

/// Signals that matter while attached.
pub(super) struct Signals {
    resized: Signal,
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl Signals {
    pub fn watch() -> std::io::Result<Self> {
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub async fn next(&mut self) -> SignalEvent {
        tokio::select! {
            _ = self.resized.recv() => SignalEvent::Resized,
            _ = self.hangup.recv() => SignalEvent::Ended(1),
            _ = self.interrupt.recv() => SignalEvent::Ended(2),
            _ = self.quit.recv() => SignalEvent::Ended(3),
            _ = self.terminate.recv() => SignalEvent::Ended(15),
        }
    }
}
