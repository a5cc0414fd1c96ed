//! Keys that take each other's place: when they are due, when somebody asks, and what each side has to hear first.
//!
//! - **Signer**: in memory; the old one's tokens open for another minute.
//! - **Noise key**: devices are told inside their sessions, and the old one opens sessions for another week.
//! - **Identity**: the relay is told over the link that the old one proved, and asks for a proof by the new one on the same link. From that
//!   proof on the old one opens no link. Written down before it is said, so that a crash at any moment is gone on from: see [`Identity`].
//! - **Device**: it is asked to, and does it itself: see `rekey.rs`.

use super::devices::Device;
use super::effect::Effect;
use super::keys::{Identity, NoiseKey, Urgency};
use super::{Core, Stage};
use crate::audit::Event;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, StreamId};
use lanyard_shared::ids::DeviceId;
use lanyard_shared::limits::{IDENTITY_OVERLAP, LIFE_IDENTITY, LIFE_NOISE_KEY, NOISE_OVERLAP};
use lanyard_shared::msg::FromAgent;
use lanyard_shared::noise::{NoiseFault, StaticKey};
use lanyard_shared::time::{Now, UnixMs};
use serde::{Deserialize, Serialize};

/// What can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rotation {
    /// The token signer.
    Signer {},
    /// The agent's identity key.
    Identity {},
    /// The agent's Noise key.
    Noise {},
    /// A device's keys.
    Device {
        /// Which; `None` all of them.
        device: Option<DeviceId>,
    },
    /// All of these.
    All {},
}

/// One rotation that was begun, and when the old key stops working.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// Which key: `signer`, `identity`, `noise`, or `device`.
    pub key: String,
    /// The device, when it is a device's.
    pub device: Option<DeviceId>,
    /// The instant at which the old one stops working, by the machine's clock. `None` while that depends on somebody: see `waits`.
    pub ends: Option<UnixMs>,
    /// For whom the rotation waits: `relay` or `device`; empty when it is done.
    pub waits: String,
    /// Devices that must pair again because of it.
    pub pair_again: u32,
}

