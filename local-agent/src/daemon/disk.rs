//! What must be on disk before anything is said that depends on it.
//!
//! A save that failed is remembered, and made up for before the next link is used: until then nobody hears of what a crash would undo.

use crate::core::Core;
use crate::state::{StateDir, StateError};
use lanyard_shared::time::UnixMs;

/// The agent's folder, and what it does not hold yet.
pub(super) struct Disk {
    pub state: StateDir,
    devices_wait: bool,
    keys_wait: bool,
    works: bool,
}

impl Disk {
    pub fn new(state: StateDir) -> Self {
        Self {
            state,
            devices_wait: false,
            keys_wait: false,
            works: true,
        }
    }

    /// Whether the latest write went well.
    pub const fn works(&self) -> bool {
        self.works
    }

    pub fn save_devices(&mut self, core: &Core) -> Result<(), StateError> {
        self.devices_wait = true;
        self.note_devices(core)
    }

    /// Saves the devices if that can be done; nothing depends on it.
    pub fn note_devices(&mut self, core: &Core) -> Result<(), StateError> {
        self.note(|state| state.save_devices(core.devices()))?;
        self.devices_wait = false;
        Ok(())
    }

    pub fn save_keys(&mut self, core: &Core) -> Result<(), StateError> {
        self.keys_wait = true;
        self.note(|state| state.save_identity(core.identity()))?;
        self.keys_wait = false;
        Ok(())
    }

    pub fn note_time(&mut self, time: UnixMs) -> Result<(), StateError> {
        self.note(|state| state.save_high_water(time))
    }

    /// Saves what could not be saved before. `Ok` means that everything that must be on disk is.
    pub fn catch_up(&mut self, core: &Core) -> Result<(), StateError> {
        if self.devices_wait {
            self.save_devices(core)?;
        }
        if self.keys_wait {
            self.save_keys(core)?;
        }
        Ok(())
    }

    fn note(
        &mut self,
        write: impl FnOnce(&StateDir) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let written = write(&self.state);
        self.works = written.is_ok();
        written
    }
}
