//! Ending access: one token, one purpose, one device, everything; and the lock.
//!
//! The lease is gone before anything is said, so what arrives later under it is refused, a renewal included. What must be on disk is an
//! effect, and effects come before words. When a device ends, the relay is told first and drops what it still carries for it.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::lease::Lease;
use super::talk::{Talk, TalkPurpose};
use crate::audit::{Event, Who};
use lanyard_dial::sabotage::{Guarantee, is_off};
use lanyard_shared::access::Revocation;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{DeviceId, TokenId};
use lanyard_shared::limits::REVOKED_MAX;
use lanyard_shared::msg::{FromAgent, Scope};
use lanyard_shared::time::{Now, UnixMs};
use std::collections::VecDeque;

/// Tokens that were ended before their time, each until it would have expired: what the relay is told.
#[derive(Debug, Default)]
pub(super) struct Revoked(VecDeque<(TokenId, UnixMs)>);

impl Revoked {
    /// The oldest make room: their streams are closed, and the agent knows no lease for any of them.
    fn push(&mut self, jti: TokenId, expires: UnixMs, now: UnixMs) {
        self.0.retain(|(_, expires)| *expires > now);
        if self.0.len() >= REVOKED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((jti, expires));
    }

    pub(super) fn ids(&self) -> Vec<TokenId> {
        self.0.iter().map(|(jti, _)| *jti).collect()
    }
}

impl Core {
    /// Ends what `revocation` names, now. Returns how many tokens ended.
    ///
    /// # Errors
    /// `NotYours`: there is no such token. `UnknownDevice`: there is no such device.
    pub fn revoke(&mut self, revocation: Revocation, by: Who, now: Now) -> Result<u32, CloseCode> {
        let ended = self.end_access(revocation, now)?;
        let what = revocation;
        self.record(Event::Revoked { what, by });
        Ok(ended)
    }

    fn end_access(&mut self, revocation: Revocation, now: Now) -> Result<u32, CloseCode> {
        match revocation {
            Revocation::Token { jti } => {
                self.leases.get(jti).ok_or(CloseCode::NotYours)?;
                Ok(self.revoke_leases(|lease| lease.jti == jti, CloseCode::TokenEnded, now))
            }
            Revocation::Purpose { purpose, device } => self.revoke_purpose(purpose, device, now),
            Revocation::Device { .. } if is_off(Guarantee::Revoke) => Ok(0),
            Revocation::Device { device } => {
                let ended = self.leases_of(device);
                let known = self.remove_device(device, CloseCode::Revoked, now);
                known.then_some(ended).ok_or(CloseCode::UnknownDevice)
            }
            Revocation::Everything {} => {
                let devices: Vec<_> = self.devices.iter().map(|device| device.id).collect();
                let ended = devices.iter().map(|device| self.leases_of(*device)).sum();
                self.pairings.cancel_all();
                self.end_pairing_talks();
                for device in devices {
                    self.devices.remove(device, now.unix);
                }
                self.effects.push_back(Effect::SaveDevices);
                self.announce();
                self.end_sessions(|_| true, CloseCode::Revoked);
                Ok(ended)
            }
        }
    }

    /// What a device may end without `devices`: its own.
    pub(super) fn revoke_own(
        &mut self,
        stream: StreamId,
        revocation: Revocation,
        now: Now,
    ) -> Result<u32, CloseCode> {
        let its = self.talks.get(&stream).ok_or(CloseCode::Internal)?.device;
        let suspended = self.devices.get(its).is_some_and(|d| d.suspended);
        let own = match revocation {
            Revocation::Token { jti } => self.leases.get(jti).is_some_and(|l| l.device == its),
            Revocation::Purpose { device, .. } => device == Some(its),
            Revocation::Device { device } => device == its,
            Revocation::Everything {} => false,
        };
        // What is another's and what is not there look the same.
        if !own {
            return Err(CloseCode::NotYours);
        }
        // One of the two is a copy, and must not end the other for good.
        if suspended && !matches!(revocation, Revocation::Token { .. }) {
            return Err(CloseCode::Suspended);
        }
        let by = self.who(its);
        self.revoke(revocation, by, now)
    }

    /// Ends all remote access until [`Core::unlock`], also across restarts. Devices stay paired.
    pub fn lock(&mut self, by: Who) {
        self.devices.locked = true;
        self.effects.push_back(Effect::SaveDevices);
        self.record(Event::Locked { locked: true, by });
        self.pairings.cancel_all();
        self.announce();
        self.end_pairing_talks();
        self.end_sessions(|_| true, CloseCode::Locked);
    }

    /// Lets paired devices in again, which only somebody at the machine can want.
    pub fn unlock(&mut self) {
        self.devices.locked = false;
        self.effects.push_back(Effect::SaveDevices);
        let by = Who::Machine {};
        self.record(Event::Locked { locked: false, by });
        self.announce();
    }

