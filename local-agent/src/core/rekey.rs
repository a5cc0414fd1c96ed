//! A device changes its keys: it makes them itself, inside its session, and the ones before them end when they have said hello.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::rotation::{Rotated, done};
use crate::audit::Event;
use crate::limits::REKEY_AGAIN;
use crate::random;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{DeviceId, TokenId};
use lanyard_shared::limits::DEVICE_KEYS_RENEW;
use lanyard_shared::msg::FromAgent;
use lanyard_shared::rotate::{self, NewKeys};
use lanyard_shared::time::{Now, UnixMs};

impl Core {
    /// A session whose device is to change its keys hears so.
    pub(super) fn tell_rekey(&mut self, stream: StreamId, now: Now) {
        let device = self.talks.get(&stream).map(|talk| talk.device);
        if device
            .and_then(|id| self.devices.get(id))
            .is_some_and(|device| device.is_to_rekey(now.unix))
        {
            self.say(stream, &FromAgent::Rekey {});
        }
    }

    /// A device brings its next keys: they are admitted beside its present ones.
    pub(super) fn rekey(
        &mut self,
        stream: StreamId,
        req: u32,
        keys: &NewKeys,
        now: Now,
    ) -> Result<FromAgent, CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let hash = *talk.handshake_hash().ok_or(CloseCode::Internal)?;
        let old = talk.device;
        let both = rotate::check_rekey(keys, &talk.origin.device, self.agent, old, &hash);
        let id = DeviceId::of_key(&keys.key.0);
        if !both || self.devices.get(id).is_some() {
            return Err(CloseCode::ProofRefused);
        }
        let present = self.devices.get(old).ok_or(CloseCode::UnknownDevice)?;
        // Only when it is due: who has copied its keys must not lock its owner out by changing them first.
        if present.suspended || !present.is_to_rekey(now.unix) {
            return Err(CloseCode::NotGranted);
        }
        let mut next = Device {
            id,
            noise_key: b64::Bytes(keys.noise_key.0),
            epoch: self.devices.next_epoch(id),
            keys_since: Some(now.unix),
            rekey: None,
            replaces: Some(old),
            ..present.clone()
        };
        next.expires = next.grant_ends(now.unix);
        let expires = next.expires;
        let grant = self.grant(&next, TokenId(random::bytes()), now.unix)?;
        // Two pages of one device must not take turns at replacing each other's keys: the first of them is about to go on under its own. A
        // session that is gone has perhaps never heard the answer.
        let is_early = |pending: &Device| {
            let since = pending.keys_since.unwrap_or(pending.paired);
            since.until(now.unix) < REKEY_AGAIN
        };
        let session = self.rekeyed_in.get(&old);
        let is_there = session.is_some_and(|session| self.talks.contains_key(session));
        if is_there && self.devices.next_of(old).is_some_and(is_early) {
            return Err(CloseCode::Busy);
        }
        self.drop_next_keys(old, now.unix);
        self.devices
            .admit(next, now.unix)
            .map_err(|_| CloseCode::Busy)?;
        self.rekeyed_in.insert(old, stream);
        self.effects.push_back(Effect::SaveDevices);
        self.announce();
        Ok(FromAgent::Rekeyed {
            req,
            grant,
            expires,
        })
    }

    /// Next keys of a device that nobody has used yet are void.
    pub(super) fn drop_next_keys(&mut self, device: DeviceId, now: UnixMs) {
        if let Some(next) = self.devices.next_of(device).map(|next| next.id) {
            self.devices.remove(next, now);
            self.effects.push_back(Effect::SaveDevices);
            self.announce();
            self.end_device(next, CloseCode::KeysChanged);
        }
    }

    /// The next keys of a device have said hello: the ones before them end now.
    pub(super) fn keys_changed(&mut self, old: DeviceId, new: DeviceId, now: Now) {
        self.rekeyed_in.remove(&old);
        self.record(Event::KeysChanged { from: old, to: new });
        if self.remove_device(old, CloseCode::KeysChanged, now) {
            let rotated = Rotated {
                device: Some(old),
                ..done("device", now.unix)
            };
            self.effects.push_back(Effect::Rotated(rotated));
        }
    }
}

impl Device {
    /// Whether it is to change its keys: they are old, or somebody at the machine wants it. A share ends before.
    fn is_to_rekey(&self, now: UnixMs) -> bool {
        let since = self.keys_since.unwrap_or(self.paired);
        let due = self.until.is_none() && since.until(now) >= DEVICE_KEYS_RENEW;
        due || self.rekey.is_some()
    }
}
