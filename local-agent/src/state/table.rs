//! The file of devices, and its copy.
//!
//! Who is admitted, who was ended and whether the machine is locked must never be a guess. So every change is written twice, the copy
//! first, and nothing is said of it before both are on disk: whatever was said to have ended has ended in the copy too. Where both are
//! damaged nobody is admitted, the machine is locked, and no epoch of before comes again.

use super::aside::Finding;
use super::{StateDir, StateError};
use crate::core::devices::Devices;
use lanyard_dial::private_file::PrivateFileError;
use lanyard_dial::sabotage::{Guarantee, is_off};
use lanyard_shared::time::UnixMs;
use std::path::{Path, PathBuf};

/// How the file is called.
pub(super) const TABLE: &str = "devices.json";

impl StateDir {
    /// The devices, and what was wrong with their file.
    ///
    /// # Errors
    /// It is open to others or of a later version; it is damaged and the disk takes no other one.
    pub fn devices(&self, now: UnixMs) -> Result<(Devices, Option<Finding>), StateError> {
        let path = self.0.join(TABLE);
        match self.read::<Devices>(&path) {
            Ok(Some(devices)) => {
                self.renew_copy(&devices, now);
                Ok((devices, None))
            }
            Ok(None) if !self.copy().exists() && !self.was_broken(TABLE) => {
                Ok((Devices::default(), None))
            }
            Ok(None) => self.recover(&path, None, now),
            Err(error) if error.is_damage() => {
                let aside = self.keep_aside(&path, now)?;
                self.recover(&path, Some(&aside), now)
            }
            Err(error) => Err(error),
        }
    }

    /// Saves the devices.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_devices(&self, devices: &Devices) -> Result<(), StateError> {
        if is_off(Guarantee::Durable) && self.0.join(TABLE).exists() {
            return Ok(());
        }
        self.write(&self.copy(), devices)?;
        self.write(&self.0.join(TABLE), devices)
    }

    fn copy(&self) -> PathBuf {
        self.0.join("devices.copy.json")
    }

    /// What the copy says, if it says anything, takes the place of what is lost.
    fn recover(
        &self,
        path: &Path,
        aside: Option<&Path>,
        now: UnixMs,
    ) -> Result<(Devices, Option<Finding>), StateError> {
        let copy = match self.read::<Devices>(&self.copy()) {
            Err(error) if error.is_damage() => {
                self.keep_aside(&self.copy(), now)?;
                None
            }
            read => read?,
        };
        let whole = copy.is_some();
        let devices = copy.unwrap_or_else(|| Devices::lost(now));
        self.save_devices(&devices)?;
        let kept = aside.map_or_else(String::new, |aside| {
            format!("; it is kept as {}", aside.display())
        });
        let (outcome, hint) = if whole {
            (
                "the copy of all that was in it has taken its place",
                "look through `lanyard devices`, and at the disk".to_owned(),
            )
        } else {
            (
                "nobody is admitted any more, and the machine is locked",
                "run `lanyard unlock`, then pair every device again with `lanyard pair`".to_owned(),
            )
        };
        let what = if aside.is_some() {
            "damaged"
        } else {
            "missing"
        };
        let sentence = format!("{} is {what}: {outcome}{kept}", path.display());
        Ok((devices, Some(Finding { sentence, hint })))
    }

    /// What was saved by a program that made no copy, or as the power failed, is not followed by its copy. One that says something else must not
    /// be believed later.
    fn renew_copy(&self, devices: &Devices, now: UnixMs) {
        let same = matches!(self.read::<Devices>(&self.copy()), Ok(Some(copy)) if copy == *devices);
        if same {
            return;
        }
        let copy = self.copy();
        let written = self.clear_folder(&copy, now).map_err(StateError::from);
        let written = written.and_then(|()| self.write(&copy, devices));
        if let Err(error) = written {
            tracing::warn!(%error, "the devices cannot be copied");
            // A full disk lets go of files all the same.
            if let Err(error) = std::fs::remove_file(&copy) {
                tracing::debug!(%error, "there is no copy of the devices to remove");
            }
        }
    }

    /// A folder is not replaced by writing a file over it.
    fn clear_folder(&self, path: &Path, now: UnixMs) -> Result<(), PrivateFileError> {
        if path.is_dir() {
            self.put_aside(path, now)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn locked() -> Devices {
        let mut devices = Devices::default();
        devices.locked = true;
        devices
    }

    fn state() -> Result<(tempfile::TempDir, StateDir), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let state = StateDir::open(Some(dir.path().join("state")))?;
        state.save_devices(&Devices::default())?;
        Ok((dir, state))
    }

    /// Nothing can be written over a folder.
    fn block(path: &Path) -> std::io::Result<()> {
        std::fs::remove_file(path)?;
        std::fs::create_dir(path)
    }

    #[test]
    fn the_copy_is_written_first_and_no_save_succeeds_without_both() -> Outcome {
        let (_dir, state) = state()?;
        block(&state.0.join(TABLE))?;
        assert!(state.save_devices(&locked()).is_err());
        assert_eq!(state.read(&state.copy())?, Some(locked()));

        let (_dir, state) = self::state()?;
        block(&state.copy())?;
        assert!(state.save_devices(&locked()).is_err());
        assert_eq!(state.read(&state.0.join(TABLE))?, Some(Devices::default()));
        Ok(())
    }

    #[test]
    fn a_copy_that_says_something_else_is_renewed_at_the_start() -> Outcome {
        let (_dir, state) = state()?;
        state.write(&state.copy(), &locked())?;
        assert_eq!(state.devices(UnixMs(1))?, (Devices::default(), None));
        assert_eq!(state.read(&state.copy())?, Some(Devices::default()));
        Ok(())
    }

    #[test]
    fn when_all_is_lost_no_epoch_of_before_comes_again() {
        let now = UnixMs::from_secs(1_800_000_000);
        let id = lanyard_shared::ids::DeviceId([1; 16]);
        assert!(Devices::lost(now).next_epoch(id) > 1_800_000_000);
        let later = Devices::lost(UnixMs::from_secs(u64::from(u32::MAX) + 7));
        assert!(later.next_epoch(id) == u32::MAX && later.locked);
    }
}