impl Core {
    /// Begins a rotation, whether or not it is due.
    ///
    /// # Errors
    /// `UnknownDevice`; `KeysOverlap`: too many Noise keys hold already; `ClockBehind`: nothing is certified by a clock that is wrong.
    pub fn rotate(
        &mut self,
        what: Rotation,
        urgency: Urgency,
        now: Now,
    ) -> Result<Vec<Rotated>, CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        let rotated = self.rotate_now(what, urgency, now)?;
        for one in &rotated {
            self.record(Event::Rotated {
                key: one.key.clone(),
                device: one.device,
            });
        }
        Ok(rotated)
    }

    fn rotate_now(
        &mut self,
        what: Rotation,
        urgency: Urgency,
        now: Now,
    ) -> Result<Vec<Rotated>, CloseCode> {
        Ok(match what {
            Rotation::Signer {} => vec![self.rotate_signer(urgency, now)],
            Rotation::Identity {} => vec![self.rotate_identity(urgency)],
            Rotation::Noise {} => vec![self.rotate_noise(urgency, now)?],
            Rotation::Device { device } => self.rotate_devices(device, urgency, now)?,
            Rotation::All {} => {
                // All or nothing: half of it would look like a refusal.
                if !self.identity.has_room_for_noise(urgency, now.unix) {
                    return Err(CloseCode::KeysOverlap);
                }
                let mut all = self.rotate_devices(None, urgency, now)?;
                all.push(self.rotate_noise(urgency, now)?);
                all.push(self.rotate_identity(urgency));
                all.push(self.rotate_signer(urgency, now));
                all
            }
        })
    }

    fn rotate_signer(&mut self, urgency: Urgency, now: Now) -> Rotated {
        let mut ends = self.signer.rotate(&self.identity, now.unix);
        if urgency > Urgency::Overlap {
            self.signer.drop_previous();
            ends = now.unix;
        }
        self.announce();
        if urgency > Urgency::Overlap {
            // What stands goes on under the new one, and what was not opened yet never opens.
            self.end_leases(|lease| lease.stream.is_none(), CloseCode::TokenRefused);
            for jti in self.leases.iter().map(|l| l.jti).collect::<Vec<_>>() {
                if let Err(code) = self.renew(jti, now) {
                    self.end_lease(jti, code);
                }
            }
        }
        done("signer", ends)
    }

    fn rotate_noise(&mut self, urgency: Urgency, now: Now) -> Result<Rotated, CloseCode> {
        let ends = self.identity.replace_noise(urgency, now.unix);
        let ends = ends.ok_or(CloseCode::KeysOverlap)?;
        self.effects.push_back(Effect::SaveKeys);
        // A link that was handed out names the old key.
        self.cancel_pairings();
        let sessions = self.streams_of(super::talk::Talk::is_session);
        for stream in &sessions {
            self.tell_keys(*stream, 0);
        }
        let mut pair_again = 0;
        if urgency > Urgency::Overlap {
            let away = |device: &&Device| self.sessions_of(device.id).is_empty();
            pair_again = self.devices.in_use().filter(away).count();
            // They know the new key now, and come back with it.
            for stream in sessions {
                self.close(stream, CloseCode::GoingAway);
            }
        }
        Ok(Rotated {
            pair_again: u32::try_from(pair_again).unwrap_or(u32::MAX),
            ..done("noise", ends)
        })
    }

    fn rotate_identity(&mut self, urgency: Urgency) -> Rotated {
        let under_way = self.identity.next().is_some();
        self.identity.begin(urgency);
        self.effects.push_back(Effect::SaveKeys);
        if !under_way {
            self.hand_over();
        }
        waiting("identity", None, "relay")
    }

    fn rotate_devices(
        &mut self,
        device: Option<DeviceId>,
        urgency: Urgency,
        now: Now,
    ) -> Result<Vec<Rotated>, CloseCode> {
        let meant = |id: DeviceId| device.is_none_or(|device| device == id);
        let ids: Vec<_> = self
            .devices
            .in_use()
            .map(|device| device.id)
            .filter(|id| meant(*id))
            .collect();
        if ids.is_empty() && device.is_some() {
            return Err(CloseCode::UnknownDevice);
        }
        if urgency == Urgency::Compromised {
            let end = |id: &DeviceId| {
                self.remove_device(*id, CloseCode::Revoked, now);
                Rotated {
                    device: Some(*id),
                    pair_again: 1,
                    ..done("device", now.unix)
                }
            };
            let ended = ids.iter().map(end).collect();
            self.cancel_pairings();
            return Ok(ended);
        }
        for device in self.devices.iter_mut().filter(|d| ids.contains(&d.id)) {
            device.rekey = Some(device.rekey.map_or(urgency, |before| before.max(urgency)));
        }
        self.effects.push_back(Effect::SaveDevices);
        let mut rotated = Vec::new();
        for id in ids {
            if urgency > Urgency::Overlap {
                self.revoke_leases(|lease| lease.device == id, CloseCode::KeysChanged, now);
            }
            for stream in self.sessions_of(id) {
                self.say(stream, &FromAgent::Rekey {});
            }
            let ends = (urgency > Urgency::Overlap).then_some(now.unix);
            rotated.push(waiting("device", Some(id), "device").ending(ends));
        }
        Ok(rotated)
    }

    /// The relay is told of the identity's next key, if there is one and it is the present one that was proven.
    pub(super) fn hand_over(&mut self) {
        let online = self.is_online();
        let (Some(link), Some(next)) = (&mut self.link, self.identity.next()) else {
            return;
        };
        if online {
            link.rotate(next);
        }
    }

    /// The relay has taken a proof by `proven`. If that is the next key, it is the present one from now on.
    pub(super) fn identity_proven(&mut self, proven: &[u8; 32], now: Now) {
        let is_next = |identity: &Identity| {
            identity
                .next()
                .is_some_and(|next| next.verifying_key().to_bytes() == *proven)
        };
        if !is_next(&self.identity) {
            return;
        }
        self.next_first = false;
        let Some(urgency) = self.identity.promote(now.unix) else {
            return;
        };
        self.effects.push_back(Effect::SaveKeys);
        self.effects
            .push_back(Effect::Rotated(done("identity", now.unix)));
        self.effects.push_back(Effect::IdentityChanged);
        self.signer.recertify(&self.identity);
        self.announce();
        // Grants of the old key are replaced where somebody is there to take them.
        for device in self.devices.in_use().map(|d| d.id).collect::<Vec<_>>() {
            self.regrant_all(device, now);
        }
        if urgency == Urgency::Compromised {
            tracing::warn!("the identity was replaced as compromised");
        }
    }

    /// A link has ended. If its proof was not taken while the identity changes, the relay may know the other one of the two. It says so only
    /// to whom it still answers: a crowd that shows wrong proofs in this machine's name silences it.
    pub(super) fn look_at_refusal(&mut self, stage: Stage, close: &Close) {
        let unproven = stage == Stage::Unproven;
        let refused = close.code == Some(CloseCode::ProofRefused);
        if (unproven || refused) && self.identity.next().is_some() {
            self.next_first = !self.next_first;
        }
    }

    /// The key to dial with.
    #[must_use]
    pub fn proof_key(&self) -> std::sync::Arc<ed25519_dalek::SigningKey> {
        let next = self.identity.next().filter(|_| self.next_first);
        std::sync::Arc::clone(next.unwrap_or_else(|| self.identity.key()))
    }

    /// When something can be done about a key that is due, or one that was replaced is to be forgotten.
    pub(super) fn next_key_look(&self, now: Now) -> Option<UnixMs> {
        if !self.may_look_at_keys(now) {
            return None;
        }
        let has_room = self.identity.has_room_for_noise(Urgency::Overlap, now.unix);
        let noise = has_room.then(|| self.noise_due());
        let identity = self.identity.next().is_none().then(|| self.identity_due());
        let forget = self.identity.noise_before_ends();
        [noise, identity, forget].into_iter().flatten().min()
    }

    fn may_look_at_keys(&self, now: Now) -> bool {
        self.disk_works && !self.clock_is_behind(now)
    }

    fn noise_due(&self) -> UnixMs {
        self.identity.noise().since + (LIFE_NOISE_KEY - NOISE_OVERLAP)
    }

    fn identity_due(&self) -> UnixMs {
        self.identity.since() + (LIFE_IDENTITY - IDENTITY_OVERLAP)
    }

    /// Rotates what is due by itself.
    pub(super) fn look_at_keys(&mut self, now: Now) {
        if !self.may_look_at_keys(now) {
            return;
        }
        if self.identity.forget_noise(now.unix) {
            self.effects.push_back(Effect::SaveKeys);
        }
        if now.unix >= self.noise_due() {
            // If too many overlap, the next look is when the first of them ends.
            let _ = self.rotate_noise(Urgency::Overlap, now);
        }
        if self.identity.next().is_none() && now.unix >= self.identity_due() {
            self.rotate_identity(Urgency::Overlap);
        }
    }

    /// Tries the present Noise key, then those before it that still hold.
    pub(super) fn with_noise_keys<T>(
        &self,
        now: Now,
        read: impl Fn(&StaticKey) -> Result<T, NoiseFault>,
    ) -> Result<T, NoiseFault> {
        let mut outcome = read(&self.identity.noise().key);
        for NoiseKey { key, .. } in self.identity.noise_before(now.unix) {
            if !matches!(outcome, Err(NoiseFault::Handshake)) {
                break;
            }
            outcome = read(key);
        }
        outcome
    }

    /// Why a handshake failed: a device that was away while a key came and went is told so.
    pub(super) fn handshake_failed(
        &self,
        device: DeviceId,
        fault: NoiseFault,
        now: Now,
    ) -> CloseCode {
        let knows = self.devices.get(device).map(|device| device.serial);
        if fault == NoiseFault::Handshake
            && knows.is_some_and(|serial| serial < self.identity.lowest_serial(now.unix))
        {
            CloseCode::KeyRetired
        } else {
            fault.into()
        }
    }

    /// A session whose device knows no later Noise key than `serial` hears the present one.
    pub(super) fn tell_keys(&mut self, stream: StreamId, serial: u32) {
        if serial < self.identity.noise().serial {
            let (chain, noise) = self.identity.certificates();
            self.say(stream, &FromAgent::Keys { chain, noise });
        }
    }

    pub(super) fn keys_taken(&mut self, stream: StreamId, serial: u32) {
        let present = self.identity.noise().serial;
        let device = self.talks.get(&stream).map(|talk| talk.device);
        if let Some(device) = device.and_then(|id| self.devices.get_mut(id)) {
            let serial = serial.min(present);
            // Said twice it is no news, and not worth a write.
            if serial > device.serial {
                device.serial = serial;
                self.effects.push_back(Effect::NoteDevices);
            }
        }
    }
}

impl Rotated {
    fn ending(self, ends: Option<UnixMs>) -> Self {
        Self { ends, ..self }
    }
}

pub(super) fn done(key: &str, ends: UnixMs) -> Rotated {
    waiting(key, None, "").ending(Some(ends))
}

fn waiting(key: &str, device: Option<DeviceId>, waits: &str) -> Rotated {
    Rotated {
        key: key.to_owned(),
        device,
        ends: None,
        waits: waits.to_owned(),
        pair_again: 0,
    }
}
