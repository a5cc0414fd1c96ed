//! A terminal at the end of either path, as a figure drives it: bytes in, bytes out.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use lanyard_client::TerminalEvent;
use lanyard_client::client::TerminalHandle;
use lanyard_tests::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// What is read at once where we read ourselves.
const READ: usize = 64 * 1024;

/// One terminal.
pub trait Terminal {
    /// Types.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<()>>;

    /// Waits for output.
    fn read(&mut self) -> impl Future<Output = Result<Bytes>>;
}

/// Makes the shell hand over to `command` on a raw terminal that echoes nothing; returns once it has. A command
/// that writes by itself must wait for a line first.
///
/// # Errors
/// The shell does not answer.
pub async fn hand_over(terminal: &mut impl Terminal, command: &str) -> Result<()> {
    // The words that are waited for do not stand in what is typed.
    let typed = format!("stty raw -echo; printf 're%s\\n' ady; {command}\n");
    terminal.write(typed.as_bytes()).await?;
    let mut seen = Vec::new();
    while !seen.ends_with(b"ready\n") {
        let read = timeout(PATIENCE, terminal.read()).await;
        let said = || {
            let last = String::from_utf8_lossy(&seen[seen.len().saturating_sub(200)..]);
            format!(
                "the shell did not get ready; it said {}",
                last.escape_debug()
            )
        };
        let bytes = read.with_context(said)??;
        seen.extend_from_slice(&bytes);
    }
    Ok(())
}

/// A terminal of ours, through viewer, relay, agent and holder.
pub struct Ours {
    /// The viewer's end.
    pub handle: TerminalHandle,
    /// A picture has come; another would mean that output was left out.
    begun: bool,
}

impl Ours {
    /// Drives or watches by this handle.
    #[must_use]
    pub fn new(handle: TerminalHandle) -> Self {
        Self {
            handle,
            begun: false,
        }
    }
}

impl Terminal for Ours {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.handle
            .type_bytes(bytes.to_vec())
            .await
            .map_err(lanyard_tests::viewer::plain)
    }

    async fn read(&mut self) -> Result<Bytes> {
        loop {
            match self.handle.next().await.context("the viewer is over")? {
                TerminalEvent::Output { bytes, .. } => return Ok(bytes),
                TerminalEvent::Snapshot { bytes, .. } => {
                    if std::mem::replace(&mut self.begun, true) {
                        bail!("output was left out");
                    }
                    return Ok(bytes);
                }
                TerminalEvent::Ended(why) => bail!("the terminal ended: {why:?}"),
                TerminalEvent::Size(_)
                | TerminalEvent::At(_)
                | TerminalEvent::Exit(_)
                | TerminalEvent::Interrupted(_)
                | TerminalEvent::Resumed
                | TerminalEvent::Input(_)
                | TerminalEvent::Renewed { .. }
                | TerminalEvent::Unsent { .. } => {}
            }
        }
    }
}

/// A terminal through the floor.
pub struct Floor {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Floor {
    /// The far end of this stream is a PTY.
    #[must_use]
    pub fn new(stream: TlsStream<TcpStream>) -> Self {
        Self {
            stream,
            buffer: vec![0; READ],
        }
    }
}

impl Terminal for Floor {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn read(&mut self) -> Result<Bytes> {
        match self.stream.read(&mut self.buffer).await? {
            0 => bail!("the floor has gone"),
            count => Ok(Bytes::copy_from_slice(&self.buffer[..count])),
        }
    }
}

/// A PTY with nothing between it and us.
pub struct Bare {
    pty: pty_process::Pty,
    buffer: Vec<u8>,
    _shell: tokio::process::Child,
}

impl Bare {
    /// A shell on a fresh PTY.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start() -> Result<Self> {
        let (pty, pts) = pty_process::open()?;
        pty.resize(pty_process::Size::new(24, 80))?;
        let shell = pty_process::Command::new("/bin/bash")
            .args(["--norc"])
            .kill_on_drop(true)
            .spawn(pts)?;
        Ok(Self {
            pty,
            buffer: vec![0; READ],
            _shell: shell,
        })
    }
}

impl Terminal for Bare {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.pty.write_all(bytes).await?)
    }

    async fn read(&mut self) -> Result<Bytes> {
        match self.pty.read(&mut self.buffer).await? {
            0 => bail!("the shell has gone"),
            count => Ok(Bytes::copy_from_slice(&self.buffer[..count])),
        }
    }
}
