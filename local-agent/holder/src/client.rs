//! The other end of a holder's socket, and how to find holders again after a restart.

use std::io;
use std::path::{Path, PathBuf};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::clock;
use crate::config::{META, Meta, SOCKET};
use crate::id::TerminalId;
use crate::limits;
use crate::wire::{
    Decoder, FromClient, FromHolder, Kind, Message, OLDEST, Refusal, VERSION, Welcome, WireError,
};

/// Faults of a connection to a holder.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there: the holder is gone.
    #[error("nobody holds this terminal any more")]
    Gone,
    /// The holder answered with a refusal.
    #[error("the holder refused: {sentence}")]
    Refused {
        /// Which fault.
        code: Refusal,
        /// The same for people.
        sentence: String,
    },
    /// The holder's bytes make no sense.
    #[error("the holder sent nonsense: {0}")]
    Wire(#[from] WireError),
    /// The holder spoke out of turn.
    #[error("the holder did not say welcome")]
    NoWelcome,
    /// The connection failed.
    #[error("connection to the holder: {0}")]
    Io(#[from] io::Error),
}

/// A connection to a holder, past its welcome.
pub struct HolderConn {
    /// The state of the terminal at the moment of connecting.
    pub welcome: Welcome,
    reader: HolderReader,
    writer: HolderWriter,
}

impl HolderConn {
    /// Connects and says hello, in the newest version that both sides speak. A watcher must then grant credit with
    /// [`FromClient::Credit`] to get anything.
    pub async fn connect(socket: &Path, kind: Kind) -> Result<Self, ClientError> {
        let mut version = VERSION;
        loop {
            match Self::connect_as(version, socket, kind).await {
                Err(ClientError::Refused {
                    code: Refusal::Version,
                    ..
                }) if version > OLDEST => version -= 1,
                outcome => return outcome,
            }
        }
    }

    async fn connect_as(version: u16, socket: &Path, kind: Kind) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(socket).await.map_err(|error| {
            if is_nobody(&error) {
                ClientError::Gone
            } else {
                ClientError::Io(error)
            }
        })?;
        let (read, write) = stream.into_split();
        let mut reader = HolderReader {
            stream: read,
            decoder: Decoder::default(),
        };
        let mut writer = HolderWriter {
            stream: write,
            unsent: BytesMut::new(),
            version,
        };
        let hello = FromClient::Hello { version, kind };
        match writer.send(&hello).await {
            // A holder that refuses may have closed before this was written; what it said is there to be read.
            Ok(()) | Err(ClientError::Gone) => {}
            Err(error) => return Err(error),
        }
        match reader.recv().await? {
            Some(FromHolder::Welcome(welcome)) => Ok(Self {
                welcome,
                reader,
                writer,
            }),
            Some(FromHolder::Refused { code, sentence }) => {
                Err(ClientError::Refused { code, sentence })
            }
            None => Err(ClientError::Gone),
            Some(
                FromHolder::Snapshot { .. }
                | FromHolder::SnapshotChunk(_)
                | FromHolder::Output { .. }
                | FromHolder::Size { .. }
                | FromHolder::Title(_)
                | FromHolder::Exit(_)
                | FromHolder::Applied { .. },
            ) => Err(ClientError::NoWelcome),
        }
    }

    /// See [`HolderReader::recv`].
    pub async fn recv(&mut self) -> Result<Option<FromHolder>, ClientError> {
        self.reader.recv().await
    }

    /// See [`HolderWriter::send`].
    pub async fn send(&mut self, message: &FromClient) -> Result<(), ClientError> {
        self.writer.send(message).await
    }

    /// Both directions, to be used by different tasks.
    pub fn split(self) -> (Welcome, HolderReader, HolderWriter) {
        (self.welcome, self.reader, self.writer)
    }
}

/// The receiving half.
pub struct HolderReader {
    stream: OwnedReadHalf,
    decoder: Decoder<FromHolder>,
}

