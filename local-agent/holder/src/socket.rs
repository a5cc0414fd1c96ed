//! The place where a holder is found: a directory of its own (0700) with a socket (0600), gone again when the holder leaves.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::client::HALF_MADE_PREFIX;
use crate::config::{HolderConfig, META, Meta, SOCKET};
use crate::error::HolderError;
use crate::limits;

/// The directory; removed when dropped.
pub(crate) struct Place {
    path: PathBuf,
    removed: bool,
}

impl Place {
    /// Makes the directory under a preliminary name and listens in it. Nobody looks for it there, so a holder found under
    /// its right name always listens.
    pub(crate) fn prepare(config: &HolderConfig) -> Result<(Self, UnixListener), HolderError> {
        if !config.dir.is_absolute() {
            return Err(HolderError::DirNotAbsolute(config.dir.clone()));
        }
        let path = config.dir.join(format!("{HALF_MADE_PREFIX}{}", config.id));
        let socket = path.join(SOCKET);
        if socket.as_os_str().len() > limits::SOCKET_PATH_BYTES {
            return Err(HolderError::SocketPathTooLong(socket));
        }
        private_dir(&config.dir, true)?;
        private_dir(&path, false)?;
        let place = Self {
            path,
            removed: false,
        };
        let listener = UnixListener::bind(&socket).map_err(not_made(&socket))?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(not_made(&socket))?;
        Ok((place, listener))
    }

    /// Writes `meta.json` and takes the right name.
    pub(crate) fn publish(&mut self, meta: &Meta) -> Result<(), HolderError> {
        let file = self.path.join(META);
        let json = serde_json::to_vec(meta).map_err(|error| not_made(&file)(error.into()))?;
        fs::write(&file, json).map_err(not_made(&file))?;
        let name = self.path.with_file_name(meta.id.to_string());
        // Renaming takes the place of an empty directory, but never of one in which a holder is or was.
        fs::rename(&self.path, &name).map_err(|error| {
            let is_held = matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            );
            if is_held {
                HolderError::AlreadyHeld(name.clone())
            } else {
                not_made(&name)(error)
            }
        })?;
        self.path = name;
        Ok(())
    }

    /// Takes the directory away now, and only once: somebody else may have it next.
    pub(crate) fn remove(&mut self) {
        if std::mem::replace(&mut self.removed, true) {
            return;
        }
        // Only the names a holder makes; a directory with anything else in it is not ours to remove.
        for name in [SOCKET, META] {
            let _ = fs::remove_file(self.path.join(name));
        }
        let _ = fs::remove_dir(&self.path);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Whether the process at the other end runs as the same user. The mode of the directory says the same; this holds even where it was changed.
pub(crate) fn is_own_user(stream: &UnixStream) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| may_connect(peer.uid(), rustix::process::geteuid().as_raw()))
}

fn may_connect(peer: u32, own: u32) -> bool {
    peer == own
}

fn private_dir(path: &Path, may_exist: bool) -> Result<(), HolderError> {
    match DirBuilder::new()
        .recursive(may_exist)
        .mode(0o700)
        .create(path)
    {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(HolderError::AlreadyHeld(path.to_owned()))
        }
        other => other.map_err(not_made(path)),
    }
}

fn not_made(path: &Path) -> impl Fn(io::Error) -> HolderError {
    move |source| HolderError::NotMade {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_user_may_not_connect_not_even_root() {
        assert!(may_connect(1000, 1000));
        assert!(!may_connect(1001, 1000));
        assert!(!may_connect(0, 1000));
        assert!(!may_connect(1000, 0));
    }
}
