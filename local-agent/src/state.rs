//! What the agent keeps on disk: keys, the relay it belongs to, its devices, the latest time it knew.

use crate::core::Identity;
use crate::core::devices::Devices;
use crate::core::keys::KeyFile;
use lanyard_dial::private_file::{PrivateFileError, private_dir, read_private, write_private};
use lanyard_dial::sabotage::{Guarantee, is_off};
use lanyard_shared::b64;
use lanyard_shared::time::UnixMs;
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The agent's folder.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

/// Which relay this machine belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Its address.
    pub relay: String,
    /// Its certificate, when no authority vouches for it.
    pub fingerprint: Option<b64::Bytes<32>>,
}

/// Why the agent's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// A file holds something else than expected.
    #[error("{0} is damaged")]
    Damaged(PathBuf),
    /// Another agent runs on this folder.
    #[error("another `lanyard up` is running on {0}")]
    Taken(PathBuf),
    /// Neither `--state` nor a home directory.
    #[error("there is no home directory to keep state in")]
    NoHome,
}

impl StateError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::File(error) => error.hint(),
            Self::Damaged(path) => format!(
                "restore it from a backup, or move {} away and enrol again",
                path.display()
            ),
            Self::Taken(_) => {
                "`lanyard status` shows it; `lanyard pair` pairs a device with it".to_owned()
            }
            Self::NoHome => "set HOME, or pass `--state DIR`".to_owned(),
        }
    }
}

/// Holding it keeps a second agent away from the folder.
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl StateDir {
    /// The given folder, or `$XDG_STATE_HOME/lanyard`, or `~/.local/state/lanyard`. Made if need be, for its owner alone.
    ///
    /// # Errors
    /// It cannot be made or is open to others.
    pub fn open(given: Option<PathBuf>) -> Result<Self, StateError> {
        let path = Self::place(given)?;
        private_dir(&path)?;
        Ok(Self(path))
    }

    /// Where [`StateDir::open`] would make or find it, from the root on.
    ///
    /// # Errors
    /// There is no home directory.
    pub fn place(given: Option<PathBuf>) -> Result<PathBuf, StateError> {
        let path = given.or_else(default_path).ok_or(StateError::NoHome)?;
        Ok(std::path::absolute(&path).unwrap_or(path))
    }

    /// Keeps other agents away.
    ///
    /// # Errors
    /// One is here already.
    pub fn lock(&self) -> Result<Lock, StateError> {
        let path = self.0.join("lock");
        let io = |source| PrivateFileError::Io {
            path: path.clone(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StateError::Taken(self.0.clone()))?;
        Ok(Lock(file))
    }

    /// Where the owner's commands find the agent.
    #[must_use]
    pub fn owner_socket(&self) -> PathBuf {
        self.0.join("owner.sock")
    }

    /// Where holders live.
    #[must_use]
    pub fn holders(&self) -> PathBuf {
        self.0.join("holders")
    }

    /// The agent's keys; made at the first start.
    ///
    /// # Errors
    /// The file is open to others or damaged. It is never replaced: the machine would be another.
    pub fn identity(&self, now: UnixMs) -> Result<Identity, StateError> {
        let file = self.read::<KeyFile>(&self.keys())?;
        // A machine whose disk is full must start all the same: what is complete is not written again.
        let is_complete = file.as_ref().is_some_and(KeyFile::is_dated);
        let identity = file.map_or_else(|| Identity::generate(now), |file| file.keys(now));
        if !is_complete {
            self.save_identity(&identity)?;
        }
        Ok(identity)
    }

    /// Saves the agent's keys, as a whole.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_identity(&self, identity: &Identity) -> Result<(), StateError> {
        self.write(&self.keys(), &KeyFile::from(identity))
    }

    fn keys(&self) -> PathBuf {
        self.0.join("identity.key")
    }

    /// The relay this machine belongs to, if any.
    ///
    /// # Errors
    /// The file is open to others or damaged.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, StateError> {
        self.read(&self.0.join("relay.json"))
    }

    /// Remembers the relay.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_enrolment(&self, enrolment: &Enrolment) -> Result<(), StateError> {
        self.write(&self.0.join("relay.json"), enrolment)
    }

    /// The devices.
    ///
    /// # Errors
    /// The file is open to others or damaged.
    pub fn devices(&self) -> Result<Devices, StateError> {
        Ok(self.read(&self.0.join("devices.json"))?.unwrap_or_default())
    }

    /// Saves the devices.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_devices(&self, devices: &Devices) -> Result<(), StateError> {
        if is_off(Guarantee::Durable) && self.0.join("devices.json").exists() {
            return Ok(());
        }
        self.write(&self.0.join("devices.json"), devices)
    }

    /// The latest time this agent knew.
    ///
    /// # Errors
    /// The file is open to others or damaged.
    pub fn high_water(&self) -> Result<UnixMs, StateError> {
        Ok(self.read(&self.0.join("clock.json"))?.unwrap_or_default())
    }

    /// Remembers the time.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_high_water(&self, time: UnixMs) -> Result<(), StateError> {
        self.write(&self.0.join("clock.json"), &time)
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, StateError> {
        let Some(content) = read_private(path)? else {
            return Ok(None);
        };
        let content = Zeroizing::new(content);
        serde_json::from_slice(&content)
            .map(Some)
            .map_err(|_| StateError::Damaged(path.to_owned()))
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), StateError> {
        let content =
            serde_json::to_vec_pretty(value).map_err(|_| StateError::Damaged(path.to_owned()))?;
        Ok(write_private(path, &Zeroizing::new(content))?)
    }
}

fn default_path() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("lanyard"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    #[test]
    fn keys_stay_the_same_and_are_refused_once_others_can_read_them()
    -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let state = StateDir::open(Some(dir.path().join("state")))?;
        let first = state.identity(UnixMs(1))?.agent();
        assert_eq!(state.identity(UnixMs(1))?.agent(), first);
        let path = dir.path().join("state/identity.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
        assert!(matches!(
            state.identity(UnixMs(1)),
            Err(StateError::File(PrivateFileError::OpenToOthers(_)))
        ));
        Ok(())
    }

    #[test]
    fn keys_that_are_complete_are_not_written_at_a_start() -> Result<(), Box<dyn std::error::Error>>
    {
        let dir = tempfile::tempdir()?;
        let state = StateDir::open(Some(dir.path().join("state")))?;
        state.identity(UnixMs(1))?;
        // Every write puts another file there.
        let file = || std::fs::metadata(dir.path().join("state/identity.key")).map(|m| m.ino());
        let before = file()?;
        state.identity(UnixMs(2))?;
        assert_eq!(file()?, before);
        Ok(())
    }

    #[test]
    fn a_damaged_key_file_is_named_and_kept() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let state = StateDir::open(Some(dir.path().join("state")))?;
        let path = dir.path().join("state/identity.key");
        write_private(&path, b"{\"identity\":")?;
        assert!(matches!(
            state.identity(UnixMs(1)),
            Err(StateError::Damaged(_))
        ));
        assert_eq!(
            read_private(&path)?.as_deref(),
            Some(&b"{\"identity\":"[..])
        );
        Ok(())
    }

    #[test]
    fn a_second_agent_on_the_same_folder_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let state = StateDir::open(Some(dir.path().join("state")))?;
        let lock = state.lock()?;
        assert!(matches!(state.lock(), Err(StateError::Taken(_))));
        drop(lock);
        assert!(state.lock().is_ok());
        Ok(())
    }
}
