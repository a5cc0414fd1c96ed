//! The devices this machine admits: the agent's own durable table. A device that is not in it is nobody, whatever a grant says.

use super::keys::Urgency;
use crate::limits::ENDED_MAX;
use lanyard_shared::access::Reach;
use lanyard_shared::b64;
use lanyard_shared::frame::DeviceEpoch;
use lanyard_shared::ids::{DeviceId, TerminalId};
use lanyard_shared::limits::{DEVICES_MAX, LIFE_DEVICE, LIFE_DEVICE_KEYS};
use lanyard_shared::msg::{Scope, Terminal};
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path};

/// One paired device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Named by its signing key.
    pub id: DeviceId,
    /// How it calls itself.
    pub name: String,
    /// Its X25519 key: whoever has a session under it is this device.
    pub noise_key: b64::Bytes<32>,
    /// What it may ask tokens for.
    pub scopes: Vec<Scope>,
    /// Rises with every revocation.
    pub epoch: u32,
    /// When it was paired.
    pub paired: UnixMs,
    /// When it last said hello.
    pub seen: UnixMs,
    /// When it ends unless used.
    pub expires: UnixMs,
    /// What its purposes reach.
    #[serde(default)]
    pub reach: Reach,
    /// When it ends whatever happens: a share.
    #[serde(default)]
    pub until: Option<UnixMs>,
    /// Where it was last seen, in the relay's words.
    #[serde(default)]
    pub from: String,
    /// Since when it has its keys; `None` since it was paired.
    #[serde(default)]
    pub keys_since: Option<UnixMs>,
    /// The serial of the machine's Noise key that it knows.
    #[serde(default)]
    pub serial: u32,
    /// What it was last given to tell it from a copy of itself; 0 before the first.
    #[serde(default)]
    pub generation: u32,
    /// When that was.
    #[serde(default)]
    pub advanced: UnixMs,
    /// A copy of it was seen: it may only watch until a person has decided.
    #[serde(default)]
    pub suspended: bool,
    /// It is to change its keys.
    #[serde(default)]
    pub rekey: Option<Urgency>,
    /// These are the next keys of that device, which ends when they have said hello.
    #[serde(default)]
    pub replaces: Option<DeviceId>,
}

impl Device {
    /// Until when a grant that is made now may hold.
    #[must_use]
    pub fn grant_ends(&self, now: UnixMs) -> UnixMs {
        let slides = UnixMs::from_secs(now.secs()) + LIFE_DEVICE;
        let ends = slides.min(self.keys_end());
        self.until.map_or(ends, |until| ends.min(until))
    }

    /// When its keys end unless they are rotated.
    #[must_use]
    pub fn keys_end(&self) -> UnixMs {
        self.keys_since.unwrap_or(self.paired) + LIFE_DEVICE_KEYS
    }

    /// Whether it is that device, or holds its next keys.
    #[must_use]
    pub fn is(&self, id: DeviceId) -> bool {
        self.id == id || self.replaces == Some(id)
    }

    /// Whether it may ask tokens for this now.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        let only_watches = self.suspended && scope != Scope::View;
        self.scopes.contains(&scope) && !only_watches
    }

    /// Whether its keys must be changed at once: until they are, they do nothing else.
    #[must_use]
    pub fn must_rekey(&self) -> bool {
        self.rekey.is_some_and(|urgency| urgency > Urgency::Overlap)
    }

    /// Whether something that was started in, or lies at, `path` exists for it.
    #[must_use]
    pub fn reaches_path(&self, path: &str) -> bool {
        let Some(root) = &self.reach.root else {
            return self.reach.terminal.is_none();
        };
        is_below(path, root)
    }

    /// Whether this terminal exists for it.
    #[must_use]
    pub fn reaches(&self, terminal: &Terminal) -> bool {
        self.reaches_place(terminal.id, &terminal.cwd)
    }

    /// The same of a terminal with this id that was started in this folder.
    #[must_use]
    pub fn reaches_place(&self, id: TerminalId, cwd: &str) -> bool {
        let named = self.reach.terminal.is_none_or(|only| only == id);
        let rooted = self.reach.root.as_deref();
        named && rooted.is_none_or(|root| is_below(cwd, root))
    }
}