impl HolderReader {
    /// The next message; `None` when the holder closed the connection. May be dropped and called again without loss.
    pub async fn recv(&mut self) -> Result<Option<FromHolder>, ClientError> {
        loop {
            if let Some(message) = self.decoder.next()? {
                return Ok(Some(message));
            }
            let buffer = self.decoder.buffer();
            buffer.reserve(limits::CLIENT_READ_BYTES);
            match self.stream.read_buf(buffer).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The sending half.
pub struct HolderWriter {
    stream: OwnedWriteHalf,
    unsent: BytesMut,
    version: u16,
}

impl HolderWriter {
    /// Sends a message; one that the holder is too old to know is left out. A call that is dropped half-way leaves its message to be sent, in order, by the next call or by [`HolderWriter::flush`].
    pub async fn send(&mut self, message: &FromClient) -> Result<(), ClientError> {
        if message.since() <= self.version {
            message.encode(&mut self.unsent);
        }
        self.flush().await
    }

    /// Sends what is left of messages whose `send` was dropped.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        while self.unsent.has_remaining() {
            self.stream
                .write_buf(&mut self.unsent)
                .await
                .map_err(|error| {
                    let is_gone = matches!(
                        error.kind(),
                        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
                    );
                    if is_gone {
                        ClientError::Gone
                    } else {
                        ClientError::Io(error)
                    }
                })?;
        }
        Ok(())
    }
}

/// A living holder found by [`list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it says about itself.
    pub meta: Meta,
    /// Where it listens.
    pub socket: PathBuf,
}

/// All living holders under `dir`, oldest first. Directories where nobody listens any more are removed. A missing `dir` is empty.
///
/// A holder's directory appears under its name only once the holder listens, so one that is just starting is never taken for dead.
pub async fn list(dir: &Path) -> io::Result<Vec<Found>> {
    let mut entries = match tokio::fs::read_dir(dir).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let half_made = name.strip_prefix(HALF_MADE_PREFIX);
        let Ok(id) = half_made.unwrap_or(name).parse::<TerminalId>() else {
            continue;
        };
        let socket = entry.path().join(SOCKET);
        if is_listening(&socket).await? {
            if half_made.is_none()
                && let Some(meta) = read_meta(&entry.path().join(META), id).await
            {
                found.push(Found { meta, socket });
            }
        } else if half_made.is_none() || is_old(&entry).await {
            remove(&entry.path()).await?;
        }
    }
    found.sort_by_key(|found| (found.meta.started, found.meta.id));
    Ok(found)
}

/// Gives a holder another name for people: [`list`] finds it under that from now on. The holder itself never reads what it has written there.
///
/// # Errors
/// There is no such holder, or its directory cannot be written.
pub fn rename(dir: &Path, id: TerminalId, name: &str) -> io::Result<()> {
    let path = dir.join(id.to_string()).join(META);
    let mut meta: Meta = serde_json::from_slice(&std::fs::read(&path)?)?;
    name.clone_into(&mut meta.name);
    // Written beside the holder's directory and moved into it whole: a holder that leaves takes away no more than what it made.
    let fresh = dir.join(format!(".meta-{id}"));
    std::fs::write(&fresh, serde_json::to_vec(&meta)?)
        .and_then(|()| std::fs::rename(&fresh, &path))
        .inspect_err(|_| drop(std::fs::remove_file(&fresh)))
}

/// Before the name of a directory whose holder does not listen yet.
pub(crate) const HALF_MADE_PREFIX: &str = ".new-";

async fn is_listening(socket: &Path) -> io::Result<bool> {
    match UnixStream::connect(socket).await {
        Ok(_) => Ok(true),
        Err(error) if is_nobody(&error) => Ok(false),
        // A full queue of connections: somebody is there.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
    )
}

async fn remove(directory: &Path) -> io::Result<()> {
    match tokio::fs::remove_dir_all(directory).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn is_old(entry: &tokio::fs::DirEntry) -> bool {
    let modified = entry
        .metadata()
        .await
        .and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| clock::age(modified) > Some(limits::HALF_MADE))
}

async fn read_meta(path: &Path, id: TerminalId) -> Option<Meta> {
    let mut text = Vec::new();
    let file = tokio::fs::File::open(path).await.ok()?;
    file.take(limits::META_BYTES)
        .read_to_end(&mut text)
        .await
        .ok()?;
    let meta: Meta = serde_json::from_slice(&text).ok()?;
    (meta.id == id).then_some(meta)
}
