//! What is said on the owner's socket, both ways: one JSON object a line.

use crate::core::keys::Urgency;
use crate::core::pairing::QuestionId;
use crate::core::rotation::{Rotated, Rotation};
use crate::policy::present::Present;
use crate::state::Finding;
use lanyard_policy::decide::Decision;
use lanyard_shared::access::{
    DeviceEntry, InvitationEntry, KeyEntry, Reach, Revocation, TokenEntry,
};
use lanyard_shared::approval::{
    Fences, Granted, Hash, Holds, Mode, Program, Request as Approval, Settled, Verdict,
};
use lanyard_shared::ids::{AgentId, ApprovalId, DeviceId};
use lanyard_shared::msg::{Reason, Scope, Terminal};
use lanyard_shared::pair::{PairingLink, address::Address};
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};

/// A request on the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// See [`super::Command::Pair`].
    Pair {
        /// What it grants.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
        /// For how many seconds the device may stay; `None` while it is used.
        stays: Option<u64>,
        /// The yes, given beforehand.
        yes: bool,
    },
    /// See [`super::Command::Cancel`].
    Cancel {},
    /// See [`super::Command::Answer`].
    Answer {
        /// Which.
        question: QuestionId,
        /// The answer.
        yes: bool,
    },
    /// See [`super::Command::Status`].
    Status {},
    /// See [`super::Command::Revoke`].
    Revoke {
        /// What.
        revocation: Revocation,
    },
    /// See [`super::Command::Lock`].
    Lock {
        /// Shut, or open again.
        locked: bool,
    },
    /// See [`super::Command::Rotate`].
    Rotate {
        /// Which.
        rotation: Rotation,
        /// How.
        urgency: Urgency,
    },
    /// See [`super::Command::Trust`].
    Trust {
        /// Which.
        device: DeviceId,
    },
    /// See [`super::Command::LookAtHistory`].
    LookAtHistory {},
    /// See [`super::Command::AcceptClock`].
    AcceptClock {},
    /// See [`super::Command::Ask`].
    Ask {
        /// For what.
        wish: Box<Wish>,
    },
    /// See [`super::Command::Approvals`].
    Approvals {},
    /// See [`super::Command::AnswerApproval`].
    AnswerApproval {
        /// Which.
        id: ApprovalId,
        /// What was shown.
        hash: Hash,
        /// The answer.
        verdict: Verdict,
        /// For how long.
        holds: Holds,
    },
    /// See [`super::Command::Permissions`].
    Permissions {},
    /// See [`super::Command::SetMode`].
    SetMode {
        /// Which.
        mode: Option<Mode>,
    },
    /// See [`super::Command::EndGranted`].
    EndGranted {
        /// Which.
        id: ApprovalId,
    },
}

/// A command that somebody on this machine would like to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What it calls itself; may be empty.
    pub name: String,
    /// A coding agent's name for its session, which runs the line by itself.
    pub session: Option<String>,
    /// What would run, as a shell reads it.
    pub line: String,
    /// The programs that the line starts.
    pub programs: Vec<Program>,
    /// Where it would start.
    pub folder: String,
    /// What it may change.
    pub workspace: String,
    /// What it would be kept to.
    pub fences: Fences,
}