/// Whether an absolute path, by its words, is `root` or below it. What the words hide (a link) is for who opens it.
fn is_below(path: &str, root: &str) -> bool {
    let plain = |path: &Path| {
        path.is_absolute()
            && path
                .components()
                .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
    };
    let (path, root) = (Path::new(path), Path::new(root));
    plain(path) && plain(root) && path.starts_with(root)
}

/// All devices, at most [`DEVICES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    devices: Vec<Device>,
    /// Devices that were ended while a grant of theirs could still be about: their epochs must never come again.
    #[serde(default)]
    ended: Vec<Ended>,
    /// No epoch of those that are not even remembered was higher.
    #[serde(default)]
    forgotten: u32,
    /// The owner has ended all remote access for now.
    #[serde(default)]
    pub locked: bool,
}

/// What is remembered of a device that was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    id: DeviceId,
    epoch: u32,
    /// No grant of it lives longer.
    until: UnixMs,
}

/// The table holds as many devices as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{DEVICES_MAX} devices are paired already")]
pub struct TooManyDevices;

impl Devices {
    /// What is left when nobody knows any more who was admitted and who was ended: nobody is, and the machine is locked as it may have been. No
    /// epoch of before comes again: that many revocations there never were.
    #[must_use]
    pub fn lost(now: UnixMs) -> Self {
        Self {
            forgotten: u32::try_from(now.secs()).unwrap_or(u32::MAX - 1),
            locked: true,
            ..Self::default()
        }
    }

    /// The latest time that any of it tells of.
    #[must_use]
    pub fn latest(&self) -> UnixMs {
        let times = self
            .devices
            .iter()
            .map(|device| device.seen.max(device.paired));
        times.max().unwrap_or_default()
    }

    /// The device with this id.
    #[must_use]
    pub fn get(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    /// The same, to change.
    pub fn get_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    /// Every device, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.devices.iter_mut()
    }

    /// Every device.
    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter()
    }

    /// Every device but the next keys of one, which nobody uses yet.
    pub fn in_use(&self) -> impl Iterator<Item = &Device> {
        self.devices
            .iter()
            .filter(|device| device.replaces.is_none())
    }

    /// The next keys of a device, if it has any that have not said hello.
    #[must_use]
    pub fn next_of(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|d| d.replaces == Some(id))
    }

    /// Admits a device; one with the same id is replaced. When the table is full, those whose time is over make room.
    ///
    /// # Errors
    /// The table is full.
    pub fn admit(&mut self, device: Device, now: UnixMs) -> Result<(), TooManyDevices> {
        self.devices.retain(|other| other.id != device.id);
        if self.devices.len() >= DEVICES_MAX {
            self.devices.retain(|other| other.expires > now);
        }
        if self.devices.len() >= DEVICES_MAX {
            return Err(TooManyDevices);
        }
        self.devices.push(device);
        Ok(())
    }

    /// The epoch of a device that pairs now: later than any it ever had while one of its grants could still be about.
    #[must_use]
    pub fn next_epoch(&self, id: DeviceId) -> u32 {
        let ended = self
            .ended
            .iter()
            .filter(|ended| ended.id == id)
            .map(|ended| ended.epoch);
        let last = self
            .get(id)
            .map(|device| device.epoch)
            .into_iter()
            .chain(ended)
            .max();
        last.unwrap_or(0).max(self.forgotten).saturating_add(1)
    }

    /// Ends a device. Its tokens and its grant end with it, also when the same keys pair again.
    pub fn remove(&mut self, id: DeviceId, now: UnixMs) -> Option<Device> {
        let place = self.devices.iter().position(|device| device.id == id)?;
        let device = self.devices.remove(place);
        self.ended
            .retain(|ended| ended.until > now && ended.id != id);
        self.ended.push(Ended {
            id,
            epoch: device.epoch,
            until: now + LIFE_DEVICE,
        });
        let surplus = self.ended.len().saturating_sub(ENDED_MAX);
        for ended in self.ended.drain(..surplus) {
            self.forgotten = self.forgotten.max(ended.epoch);
        }
        Some(device)
    }

    /// What the relay is told.
    #[must_use]
    pub fn epochs(&self) -> Vec<DeviceEpoch> {
        self.devices
            .iter()
            .map(|device| DeviceEpoch {
                id: device.id,
                epoch: device.epoch,
            })
            .collect()
    }
}
