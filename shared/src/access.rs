//! Who has access to a machine, and how it is ended: what lists show and what revocations name (`docs/PROTOCOL.md`, section 4.5).
//!
//! The same words go to the owner's commands, to a page about its own device, and, sealed, to a device that holds `devices`.

mod first;
mod warning;
mod words;

pub use first::{Stop, Unless, What, first_to_stop};
pub use warning::{Warning, warnings};
pub use words::{in_short, kept_by};

use crate::audit::Head;
use crate::ids::{ConnId, DeviceId, TerminalId, TokenId};
use crate::msg::{Reason, Scope};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a device's purposes reach. What lies outside does not exist for it; `None` bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Reach {
    /// Only what is below this folder: terminals that were started there, files.
    pub root: Option<String>,
    /// Only this terminal.
    pub terminal: Option<TerminalId>,
}

impl Reach {
    /// Whether it bounds all that these purposes open. `devices` sees and ends what has access, whatever folder or terminal that is about.
    #[must_use]
    pub fn can_bound(&self, scopes: &[Scope]) -> bool {
        *self == Self::default() || !scopes.contains(&Scope::Devices)
    }
}

/// A paired device, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct DeviceEntry {
    /// Its id.
    pub id: DeviceId,
    /// How it calls itself.
    pub name: String,
    /// What it may ask tokens for.
    pub scopes: Vec<Scope>,
    /// What those reach.
    pub reach: Reach,
    /// When it was paired.
    pub paired: UnixMs,
    /// When it last said hello.
    pub seen: UnixMs,
    /// From where, in the relay's words; empty if it was never told.
    pub from: String,
    /// When its grant ends unless it is used.
    pub expires: UnixMs,
    /// When it ends whatever happens: a share.
    pub until: Option<UnixMs>,
    /// When its keys end unless they are rotated, which happens by itself.
    pub keys_end: UnixMs,
    /// Links on which it has a session now.
    pub sessions: u32,
    /// It was seen twice at once, as only a copy is: it may only watch until a person at the machine has decided.
    pub suspended: bool,
    /// Its keys are to be changed, and it has not come back with others yet.
    pub changing_keys: bool,
    /// Whether it is the device that is told this.
    pub yours: bool,
}

/// A live token, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct TokenEntry {
    /// The token.
    pub jti: TokenId,
    /// For what.
    pub purpose: Scope,
    /// For whom.
    pub device: DeviceId,
    /// Over which link.
    pub conn: ConnId,
    /// From where that link comes, in the relay's words.
    pub from: String,
    /// What it opens: a terminal's name, a folder; may be empty.
    pub about: String,
    /// When its present life began.
    pub issued: UnixMs,
    /// When it stops working unless it is renewed.
    pub expires: UnixMs,
    /// When something last came over its stream.
    pub used: UnixMs,
    /// Whether its stream stands.
    pub attached: bool,
}

/// One of the machine's own keys, as lists show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Which.
    pub kind: KeyKind,
    /// Since when; `None` for a key that is on its way out.
    pub since: Option<UnixMs>,
    /// When it ends; another takes its place before, by itself. `None` for a key that is on its way in.
    pub ends: Option<UnixMs>,
}

/// Which of the machine's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Names the machine and signs for it.
    Identity,
    /// Takes the identity's place when the relay has it.
    IdentityNext,
    /// An identity that was replaced: what it granted still holds.
    IdentityBefore,
    /// Opens sessions.
    Noise,
    /// The Noise key before the present one.
    NoiseBefore,
    /// Signs tokens.
    Signer,
    /// The signer before the present one.
    SignerBefore,
}

impl KeyKind {
    /// Its name, and what it is for.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Identity => ("identity key", "names this machine"),
            Self::IdentityNext => ("identity key next", "waits for the relay to take it"),
            Self::IdentityBefore => ("identity key before", "what it granted holds"),
            Self::Noise => ("noise key", "opens sessions"),
            Self::NoiseBefore => ("noise key before", "opens sessions"),
            Self::Signer => ("token signer", "signs tokens"),
            Self::SignerBefore => ("token signer before", "opens what it signed"),
        }
    }
}

