//! The cells: what somebody with exactly these things can do.

use super::{Act, Credential, Holding, Operation, Step, Thing, Verdict};
use lanyard_relay::OperatorPurpose;
use lanyard_shared::token::Kind;

/// All that a thief has.
#[derive(Clone, Copy, Debug)]
pub struct Loot {
    /// What was stolen.
    pub stolen: Credential,
    /// Both keys of the device.
    pub keys: bool,
    /// A link that the device has proven.
    pub link: bool,
}

/// What the tokens that somebody can have made are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing: there is no session.
    Nothing,
    /// What a share grants here.
    View,
    /// All that a device can be granted.
    All,
}

/// What the thief has; nothing where the holding adds nothing that belongs to what was stolen.
#[must_use]
pub fn loot(stolen: Credential, holding: Holding) -> Option<Loot> {
    let (alone, keys, link) = match stolen {
        Credential::Token(_)
        | Credential::Thing(
            Thing::StreamSecret
            | Thing::IdentityKey
            | Thing::NoiseKey
            | Thing::KeyFile
            | Thing::Signer,
        ) => (true, true, true),
        Credential::Thing(Thing::DeviceKeys) => (false, true, false),
        Credential::Thing(Thing::Session) => (false, false, true),
        Credential::Thing(
            Thing::EnrolmentCode
            | Thing::PairingLink
            | Thing::PairingLinkYes
            | Thing::ShareLink
            | Thing::OwnerSocket
            | Thing::RelayKey,
        )
        | Credential::Operator(_) => (true, false, false),
    };
    let there = match holding {
        Holding::Alone => alone,
        Holding::WithDeviceKeys => keys,
        Holding::WithLiveConnection => link,
    };
    there.then_some(Loot {
        stolen,
        keys: holding == Holding::WithDeviceKeys,
        link: holding == Holding::WithLiveConnection,
    })
}

/// What comes of it when a thief with this tries that.
#[must_use]
pub fn cell(loot: Loot, operation: Operation) -> Verdict {
    match operation {
        Operation::Purpose(Step::Mint, kind) => mint(loot, kind),
        Operation::Purpose(Step::Open, kind) => open(loot, kind),
        Operation::Purpose(Step::Use, kind) => used(loot, kind),
        Operation::Act(act) => acts(loot, act),
    }
}

/// A session is the only place where tokens are given. Who holds the identity key makes a grant without it.
fn reach(loot: Loot) -> Reach {
    match loot.stolen {
        Credential::Thing(Thing::PairingLinkYes | Thing::OwnerSocket | Thing::Session) => {
            Reach::All
        }
        Credential::Thing(Thing::ShareLink) => Reach::View,
        Credential::Thing(Thing::IdentityKey | Thing::KeyFile)
        | Credential::Token(Kind::Device)
            if loot.keys =>
        {
            Reach::All
        }
        Credential::Thing(
            Thing::EnrolmentCode
            | Thing::PairingLink
            | Thing::DeviceKeys
            | Thing::StreamSecret
            | Thing::IdentityKey
            | Thing::NoiseKey
            | Thing::KeyFile
            | Thing::Signer
            | Thing::RelayKey,
        )
        | Credential::Token(_)
        | Credential::Operator(_) => Reach::Nothing,
    }
}

fn reached(reach: Reach, kind: Kind) -> bool {
    match (reach, kind) {
        (Reach::Nothing, _) => false,
        (Reach::View, Kind::Device | Kind::View) | (Reach::All, _) => true,
        (
            Reach::View,
            Kind::FilesRead
            | Kind::Terminal
            | Kind::Run
            | Kind::FilesWrite
            | Kind::Prompt
            | Kind::Approve
            | Kind::Devices,
        ) => false,
    }
}

fn yes(it: bool) -> Verdict {
    if it { Verdict::Yes } else { Verdict::No }
}

fn mint(loot: Loot, kind: Kind) -> Verdict {
    match kind {
        // Whoever copied keys must not lock their owner out by changing them.
        Kind::Device if reached(reach(loot), kind) => Verdict::WhenDue,
        Kind::Device
        | Kind::View
        | Kind::FilesRead
        | Kind::Terminal
        | Kind::Run
        | Kind::FilesWrite
        | Kind::Prompt
        | Kind::Approve
        | Kind::Devices => yes(reached(reach(loot), kind)),
    }
}

/// The relay opens for who has a token on the very link it was made for; the machine only for tokens that it made.
fn open(loot: Loot, kind: Kind) -> Verdict {
    if reached(reach(loot), kind) {
        return Verdict::Yes;
    }
    let proven = loot.keys || loot.link;
    match (loot.stolen, kind) {
        (Credential::Token(stolen), Kind::Device) => yes(stolen == kind && proven),
        (Credential::Thing(Thing::IdentityKey | Thing::KeyFile), Kind::Device) => yes(proven),
        // A signer certifies nobody, and is none for grants.
        (Credential::Thing(Thing::Signer), Kind::Device) => Verdict::No,
        (Credential::Thing(Thing::Signer), _) if proven => Verdict::RelayOnly,
        (Credential::Token(stolen), _) => yes(stolen == kind && loot.link),
        (Credential::Thing(_) | Credential::Operator(_), _) => Verdict::No,
    }
}

/// Without the stream secret, or a device's Noise key, an open stream carries ciphertext.
fn used(loot: Loot, kind: Kind) -> Verdict {
    let behind = match kind {
        Kind::Device | Kind::View | Kind::Terminal | Kind::Devices => Verdict::Yes,
        // The device signs each answer: a link that it has proven is not enough.
        Kind::Approve => yes(!matches!(loot.stolen, Credential::Thing(Thing::Session))),
        Kind::FilesRead | Kind::Run | Kind::FilesWrite | Kind::Prompt => Verdict::NotYet,
    };
    if reached(reach(loot), kind) {
        behind
    } else {
        Verdict::No
    }
}

fn acts(loot: Loot, act: Act) -> Verdict {
    let is = |thing| loot.stolen == Credential::Thing(thing);
    let operator = |purpose| loot.stolen == Credential::Operator(purpose);
    match act {
        Act::EnrolMachine => yes(is(Thing::EnrolmentCode) || operator(OperatorPurpose::Enrol)),
        Act::BeMachine | Act::RotateIdentity => yes(is(Thing::IdentityKey) || is(Thing::KeyFile)),
        Act::DeceiveDevice => yes(is(Thing::KeyFile)),
        Act::ProveDevice => yes(loot.keys || loot.link),
        Act::PairDevice => match loot.stolen {
            Credential::Thing(Thing::PairingLink) => Verdict::Asks,
            Credential::Thing(Thing::PairingLinkYes | Thing::ShareLink | Thing::OwnerSocket) => {
                Verdict::Yes
            }
            Credential::Thing(_) | Credential::Token(_) | Credential::Operator(_) => Verdict::No,
        },
        Act::StartTerminal | Act::ForgetHistory => yes(reached(reach(loot), Kind::Terminal)),
        Act::ListHistory => yes(reached(reach(loot), Kind::View)),
        Act::LockMachine => yes(reached(reach(loot), Kind::Devices)),
        Act::ReadCiphertext => yes(is(Thing::StreamSecret)),
        Act::BeOwner => yes(is(Thing::OwnerSocket)),
        Act::ReadFigures => yes(operator(OperatorPurpose::Metrics)),
        Act::MakeCode => yes(operator(OperatorPurpose::Enrol)),
        Act::ListMachines | Act::RemoveMachine => yes(operator(OperatorPurpose::Admin)),
        Act::BeRelay => yes(is(Thing::RelayKey)),
    }
}
