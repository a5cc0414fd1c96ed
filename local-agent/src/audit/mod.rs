//! What was asked, answered and done on this machine, in a record that cannot be edited unnoticed: each line names the hash of all before it, and
//! every so often one is signed.
//!
//! [`chain`] and `sense` are pure: whether lines follow from each other, and whether what they say can be true. `segments` are the files of the log,
//! [`read`] reads them, [`log`] writes them, and [`recorder`] decides what must be on the disk at once, what is signed when, and what is too much.

pub mod chain;
pub mod log;
pub mod read;
pub mod recorder;
mod segments;
mod sense;

use chain::Head;
use lanyard_shared::access::{Reach, Revocation};
use lanyard_shared::approval::{Asker, Hash, Mode, Request, Settled};
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, ApprovalId, DeviceId, TerminalId, TokenId};
use lanyard_shared::msg::{Scope, Wanted};
use lanyard_shared::rotate::IdentityCert;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", deny_unknown_fields)]
pub enum Event {
    /// The agent has begun to work.
    Began {
        /// This machine, to which devices have signed.
        agent: AgentId,
        /// Its version.
        version: String,
        /// Its identity key, which signs the log from here on.
        key: b64::Bytes<32>,
    },
    /// A file of the log begins, perhaps the oldest one that is left.
    Continued {
        /// This machine.
        agent: AgentId,
        /// Its identity key.
        key: b64::Bytes<32>,
    },
    /// The identity key was replaced: each of these was signed by the key before it, and the last one signs from here on.
    Rekeyed {
        /// From the key that signed so far.
        chain: Vec<IdentityCert>,
    },
    /// The agent vouches for all lines before this one.
    Checkpoint {
        /// By its identity key, see [`chain::Head::sign`].
        signature: b64::Bytes<64>,
    },
    /// The last line had not been written whole, and was taken away.
    Torn {
        /// How many bytes there were of it.
        bytes: u64,
    },
    /// So many lines before this one could not be written.
    Unwritten {
        /// How many.
        lines: u64,
    },
    /// So many lines before this one were too many in too short a time, and were not written.
    Omitted {
        /// How many.
        lines: u64,
    },
    /// Lines were removed because their time was over.
    Removed {
        /// Up to here.
        through: Head,
    },
    /// People are asked.
    Asked {
        /// For what.
        request: Box<Request>,
        /// What their answer will be about.
        hash: Hash,
    },
    /// A request for approval has ended. Nothing is done by it before this is on the disk.
    Settled {
        /// How.
        settled: Settled,
    },
    /// Rules have decided about a command, and nobody was asked.
    Decided {
        /// Who wanted to run it.
        asker: Asker,
        /// The command.
        line: String,
        /// Where.
        folder: String,
        /// Whether it may run.
        allowed: bool,
        /// Why.
        reason: String,
    },
    /// A person has chosen how to work for now.
    ModeChosen {
        /// The mode; nothing for what settings say.
        mode: Option<Mode>,
        /// Who.
        by: Who,
    },
    /// Rules that stood for a time stand no longer.
    GrantEnded {
        /// The request to which they were the answer.
        id: ApprovalId,
        /// Who has ended them.
        by: Who,
    },
    /// Rules that a person lets stand for good are in a file, or could not be written there.
    RulesSaved {
        /// The request to which that was the answer.
        id: ApprovalId,
        /// The rules.
        rules: Vec<String>,
        /// The file.
        file: String,
        /// Why not; nothing if they are.
        failed: Option<String>,
    },
    /// The settings of a folder count from now on, as somebody at the machine has said.
    FolderTrusted {
        /// The folder.
        folder: String,
        /// Its settings.
        hash: b64::Bytes<32>,
    },
    /// A device was paired.
    Paired {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
        /// What it may ask tokens for.
        scopes: Vec<Scope>,
        /// What those reach.
        reach: Reach,
        /// When it ends whatever happens.
        until: Option<UnixMs>,
    },
    /// A device has begun a session.
    Connected {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
        /// From which address, as the relay says.
        from: String,
    },
    /// A token was minted.
    Minted {
        /// For whom.
        device: DeviceId,
        /// Its id.
        jti: TokenId,
        /// For what.
        wanted: Wanted,
        /// When it ends, unless it is renewed.
        expires: UnixMs,
    },
    /// A token has ended.
    Ended {
        /// Its id.
        jti: TokenId,
        /// Why, in a sentence.
        why: String,
    },
    /// A token was refused.
    Refused {
        /// To whom.
        device: DeviceId,
        /// For what.
        wanted: Wanted,
        /// Why, in a sentence.
        why: String,
    },
    /// Access was ended.
    Revoked {
        /// What of it.
        what: Revocation,
        /// By whom.
        by: Who,
    },
    /// A device's time was over.
    ShareEnded {
        /// Which.
        device: DeviceId,
    },
    /// All remote access was ended until it is opened again, or was opened again.
    Locked {
        /// Whether it is closed now.
        locked: bool,
        /// By whom.
        by: Who,
    },
    /// A copy of a device's keys was seen.
    Suspended {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
    },
    /// The owner says that a suspended device is theirs.
    Trusted {
        /// Which.
        device: DeviceId,
    },
    /// A key of the machine or of a device was replaced, or is about to be.
    Rotated {
        /// Which: `signer`, `identity`, `noise` or `device`.
        key: String,
        /// Whose, if it is a device's.
        device: Option<DeviceId>,
    },
    /// A device goes on under other keys.
    KeysChanged {
        /// By its keys of before.
        from: DeviceId,
        /// By its new ones.
        to: DeviceId,
    },
    /// A terminal was started.
    TerminalBegan {
        /// Which.
        terminal: TerminalId,
        /// Its name.
        name: String,
        /// By whom.
        by: Who,
    },
    /// A terminal is gone.
    TerminalEnded {
        /// Which.
        terminal: TerminalId,
        /// Who wanted that; nobody if it ended by itself, or was ended at the machine.
        by: Option<Who>,
    },
    /// What was kept of a terminal was removed.
    HistoryRemoved {
        /// Which.
        terminal: TerminalId,
        /// By whom.
        by: Who,
    },
    /// A device has seen lines here that are not these.
    Disputed {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
        /// What it has seen.
        seen: Head,
    },
}