/// A pairing or share link that still opens, as lists show it. The link itself is in no list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationEntry {
    /// What it grants.
    pub scopes: Vec<Scope>,
    /// What that reaches.
    pub reach: Reach,
    /// When it was made.
    pub since: UnixMs,
    /// When it stops opening.
    pub expires: UnixMs,
    /// For how many seconds the device may stay: a share.
    pub stays: Option<u64>,
    /// Whether it lets in whoever follows it.
    pub without_asking: bool,
}

/// What a revocation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum Revocation {
    /// One token and its stream. Its device may ask for another.
    Token {
        /// The token.
        jti: TokenId,
    },
    /// One purpose, for good: it is no longer granted, and its tokens end.
    Purpose {
        /// Which.
        purpose: Scope,
        /// Of which device; `None` of all.
        device: Option<DeviceId>,
    },
    /// One device, for good: its keys, its grant, its tokens, its links.
    Device {
        /// Which.
        device: DeviceId,
    },
    /// Every device, and every link by which one could come in.
    Everything {},
}

/// On a `devices` stream, from the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum DevicesRequest {
    /// Everything that has access, please.
    List {
        /// Number of the request, chosen by the viewer; comes back.
        req: u32,
    },
    /// End something.
    Revoke {
        /// Number of the request.
        req: u32,
        /// What.
        revocation: Revocation,
    },
    /// End all remote access until somebody at the machine opens it again.
    Lock {
        /// Number of the request.
        req: u32,
    },
    /// Lines of the audit log, please.
    Audit {
        /// Number of the request.
        req: u32,
        /// Those before this line; nothing for the last ones. Counted from 1.
        #[ts(type = "number | null")]
        before: Option<u64>,
    },
}

/// On a `devices` stream, from the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum DevicesReply {
    /// A part of the list.
    Listed {
        /// From the request.
        req: u32,
        /// The machine's clock.
        time: UnixMs,
        /// Some devices.
        devices: Vec<DeviceEntry>,
        /// Some tokens.
        tokens: Vec<TokenEntry>,
        /// Whether another part follows.
        more: bool,
    },
    /// Done as asked.
    Done {
        /// From the request.
        req: u32,
        /// How many tokens ended.
        ended: u32,
    },
    /// A part of some lines of the audit log.
    Audited {
        /// From the request.
        req: u32,
        /// The number of the first of the lines; 0 if there are none.
        #[ts(type = "number")]
        first: u64,
        /// The lines as they stand, or a piece of them that ends anywhere.
        text: String,
        /// Whether another piece follows.
        more: bool,
        /// Whether there are lines before these.
        earlier: bool,
        /// How far the log goes.
        head: Head,
    },
    /// Not done.
    Refused {
        /// From the request.
        req: u32,
        /// Why.
        reason: Reason,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{LIFE_DEVICE, LIFE_DEVICE_KEYS};
    use crate::msg::decode;
    use std::time::Duration;

    /// A device that was paired just now and is not connected.
    pub(super) fn device(now: UnixMs) -> DeviceEntry {
        DeviceEntry {
            id: DeviceId([1; 16]),
            name: "Pixel".to_owned(),
            scopes: vec![Scope::View, Scope::Terminal],
            reach: Reach::default(),
            paired: now,
            seen: now,
            from: String::new(),
            expires: now + LIFE_DEVICE,
            until: None,
            keys_end: now + LIFE_DEVICE_KEYS,
            sessions: 0,
            suspended: false,
            changing_keys: false,
            yours: false,
        }
    }

    /// A token of that device with so many seconds left.
    pub(super) fn token(purpose: Scope, now: UnixMs, left: u64) -> TokenEntry {
        TokenEntry {
            jti: TokenId([2; 16]),
            purpose,
            device: DeviceId([1; 16]),
            conn: ConnId([3; 16]),
            from: String::new(),
            about: "build".to_owned(),
            issued: now,
            expires: now + Duration::from_secs(left),
            used: now,
            attached: true,
        }
    }

    #[test]
    fn a_revocation_names_exactly_what_it_ends() {
        let read = decode::<Revocation>;
        assert_eq!(
            read(br#"{"what":"everything"}"#),
            Ok(Revocation::Everything {})
        );
        for wrong in [
            &br#"{"what":"everything","device":null}"#[..],
            br#"{"what":"device"}"#,
            br#"{"what":"purpose","purpose":"device","device":null}"#,
            br#"{"what":"all"}"#,
            b"[]",
        ] {
            assert!(read(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }
}
