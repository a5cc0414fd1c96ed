//! Copies of a device's keys: how two that use the same are told apart, and what they may do until a person has decided.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use crate::audit::Event;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::limits::GENERATION_EVERY;
use lanyard_shared::msg::Scope;
use lanyard_shared::time::{Now, UnixMs};

impl Core {
    /// A copy of a device was seen. Everything but watching ends for both until a person has decided.
    pub(super) fn suspend(&mut self, device: DeviceId, name: String, now: Now) {
        // Whoever of the two asked for them would have all its scopes again with them.
        self.drop_next_keys(device, now.unix);
        self.effects.push_back(Effect::SaveDevices);
        self.record(Event::Suspended {
            device,
            name: name.clone(),
        });
        self.effects.push_back(Effect::Suspended { device, name });
        self.end_leases(
            |lease| lease.device == device && lease.purpose() != Scope::View,
            CloseCode::Suspended,
        );
        self.tell_scopes(device);
    }

    /// A person at the machine says that a suspended device is theirs. Whoever of the two does not get the next generation is told apart again.
    ///
    /// # Errors
    /// `UnknownDevice`: there is no such device, or it is not suspended.
    pub fn trust(&mut self, device: DeviceId) -> Result<(), CloseCode> {
        let entry = self.devices.get_mut(device).filter(|d| d.suspended);
        let entry = entry.ok_or(CloseCode::UnknownDevice)?;
        entry.suspended = false;
        // Whoever comes next is the one that is meant, whatever it says.
        entry.generation = 0;
        self.effects.push_back(Effect::SaveDevices);
        self.record(Event::Trusted { device });
        for stream in self.sessions_of(device) {
            self.close(stream, CloseCode::GoingAway);
        }
        Ok(())
    }
}

impl Device {
    /// Takes notice of the generation that the device says it was given last, and decides on the next. A copy says an older one, sooner or
    /// later; several pages that start at once do not, because generations are an hour apart. A later one than is known here was given
    /// before a note of it was lost.
    pub(super) fn advance(&mut self, said: u32, now: UnixMs) {
        let (present, before) = (self.generation, self.generation.saturating_sub(1));
        let anew = present == 0;
        if !anew && said < before {
            self.suspended = true;
        } else if anew || said > present || self.advanced.until(now) >= GENERATION_EVERY {
            let next = said.saturating_add(u32::from(anew || said == present));
            self.generation = next.max(present);
            self.advanced = now;
        }
    }

    /// What it may ask tokens for now.
    pub(super) fn allowed_scopes(&self) -> Vec<Scope> {
        let scopes = self.scopes.iter().copied();
        scopes.filter(|scope| self.allows(*scope)).collect()
    }
}
