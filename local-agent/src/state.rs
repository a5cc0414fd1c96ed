//! What the agent keeps on disk: keys, the relay it belongs to, its devices, the latest time it knew.

mod aside;
mod sealed;
mod table;

pub use aside::Finding;

use crate::audit::read::AuditError;
use crate::core::Identity;
use crate::core::keys::KeyFile;
use crate::policy::trust::Trust;
use lanyard_dial::private_file::{PrivateFileError, private_dir, read_private, write_private};
use lanyard_shared::b64;
use lanyard_shared::time::UnixMs;
use rustix::fs::{FlockOperation, OFlags, flock};
use sealed::Unread;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
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
    /// A file holds something else than was written to it.
    #[error("{0} is damaged")]
    Damaged(PathBuf),
    /// A file is whole and of a later version.
    #[error("{0} was written by a later version of lanyard")]
    Later(PathBuf),
    /// The machine has joined a relay by keys that are not there.
    #[error("{0} is missing, though this machine has joined a relay by it")]
    KeysGone(PathBuf),
    /// Another agent runs on this folder.
    #[error("another `lanyard up` is running on {0}")]
    Taken(PathBuf),
    /// The audit log cannot be read or written.
    #[error("the audit log cannot be used: {0}")]
    Audit(#[source] AuditError),
    /// Neither `--state` nor a home directory.
    #[error("there is no home directory to keep state in")]
    NoHome,
}

impl StateError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::File(PrivateFileError::NotOurs(path)) | Self::Damaged(path)
                if path.ends_with(KEYS) =>
            {
                let path = path.display();
                format!(
                    "restore it from a backup; or join anew as another machine: `mv {path} {path}.broken`, then `lanyard up --enrol CODE` with a code of `lanyard-relay enrol`, and pair every device again"
                )
            }
            Self::KeysGone(_) => "restore it from a backup; or join anew as another machine with `lanyard up --enrol CODE`, with a code of `lanyard-relay enrol`, and pair every device again".to_owned(),
            Self::File(PrivateFileError::NotOurs(path)) | Self::Damaged(path)
                if path.ends_with(ENROLMENT) =>
            {
                "restore it from a backup; or run `lanyard up --enrol CODE` with a code of `lanyard-relay enrol`: the machine and its devices stay the same".to_owned()
            }
            Self::File(error) => error.hint(),
            Self::Damaged(path) => format!("restore {} from a backup", path.display()),
            Self::Later(_) => "run that version, or a later one".to_owned(),
            Self::Taken(_) => {
                "`lanyard status` shows it; `lanyard pair` pairs a device with it".to_owned()
            }
            Self::Audit(_) => "check the disk and the folder's permissions".to_owned(),
            Self::NoHome => "set HOME, or pass `--state DIR`".to_owned(),
        }
    }

    /// Whether it stays so until a person does something: starting again is of no use.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::File(PrivateFileError::Io { source, .. }) => matches!(
                source.kind(),
                ErrorKind::PermissionDenied | ErrorKind::IsADirectory | ErrorKind::NotADirectory
            ),
            Self::File(
                PrivateFileError::OpenToOthers(_)
                | PrivateFileError::ForeignOwner(_)
                | PrivateFileError::NotOurs(_),
            )
            | Self::Damaged(_)
            | Self::Later(_)
            | Self::KeysGone(_)
            | Self::NoHome => true,
            // The disk may be mended, and the other one may leave.
            Self::Audit(_) => false,
            Self::Taken(_) => false,
        }
    }

    /// Whether something lies there that is not what was written.
    fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged(_) | Self::File(PrivateFileError::NotOurs(_))
        )
    }
}

