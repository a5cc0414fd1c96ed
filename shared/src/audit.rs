//! The head of a machine's audit log: what devices keep of it, so that a log that was edited is found by those who cannot edit it
//! (`docs/PROTOCOL.md`, section 4.7).

use crate::b64;
use crate::ids::AgentId;
use crate::sign::{self, transcript};
use ed25519_dalek::SigningKey;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the hash of a line and of all before it begins with.
pub const LINE_CONTEXT: &str = "lanyard/audit/v1";
/// What a machine's signature over a head begins with.
pub const CHECKPOINT_CONTEXT: &str = "lanyard/audit-checkpoint/v1";

/// How far a log goes: how many lines, and the hash of them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export, rename = "AuditHead")]
pub struct Head {
    /// Lines so far.
    #[ts(type = "number")]
    pub count: u64,
    /// Of them all.
    pub hash: b64::Bytes<32>,
}

impl Head {
    /// Of no lines.
    pub const EMPTY: Self = Self {
        count: 0,
        hash: b64::Bytes([0; 32]),
    };

    /// With one line more, which is given without its end.
    #[must_use]
    pub fn behind(self, line: &[u8]) -> Self {
        let mut hash = [0; 32];
        let text = transcript(LINE_CONTEXT, &[&self.hash.0, line]);
        hash.copy_from_slice(digest(&SHA256, &text).as_ref());
        Self {
            count: self.count + 1,
            hash: b64::Bytes(hash),
        }
    }

    /// The machine vouches for all lines up to here.
    #[must_use]
    pub fn sign(&self, agent: AgentId, key: &SigningKey) -> [u8; 64] {
        let count = self.count.to_be_bytes();
        sign::sign(key, CHECKPOINT_CONTEXT, &[&agent.0, &count, &self.hash.0])
    }

    /// Whether that is by this key.
    #[must_use]
    pub fn is_signed(&self, agent: AgentId, key: &[u8; 32], signature: &[u8; 64]) -> bool {
        let count = self.count.to_be_bytes();
        let fields: [&[u8]; 3] = [&agent.0, &count, &self.hash.0];
        sign::verify(key, CHECKPOINT_CONTEXT, &fields, signature)
    }
}
