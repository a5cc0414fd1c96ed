//! What a consumer holds of one attached terminal.

use super::engine::Command;
use super::gone;
use crate::core::{HandleId, TerminalEvent};
use crate::failure::Failure;
use bytes::Bytes;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::limits::STREAM_WINDOW;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::OUTPUT_OVERHEAD;
use tokio::sync::{mpsc, oneshot};

/// One attached terminal. Dropping it lets the terminal go; its program runs on.
///
/// Output not taken with [`TerminalHandle::next`] holds back the stream: at most 512 KiB wait here.
#[derive(Debug)]
pub struct TerminalHandle {
    terminal: TerminalId,
    keyboard: Keyboard,
    events: mpsc::UnboundedReceiver<TerminalEvent>,
    /// Payload of output that was handed out and not yet reported as consumed.
    used: u32,
}

impl TerminalHandle {
    pub(super) fn new(
        terminal: TerminalId,
        keyboard: Keyboard,
        events: mpsc::UnboundedReceiver<TerminalEvent>,
    ) -> Self {
        Self {
            terminal,
            keyboard,
            events,
            used: 0,
        }
    }

    /// Which terminal.
    #[must_use]
    pub fn terminal(&self) -> TerminalId {
        self.terminal
    }

    /// The next thing that happened. `None` when the viewer is over. What was handed out before counts as consumed. Nothing is lost when
    /// the future is dropped.
    pub async fn next(&mut self) -> Option<TerminalEvent> {
        if self.used >= STREAM_WINDOW / 16 {
            let payload = std::mem::take(&mut self.used);
            self.keyboard
                .send(Command::Consumed {
                    handle: self.keyboard.handle,
                    payload,
                })
                .ok()?;
        }
        let event = self.events.recv().await?;
        if let TerminalEvent::Output { bytes, .. } = &event {
            self.used += u32::try_from(bytes.len() + OUTPUT_OVERHEAD).unwrap_or(u32::MAX);
        }
        Some(event)
    }

    /// The typing side, to be used beside [`TerminalHandle::next`].
    #[must_use]
    pub fn keyboard(&self) -> Keyboard {
        self.keyboard.clone()
    }

    /// See [`Keyboard::type_bytes`].
    ///
    /// # Errors
    /// The viewer is closed.
    pub async fn type_bytes(&self, bytes: impl Into<Bytes> + Send) -> Result<(), Failure> {
        self.keyboard.type_bytes(bytes).await
    }

    /// See [`Keyboard::resize`].
    ///
    /// # Errors
    /// The viewer is closed.
    pub fn resize(&self, grid: Grid) -> Result<(), Failure> {
        self.keyboard.resize(grid)
    }

    /// See [`Keyboard::take_over`].
    ///
    /// # Errors
    /// The viewer is closed.
    pub fn take_over(&self) -> Result<(), Failure> {
        self.keyboard.take_over()
    }

    /// Lets the terminal go.
    pub fn close(self) {}
}

impl Drop for TerminalHandle {
    fn drop(&mut self) {
        // Without the task there is nothing to let go of.
        let _ = self.keyboard.send(Command::Release(self.keyboard.handle));
    }
}

/// The typing side of a [`TerminalHandle`]. It does nothing once the handle is gone.
#[derive(Clone, Debug)]
pub struct Keyboard {
    handle: HandleId,
    commands: mpsc::UnboundedSender<Command>,
}

impl Keyboard {
    pub(super) fn new(handle: HandleId, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { handle, commands }
    }

    /// Types. Returns when there is room for more: at once, unless 256 KiB wait to be applied. What cannot be applied comes back as
    /// [`TerminalEvent::Unsent`].
    ///
    /// # Errors
    /// The viewer is closed.
    pub async fn type_bytes(&self, bytes: impl Into<Bytes> + Send) -> Result<(), Failure> {
        let (room, has_room) = oneshot::channel();
        self.send(Command::Type {
            handle: self.handle,
            bytes: bytes.into(),
            room,
        })?;
        has_room.await.map_err(|_| gone())
    }

    /// The viewer's screen has this size now: 1 to 1000 columns and rows. The terminal follows while this viewer drives.
    ///
    /// # Errors
    /// The viewer is closed.
    pub fn resize(&self, grid: Grid) -> Result<(), Failure> {
        self.send(Command::Resize {
            handle: self.handle,
            grid,
        })
    }

    /// Drives from now on, whoever drove before.
    ///
    /// # Errors
    /// The viewer is closed.
    pub fn take_over(&self) -> Result<(), Failure> {
        self.send(Command::TakeOver(self.handle))
    }

    fn send(&self, command: Command) -> Result<(), Failure> {
        self.commands.send(command).map_err(|_| gone())
    }
}
