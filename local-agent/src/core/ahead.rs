//! The clock was ahead once, and the owner says so: what was dated in a time that has not come is dated now, or ends.

use super::Core;
use super::effect::Effect;
use lanyard_shared::close::CloseCode;
use lanyard_shared::time::{Now, UnixMs};

impl Core {
    /// Takes the present time for right, whatever was known before. Returns the names of devices that must pair again: their grants begin in
    /// a time that has not come, so nobody believes them, and they would be good one day.
    pub fn accept_clock(&mut self, now: Now) -> Vec<String> {
        self.earliest = UnixMs::default();
        self.latest = now.unix;
        self.sessions_seen = self.sessions_seen.min(now.unix);
        self.cancel_pairings();
        self.identity.not_after(now.unix);
        let ahead = self.devices.iter().filter(|device| device.seen > now.unix);
        let (ids, names): (Vec<_>, Vec<_>) =
            ahead.map(|device| (device.id, device.name.clone())).unzip();
        for id in ids {
            self.remove_device(id, CloseCode::Revoked, now);
        }
        self.effects.push_back(Effect::SaveKeys);
        names
    }
}