    /// Ends a device: its grant, its tokens, its streams, now. False when there is none.
    pub(super) fn remove_device(&mut self, id: DeviceId, why: CloseCode, now: Now) -> bool {
        // Its next keys go with it.
        let its = |entry: &&Device| entry.is(id);
        let ids: Vec<_> = self.devices.iter().filter(its).map(|d| d.id).collect();
        if ids.is_empty() {
            return false;
        }
        for id in &ids {
            self.devices.remove(*id, now.unix);
        }
        self.effects.push_back(Effect::SaveDevices);
        self.announce();
        for id in ids {
            self.end_device(id, why);
        }
        true
    }

    /// Ends shares whose time is over.
    pub(super) fn look_at_shares(&mut self, now: Now) {
        let over = |until: Option<UnixMs>| until.is_some_and(|until| until <= now.unix);
        let over: Vec<_> = self
            .devices
            .iter()
            .filter(|device| over(device.until))
            .map(|device| device.id)
            .collect();
        for device in over {
            self.remove_device(device, CloseCode::ShareEnded, now);
            self.record(Event::ShareEnded { device });
        }
    }

    /// When the next share ends.
    pub(super) fn next_share_end(&self) -> Option<UnixMs> {
        self.devices.iter().filter_map(|device| device.until).min()
    }

    fn revoke_purpose(
        &mut self,
        purpose: Scope,
        device: Option<DeviceId>,
        now: Now,
    ) -> Result<u32, CloseCode> {
        if device.is_some_and(|device| self.devices.get(device).is_none()) {
            return Err(CloseCode::UnknownDevice);
        }
        let meant = |id: DeviceId| device.is_none_or(|device| device == id);
        let mut narrowed = Vec::new();
        let its = |entry: &Device| device.is_none_or(|device| entry.is(device));
        for device in self.devices.iter_mut().filter(|entry| its(entry)) {
            let before = device.scopes.len();
            device.scopes.retain(|scope| *scope != purpose);
            if device.scopes.len() != before {
                narrowed.push(device.id);
            }
        }
        if !narrowed.is_empty() {
            self.effects.push_back(Effect::SaveDevices);
        }
        let its = |lease: &Lease| lease.purpose() == purpose && meant(lease.device);
        let ended = self.revoke_leases(its, CloseCode::Revoked, now);
        for device in narrowed {
            self.tell_scopes(device);
        }
        Ok(ended)
    }

    /// Every session of a device hears what it may ask for now.
    pub(super) fn tell_scopes(&mut self, device: DeviceId) {
        let Some(entry) = self.devices.get(device) else {
            return;
        };
        let message = FromAgent::Scopes {
            scopes: entry.allowed_scopes(),
            reach: entry.reach.clone(),
        };
        for stream in self.sessions_of(device) {
            self.say(stream, &message);
        }
        self.tell_terminals();
    }

    /// Ends the leases that `which` names, for good: no token that names them opens anything. Their viewers hear why, sealed, before the relay is
    /// told and cuts what is left.
    pub(super) fn revoke_leases(
        &mut self,
        which: impl Fn(&Lease) -> bool,
        why: CloseCode,
        now: Now,
    ) -> u32 {
        let fallen: Vec<_> = self
            .leases
            .iter()
            .filter(|lease| which(lease))
            .map(|lease| (lease.jti, lease.expires))
            .collect();
        for (jti, expires) in &fallen {
            self.revoked.push(*jti, *expires, now.unix);
        }
        self.end_leases(which, why);
        self.announce_owed = true;
        u32::try_from(fallen.len()).unwrap_or(u32::MAX)
    }

    /// Ends everything a device has open.
    pub(super) fn end_device(&mut self, id: DeviceId, code: CloseCode) {
        self.end_sessions(|device| device == id, code);
    }

    fn end_sessions(&mut self, of: impl Fn(DeviceId) -> bool, code: CloseCode) {
        self.end_leases(|lease| of(lease.device), code);
        // A pairing that is under way belongs to no device yet.
        let its = |talk: &Talk| matches!(talk.purpose, TalkPurpose::Session(_)) && of(talk.device);
        for stream in self.streams_of(its) {
            self.close(stream, code);
        }
    }

    fn end_pairing_talks(&mut self) {
        for stream in self.streams_of(|talk| matches!(talk.purpose, TalkPurpose::Pair(_))) {
            self.close(stream, CloseCode::PairUsed);
        }
    }

    pub(super) fn sessions_of(&self, device: DeviceId) -> Vec<StreamId> {
        self.streams_of(|talk| talk.device == device && talk.is_session())
    }

    pub(super) fn streams_of(&self, which: impl Fn(&Talk) -> bool) -> Vec<StreamId> {
        let talks = self.talks.iter().filter(|(_, talk)| which(talk));
        talks.map(|(stream, _)| *stream).collect()
    }

    fn leases_of(&self, device: DeviceId) -> u32 {
        let its = self.leases.iter().filter(|lease| lease.device == device);
        u32::try_from(its.count()).unwrap_or(u32::MAX)
    }
}
