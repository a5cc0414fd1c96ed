//! Names of things: 16 bytes each, 22 characters of base64url in text.

use crate::{b64, sign};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use ts_rs::TS;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, TS)]
        #[ts(as = "String")]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Reads the 22 characters that `Display` writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                b64::decode_array(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&b64::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                b64::Bytes(self.0).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                b64::Bytes::deserialize(deserializer).map(|bytes| Self(bytes.0))
            }
        }
    };
}

id!(
    /// A machine. Derived from its first identity key; stays when the key rotates.
    AgentId
);
id!(
    /// A browser profile or an `attach` key file, named by its Ed25519 key.
    DeviceId
);
id!(
    /// One link, named by the relay.
    ConnId
);
id!(
    /// One token and the stream it opens.
    TokenId
);
id!(
    /// A meeting point of an unpaired viewer and the agent, derived one-way from the pairing secret.
    RendezvousId
);
id!(
    /// One terminal on the agent's machine.
    TerminalId
);
id!(
    /// One request for approval.
    ApprovalId
);
id!(
    /// Whoever numbers inputs: one page or one `attach`, across its streams.
    WriterId
);

impl AgentId {
    /// The id of a machine whose first identity key is `key`.
    #[must_use]
    pub fn of_first_key(key: &[u8; 32]) -> Self {
        Self(sign::digest_16("lanyard/agent-id/v1", &[key]))
    }
}

impl DeviceId {
    /// The id of the device that holds `key`.
    #[must_use]
    pub fn of_key(key: &[u8; 32]) -> Self {
        Self(sign::digest_16("lanyard/device-id/v1", &[key]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_and_device_ids_of_one_key_differ() {
        assert_ne!(
            AgentId::of_first_key(&[7; 32]).0,
            DeviceId::of_key(&[7; 32]).0
        );
    }

    #[test]
    fn text_goes_there_and_back() {
        let id = TerminalId([9; 16]);
        assert_eq!(TerminalId::parse(&id.to_string()), Some(id));
        assert_eq!(TerminalId::parse("short"), None);
    }
}
