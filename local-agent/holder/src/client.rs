//! The other end of a holder's socket, and how to find holders again after a restart.

mod list;

pub(crate) use list::HALF_MADE_PREFIX;
pub use list::{Found, Listing, Odd, Oddity, list, rename};

use std::io;
use std::path::Path;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::wire::{
    Decoder, FromClient, FromHolder, Kind, Message, OLDEST, Refusal, VERSION, Welcome, WireError,
};
use crate::{limits, socket};

/// Faults of a connection to a holder.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there: the holder is gone.
    #[error("nobody holds this terminal any more")]
    Gone,
    /// Somebody else listens there.
    #[error("another user listens there")]
    Foreign,
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
        if !socket::is_own_user(&stream) {
            return Err(ClientError::Foreign);
        }
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

/// Whether an attempt to connect says that nobody listens there.
fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
    )
}
