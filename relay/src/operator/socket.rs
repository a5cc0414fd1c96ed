//! The operator's socket: a Unix socket in the data directory, for the user who runs the relay. One JSON line asks, one answers.

use super::{Answer, perform};
use crate::clock;
use crate::limits::{OPERATOR_LINE, OPERATOR_TIME, OUT_OF_DESCRIPTORS};
use crate::state::State;
use crate::trouble::Trouble;
use std::fs::Permissions;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use zeroize::Zeroizing;

/// The socket's server.
pub struct Operator {
    socket: UnixListener,
    _path: RemovedOnDrop,
    state: Arc<State>,
}

struct RemovedOnDrop(PathBuf);

impl Operator {
    /// Opens the socket. The data directory is locked, so one that is there already is left over; what is none is moved away.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn bind(path: &Path, state: Arc<State>) -> Result<Self, Trouble> {
        let bind = || {
            make_way(path)?;
            // The directory is closed to others, so there is no moment at which they could connect.
            let socket = UnixListener::bind(path)?;
            std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            Ok(socket)
        };
        let socket = bind().map_err(|error: std::io::Error| {
            Trouble::new(format!(
                "cannot open the operator's socket {}: {error}",
                path.display()
            ))
            .hint("check the folder; a socket's path may have 107 characters: pass a shorter --data DIR if it has more")
        })?;
        Ok(Self {
            socket,
            _path: RemovedOnDrop(path.to_owned()),
            state,
        })
    }

    /// Answers for ever.
    pub async fn run(self) {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    let state = Arc::clone(&self.state);
                    tokio::spawn(tokio::time::timeout(OPERATOR_TIME, answer(stream, state)));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept on the operator's socket failed");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }
}

impl Drop for RemovedOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn make_way(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(format!(".broken-{}", clock::unix().secs()));
            std::fs::rename(path, &aside)?;
            tracing::warn!(kept = %aside.display(), "in the place of the operator's socket was something else, which is kept");
            Ok(())
        }
    }
}

async fn answer(mut stream: UnixStream, state: Arc<State>) -> std::io::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    let theirs = stream.peer_cred()?.uid();
    if theirs != ours {
        tracing::warn!(uid = theirs, "another user on the operator's socket");
        return Ok(());
    }
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(read.take(OPERATOR_LINE))
        .read_line(&mut line)
        .await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => perform(&state, request).await,
        Err(_) => Err(Trouble::new("the relay does not understand this request")
            .hint("use the same version of lanyard-relay")),
    };
    let answer = answer.unwrap_or_else(|trouble| Answer::from(&trouble));
    // It may hold a code or a token.
    let mut text = Zeroizing::new(serde_json::to_vec(&answer)?);
    text.push(b'\n');
    write.write_all(&text).await
}