/// Who has done something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", deny_unknown_fields)]
pub enum Who {
    /// Somebody at the machine.
    Machine {},
    /// A device.
    Device {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
    },
}

impl Event {
    /// Whether it must be on the disk before anything goes on. The others are there a little later, or with the next of these, and are bounded by
    /// time: a device alone can cause as many of them as it likes.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        match self {
            Self::Connected { .. }
            | Self::Minted { .. }
            | Self::Ended { .. }
            | Self::Refused { .. }
            | Self::Decided { allowed: false, .. }
            // A device can end tokens of its own, and come back, as often as it likes.
            | Self::Revoked {
                what: Revocation::Token { .. },
                ..
            }
            | Self::Disputed { .. } => false,
            Self::Began { .. }
            | Self::Continued { .. }
            | Self::Rekeyed { .. }
            | Self::Checkpoint { .. }
            | Self::Torn { .. }
            | Self::Unwritten { .. }
            | Self::Omitted { .. }
            | Self::Removed { .. }
            | Self::Asked { .. }
            | Self::Settled { .. }
            | Self::Decided { .. }
            | Self::ModeChosen { .. }
            | Self::GrantEnded { .. }
            | Self::RulesSaved { .. }
            | Self::FolderTrusted { .. }
            | Self::Paired { .. }
            | Self::Revoked { .. }
            | Self::ShareEnded { .. }
            | Self::Locked { .. }
            | Self::Suspended { .. }
            | Self::Trusted { .. }
            | Self::Rotated { .. }
            | Self::KeysChanged { .. }
            | Self::TerminalBegan { .. }
            | Self::TerminalEnded { .. }
            | Self::HistoryRemoved { .. } => true,
        }
    }
}