const KEYS: &str = "identity.key";
const ENROLMENT: &str = "relay.json";
const TRUST: &str = "trust.json";

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

    /// The folder that [`StateDir::open`] would open, if it is there.
    ///
    /// # Errors
    /// As there.
    pub fn find(given: Option<PathBuf>) -> Result<Option<Self>, StateError> {
        let path = Self::place(given)?;
        if !path.exists() {
            return Ok(None);
        }
        Self::open(Some(path)).map(Some)
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
        if std::fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(PrivateFileError::NotOurs(path).into());
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(io)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StateError::Taken(self.0.clone()))?;
        // Nobody else writes here from now on.
        self.clear_half_written();
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

    /// Where what terminals have printed is kept.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.0.join("history")
    }

    /// What was asked, answered and done.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.0.join("audit")
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

    /// The agent's keys, if they are there and can be read; nothing is made.
    #[must_use]
    pub fn known_identity(&self, now: UnixMs) -> Option<Identity> {
        let file = self.read::<KeyFile>(&self.keys()).ok()??;
        Some(file.keys(now))
    }

    /// Saves the agent's keys, as a whole.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_identity(&self, identity: &Identity) -> Result<(), StateError> {
        self.write(&self.keys(), &KeyFile::from(identity))
    }

    fn keys(&self) -> PathBuf {
        self.0.join(KEYS)
    }

    /// The relay this machine belongs to, if any.
    ///
    /// # Errors
    /// The file is open to others or damaged; or it is there, and the keys by which the machine joined are not.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, StateError> {
        let path = self.0.join(ENROLMENT);
        if std::fs::symlink_metadata(&path).is_ok()
            && std::fs::symlink_metadata(self.keys()).is_err()
        {
            return Err(StateError::KeysGone(self.keys()));
        }
        // Plain JSON: scripts read it too, and what a flipped bit makes of it is an address without a relay or a relay without its certificate.
        let Some(content) = read_private(&path)? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&content);
        read.map(Some).map_err(|_| StateError::Damaged(path))
    }

    /// Remembers the relay. What cannot be read any more is kept.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_enrolment(&self, enrolment: &Enrolment, now: UnixMs) -> Result<(), StateError> {
        let path = self.0.join(ENROLMENT);
        if matches!(self.enrolment(), Err(error) if error.is_damage()) {
            self.keep_aside(&path, now)?;
        }
        let content =
            serde_json::to_vec_pretty(enrolment).map_err(|_| StateError::Damaged(path.clone()))?;
        Ok(write_private(&path, &content)?)
    }

    /// Which folders are trusted. Of what cannot be read nothing is.
    #[must_use]
    pub fn trust(&self) -> Trust {
        let read = self.read(&self.0.join(TRUST));
        read.unwrap_or_else(|error| {
            tracing::warn!(%error, "which folders are trusted is not known");
            None
        })
        .unwrap_or_default()
    }

    /// Writes them down. What cannot be read any more is kept.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_trust(&self, trust: &Trust, now: UnixMs) -> Result<(), StateError> {
        let path = self.0.join(TRUST);
        if matches!(self.read::<Trust>(&path), Err(error) if error.is_damage()) {
            self.keep_aside(&path, now)?;
        }
        self.write(&path, trust)
    }

    /// The latest time this agent knew; `None` when that is not known, and what was wrong with the file.
    ///
    /// # Errors
    /// The file is open to others or of a later version; it is damaged and cannot be moved away.
    pub fn high_water(&self, now: UnixMs) -> Result<(Option<UnixMs>, Option<Finding>), StateError> {
        let path = self.0.join("clock.json");
        match self.read(&path) {
            Ok(time) => Ok((time, None)),
            Err(error) if error.is_damage() => {
                let aside = self.put_aside(&path, now)?;
                let (path, aside) = (path.display(), aside.display());
                let sentence = format!(
                    "{path} is damaged: the latest time that was known is taken from keys and devices; it is kept as {aside}"
                );
                let hint = "`lanyard clock` shows what is known of the time".to_owned();
                Ok((None, Some(Finding { sentence, hint })))
            }
            Err(error) => Err(error),
        }
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
        sealed::open(&content)
            .map(Some)
            .map_err(|unread| match unread {
                Unread::Damaged => StateError::Damaged(path.to_owned()),
                Unread::Later => StateError::Later(path.to_owned()),
            })
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), StateError> {
        let content = sealed::seal(value).map_err(|_| StateError::Damaged(path.to_owned()))?;
        Ok(write_private(path, &content)?)
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
