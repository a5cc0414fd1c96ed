//! Sessions that stand for days: what else happens when a device comes back happens inside them.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use crate::limits::{GRANT_SLIDES_AFTER, SESSIONS_LOOK_EVERY};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg::FromAgent;
use lanyard_shared::time::{Now, UnixMs};

impl Core {
    /// When the sessions that stand are to be looked at again; `None` while there are none.
    pub(super) fn next_session_look(&self) -> Option<UnixMs> {
        (self.sessions() > 0).then(|| self.sessions_seen + SESSIONS_LOOK_EVERY)
    }

    /// A grant that was used for a day is replaced by a younger one, and keys that became due are asked for.
    pub(super) fn look_at_sessions(&mut self, now: Now) {
        if now.unix < self.sessions_seen + SESSIONS_LOOK_EVERY || self.clock_is_behind(now) {
            return;
        }
        self.sessions_seen = now.unix;
        for id in self.devices.in_use().map(|d| d.id).collect::<Vec<_>>() {
            let sessions = self.sessions_of(id);
            if sessions.is_empty() {
                continue;
            }
            let slid = self.devices.get_mut(id).is_some_and(|d| d.slide(now.unix));
            if slid {
                self.effects.push_back(Effect::NoteDevices);
                if let Err(code) = self.regrant(id, now) {
                    tracing::warn!(reason = code.name(), "a grant could not be replaced");
                }
            }
            for stream in sessions {
                self.tell_rekey(stream, now);
            }
        }
    }

    /// Every session of a device is given its present grant, and goes on under it at the relay.
    pub(super) fn regrant(&mut self, id: DeviceId, now: Now) -> Result<(), CloseCode> {
        let device = self.devices.get(id).ok_or(CloseCode::UnknownDevice)?;
        let expires = device.expires;
        let grant = self.grant(device, now.unix)?;
        for stream in self.sessions_of(id) {
            if let Some(link) = &mut self.link {
                link.renew(stream, grant.clone());
            }
            let grant = grant.clone();
            self.say(stream, &FromAgent::Grant { grant, expires });
        }
        Ok(())
    }
}

impl Device {
    /// Moves the end of its grants on, if a younger one would hold for long enough beyond the present one to be worth it.
    pub(super) fn slide(&mut self, now: UnixMs) -> bool {
        let ends = self.grant_ends(now);
        let worth = self.expires.until(ends) >= GRANT_SLIDES_AFTER;
        if worth {
            self.expires = ends;
        }
        worth
    }
}