/// What the agent tells its owner, asked or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// The relay has accepted this machine.
    Online {
        /// Its address.
        relay: String,
        /// The address browsers use.
        web: String,
        /// Something to know, or empty.
        warning: String,
    },
    /// The link has ended; the agent dials again.
    Offline {
        /// Why.
        sentence: String,
        /// What to do; may be empty.
        hint: String,
    },
    /// The relay cannot be reached; the agent tries again.
    Unreachable {
        /// Why.
        sentence: String,
        /// What to do.
        hint: String,
    },
    /// Something that must be on disk could not be written, or what was there was damaged.
    Trouble {
        /// What.
        sentence: String,
        /// What to do.
        hint: String,
    },
    /// The answer to `pair`.
    Link(Link),
    /// A device wants in.
    Question {
        /// To answer with.
        question: QuestionId,
        /// How it calls itself.
        device: String,
        /// To compare with its screen.
        words: [String; 4],
        /// What a yes grants.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
        /// When it ends whatever happens: a share.
        until: Option<UnixMs>,
    },
    /// Nobody needs to answer any more.
    Withdrawn {
        /// Which question.
        question: QuestionId,
    },
    /// A device was paired.
    Paired {
        /// How it calls itself.
        device: String,
        /// What it was granted.
        scopes: Vec<Scope>,
    },
    /// The answer to `ask`: whether it may run, may not, or people are asked.
    Decided {
        /// Which.
        decision: Decision,
        /// Why.
        reason: String,
        /// What people are asked.
        request: Option<Box<Approval>>,
        /// What was let stand for now, by which that was decided.
        present: Present,
    },
    /// What a person lets stand for now.
    Permissions {
        /// The mode that was chosen.
        mode: Option<Mode>,
        /// Rules for a time.
        granted: Vec<Granted>,
    },
    /// People are asked whether something may run.
    Approval {
        /// What.
        request: Box<Approval>,
    },
    /// A request for approval has ended.
    Settled {
        /// How.
        settled: Settled,
    },
    /// The answer to an answer: what has come of the request, by it or by an earlier one.
    Answered {
        /// How it ended.
        settled: Settled,
    },
    /// The answer to `approvals`: what waits.
    Approvals {
        /// The oldest first.
        requests: Vec<Approval>,
    },
    /// The answer to `status`.
    Status(Status),
    /// Done as asked.
    Done {},
    /// The answer to `revoke`.
    Ended {
        /// How many tokens ended.
        tokens: u32,
    },
    /// The answer to `rotate`.
    Rotated {
        /// What, and when the old keys stop working.
        rotated: Vec<Rotated>,
    },
    /// A rotation that waited for somebody is done.
    RotationDone {
        /// Which, and when the old keys stopped working.
        rotated: Rotated,
    },
    /// The answer to `accept_clock`.
    ClockAccepted {
        /// The present time, which is taken for right.
        time: UnixMs,
        /// The names of devices that must pair again: they were last seen at a time that has not come yet.
        pair_again: Vec<String>,
    },
    /// A copy of a device was seen: it may only watch until its owner has decided.
    Suspended {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
    },
    /// Not done.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// A pairing link for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// To open in a browser, or to give to `lanyard attach`.
    pub url: String,
    /// Whether only this machine can open it.
    pub local_only: bool,
    /// The relay's certificate to compare, in hex, when no authority vouches for it.
    pub fingerprint: Option<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Why.
    pub sentence: String,
    /// What to do; may be empty.
    pub hint: String,
}

/// A time in which nothing ran here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When it began.
    pub from: UnixMs,
    /// When it was over.
    pub to: UnixMs,
    /// Whether the machine slept. Otherwise it was the agent alone that was held up.
    pub asleep: bool,
}

/// How things are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether the relay has accepted this machine.
    pub online: bool,
    /// Since when that is so; `None` before the first answer.
    pub since: Option<UnixMs>,
    /// Why it has not, as far as is known; `None` while it has.
    pub trouble: Option<Trouble>,
    /// The last time in which the machine slept, or this agent was held up.
    pub gap: Option<Gap>,
    /// The relay.
    pub relay: String,
    /// The address browsers use.
    pub web: Option<String>,
    /// This machine.
    pub agent: AgentId,
    /// Viewers that have a session now.
    pub sessions: usize,
    /// All terminals.
    pub terminals: Vec<Terminal>,
    /// The machine's clock.
    pub time: UnixMs,
    /// Whether all remote access is shut.
    pub locked: bool,
    /// All devices.
    pub devices: Vec<DeviceEntry>,
    /// All live tokens.
    pub tokens: Vec<TokenEntry>,
    /// The machine's own keys.
    pub keys: Vec<KeyEntry>,
    /// Pairing and share links that still open.
    pub invitations: Vec<InvitationEntry>,
    /// What the relay said when it accepted this machine: something to know, or empty.
    pub warning: String,
    /// The time that this machine knew and its clock is behind: nothing is granted until then.
    pub clock_behind: Option<UnixMs>,
    /// Files that were found damaged and still lie there.
    pub findings: Vec<Finding>,
}

impl Link {
    /// The link at the address browsers use.
    #[must_use]
    pub fn new(web: &Address, link: &PairingLink) -> Self {
        Self {
            url: link.url(web).to_string(),
            local_only: web.is_loopback(),
            fingerprint: link
                .fingerprint
                .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}
