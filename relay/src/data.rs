//! The data directory: whose it is, what is in it, and that only one server uses it at a time.

use crate::trouble::Trouble;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

/// The relay's directory.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Held by the one server of a directory; the kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
}

impl DataDir {
    /// The directory that was asked for, else `$XDG_STATE_HOME/lanyard-relay`, else `~/.local/state/lanyard-relay`.
    ///
    /// # Errors
    /// Nothing says where it should be.
    pub fn resolve(asked: Option<PathBuf>) -> Result<Self, Trouble> {
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        asked
            .or_else(|| absolute("XDG_STATE_HOME").map(|state| state.join("lanyard-relay")))
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state/lanyard-relay")))
            .map(Self)
            .ok_or_else(|| {
                Trouble::new("there is no home directory to keep data in").hint("pass --data DIR")
            })
    }

    /// Creates the directory for the owner alone, and refuses one that belongs to or is open to others.
    ///
    /// # Errors
    /// It cannot be created, or others could use it.
    pub fn create(&self) -> Result<(), Trouble> {
        let dir = self.0.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(|error| {
                Trouble::new(format!("cannot create the data directory {dir}: {error}"))
                    .hint("check that the disk can be written, or pass another --data DIR")
            })?;
        let meta = std::fs::metadata(&self.0).map_err(|error| {
            Trouble::new(format!("cannot look at the data directory {dir}: {error}"))
        })?;
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(
                Trouble::new(format!("the data directory {dir} belongs to another user"))
                    .hint("run the relay as that user, or pass another --data DIR")
                    .lasting(true),
            );
        }
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(
                Trouble::new(format!("the data directory {dir} is open to other users"))
                    .hint(format!("run `chmod 700 {dir}`"))
                    .lasting(true),
            );
        }
        Ok(())
    }

    /// Takes the directory for this process.
    ///
    /// # Errors
    /// Another server has it.
    pub fn lock(&self) -> Result<ServerLock, Trouble> {
        let path = self.0.join("lock");
        let failed = |error: std::io::Error| {
            Trouble::new(format!("cannot lock {}: {error}", path.display()))
                .hint("check that the disk can be written, and the folder's permissions")
        };
        if std::fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Trouble::new(format!("{} is not a file", path.display()))
                .hint("move it away")
                .lasting(true));
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(ServerLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Trouble::new(format!(
                "another relay is running on {}",
                self.0.display()
            ))
            .hint("stop it first, or pass another --data DIR")),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("relay.db")
    }

    /// The operator's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("operator.sock")
    }

    /// The certificate made on first start.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.join("tls-cert.pem")
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.join("tls-key.pem")
    }
}

impl From<PathBuf> for DataDir {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}
