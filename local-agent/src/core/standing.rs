//! Sessions that stand for days: what else happens when a device comes back happens inside them.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::talk::TalkPurpose;
use crate::limits::{GRANT_SLIDES_AFTER, SESSIONS_LOOK_EVERY};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
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
            if self.devices.get_mut(id).is_some_and(|d| d.slide(now.unix)) {
                self.effects.push_back(Effect::NoteDevices);
                self.regrant_all(id, now);
            }
            for stream in sessions {
                self.tell_rekey(stream, now);
            }
        }
    }

    /// Every session of a device is given its present grant.
    pub(super) fn regrant_all(&mut self, id: DeviceId, now: Now) {
        for stream in self.sessions_of(id) {
            if let Err(code) = self.regrant(stream, now) {
                tracing::warn!(reason = code.name(), "a grant could not be replaced");
            }
        }
    }

    /// A session is given its device's present grant, and goes on under it at the relay.
    pub(super) fn regrant(&mut self, stream: StreamId, now: Now) -> Result<(), CloseCode> {
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let TalkPurpose::Session(id) = talk.purpose else {
            return Err(CloseCode::Internal);
        };
        let device = self.devices.get(talk.device);
        let device = device.ok_or(CloseCode::UnknownDevice)?;
        let (grant, expires) = (self.grant(device, id, now.unix)?, device.expires);
        if let Some(link) = &mut self.link {
            link.renew(stream, grant.clone());
        }
        self.say(stream, &FromAgent::Grant { grant, expires });
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
