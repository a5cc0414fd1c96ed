//! What a device without a browser remembers: its two keys, and the machines it is paired with.

mod file;

pub use file::Store;

use crate::core::{Memory, News, OwnKeys, Party};
use crate::failure::Failure;
use crate::random;
use ed25519_dalek::SigningKey;
use lanyard_dial::Relay;
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, DeviceId};
use lanyard_shared::limits::NAME_MAX;
use lanyard_shared::msg::Scope;
use lanyard_shared::noise::StaticKey;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize as _, Zeroizing};

/// A device: its keys and how it calls itself. Secrets are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Device {
    key: Arc<SigningKey>,
    noise: StaticKey,
    name: String,
}

impl Device {
    /// A device with fresh keys. `name` is cut to 64 characters.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate(name: &str) -> Result<Self, Failure> {
        let key = Zeroizing::new(random::bytes()?);
        let noise = Zeroizing::new(random::bytes()?);
        Ok(Self::from_secrets(&key, &noise, name))
    }

    /// The device with these secret keys: Ed25519, X25519.
    #[must_use]
    pub fn from_secrets(key: &[u8; 32], noise: &[u8; 32], name: &str) -> Self {
        Self {
            key: Arc::new(SigningKey::from_bytes(key)),
            noise: StaticKey::from_bytes(noise),
            name: name.chars().take(NAME_MAX).collect(),
        }
    }

    /// The same keys under another name, cut to 64 characters.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self {
            name: name.chars().take(NAME_MAX).collect(),
            ..self.clone()
        }
    }

    /// How the device calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How machines name the device.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        DeviceId::of_key(&self.key.verifying_key().to_bytes())
    }

    /// The signing key: what links prove.
    #[must_use]
    pub fn signing_key(&self) -> &Arc<SigningKey> {
        &self.key
    }

    /// The static Noise key.
    #[must_use]
    pub fn noise_key(&self) -> &StaticKey {
        &self.noise
    }

    /// This device, to talk to `agent`, which holds the Noise key `remote`.
    #[must_use]
    pub fn party(&self, agent: AgentId, remote: [u8; 32]) -> Party {
        Party {
            agent,
            remote,
            key: Arc::clone(&self.key),
            noise: self.noise.clone(),
            name: self.name.clone(),
        }
    }
}

impl From<&Device> for OwnKeys {
    fn from(device: &Device) -> Self {
        Self {
            key: Arc::clone(&device.key),
            noise: device.noise.clone(),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("id", &self.id())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A machine this device is paired with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its id.
    pub agent: AgentId,
    /// Its static Noise key.
    pub noise_key: b64::Bytes<32>,
    /// The relay's address: `https://name[:port]`, or `http://` on loopback.
    pub relay: String,
    /// SHA-256 of the relay's certificate (DER), where no authority vouches for it.
    pub fingerprint: Option<b64::Bytes<32>>,
    /// The device grant. Worth nothing without the device's keys, but not shown either.
    pub grant: String,
    /// When the grant ends unless used, by the machine's clock.
    pub expires: UnixMs,
    /// What was granted.
    pub scopes: Vec<Scope>,
    /// The machine's name.
    pub name: String,
    /// Whose account it is.
    pub user: String,
    /// The machine's identity key: it certifies later Noise keys.
    #[serde(default)]
    pub identity: Option<b64::Bytes<32>>,
    /// The serial of its Noise key.
    #[serde(default)]
    pub serial: u32,
    /// What it gave this device last to tell it from a copy.
    #[serde(default)]
    pub generation: u32,
    /// The device's keys for this machine, once they are no longer those it was paired with.
    #[serde(default)]
    pub keys: Option<KeyPair>,
}

/// A device's two secret keys, as text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    key: String,
    noise: String,
}

impl KeyPair {
    fn of(keys: &OwnKeys) -> Self {
        let key = Zeroizing::new(keys.key.to_bytes());
        Self {
            key: b64::encode(*key),
            noise: b64::encode(*keys.noise.to_bytes()),
        }
    }

    fn keys(&self) -> Option<OwnKeys> {
        let key = Zeroizing::new(b64::decode_array(&self.key)?);
        let noise = Zeroizing::new(b64::decode_array(&self.noise)?);
        Some(OwnKeys {
            key: Arc::new(SigningKey::from_bytes(&key)),
            noise: StaticKey::from_bytes(&noise),
        })
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        self.key.zeroize();
        self.noise.zeroize();
    }
}

impl Machine {
    /// What a viewer needs to get in again.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            grant: self.grant.clone(),
            expires: self.expires,
            remote: self.noise_key.0,
            serial: self.serial,
            identity: self.identity.map(|key| key.0),
            generation: self.generation,
            keys: self.keys.as_ref().and_then(KeyPair::keys),
        }
    }

    /// Adds what a viewer has learned.
    fn learn(&mut self, news: &News) {
        let mut memory = self.memory();
        memory.learn(news);
        self.grant = memory.grant;
        self.expires = memory.expires;
        self.noise_key = b64::Bytes(memory.remote);
        self.serial = memory.serial;
        self.identity = memory.identity.map(b64::Bytes);
        self.generation = memory.generation;
        self.keys = memory.keys.as_ref().map(KeyPair::of);
    }

    /// Where to dial.
    ///
    /// # Errors
    /// The address in the file is none.
    pub fn relay(&self) -> Result<Relay, Failure> {
        let trust = self.fingerprint.map(|fingerprint| fingerprint.0).into();
        Relay::parse(&self.relay, trust).map_err(|fault| {
            Failure::local(
                format!("the remembered relay address is wrong: {fault}"),
                "pair again with `lanyard pair`",
            )
        })
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("agent", &self.agent)
            .field("name", &self.name)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_shows_in_debug_output() {
        let device = Device::from_secrets(&[0x5a; 32], &[0x5a; 32], "laptop");
        let machine = Machine {
            agent: AgentId([1; 16]),
            noise_key: b64::Bytes([2; 32]),
            relay: "https://relay.example".to_owned(),
            fingerprint: None,
            grant: "very.secret.grant".to_owned(),
            expires: UnixMs(0),
            scopes: vec![Scope::View],
            name: "desk".to_owned(),
            user: "me".to_owned(),
            identity: None,
            serial: 1,
            generation: 0,
            keys: Some(KeyPair {
                key: "secret".to_owned(),
                noise: "secret".to_owned(),
            }),
        };
        let text = format!("{device:?} {machine:?}");
        assert!(!text.contains("secret") && !text.contains("90, 90") && !text.contains("Wlpa"));
    }
}
