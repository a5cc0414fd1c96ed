//! The blast radius of every credential: what a thief of exactly this can do. The table in `docs/THREAT_MODEL.md` and the test that tries it
//! for real (`tests/tests/blast/`) come from the same data.
//!
//! A purpose or an operation that is added asks for its place in the matches of `cell.rs`: none of them takes "all others".

mod cell;
mod table;

pub use cell::{Loot, Reach, cell, loot};
pub use table::tables;

use lanyard_relay::OperatorPurpose;
use lanyard_shared::token::Kind;

/// An enumeration whose list of values cannot miss one.
macro_rules! listed {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$of])* $value,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// For a person.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$value => $words,)* }
            }
        }
    };
}

listed! {
    /// What is neither a token of a purpose nor an operator's.
    Thing {
        /// What lets one machine join a relay.
        EnrolmentCode "enrolment code",
        /// A link that asks at the machine.
        PairingLink "pairing link",
        /// A link that asks nobody.
        PairingLinkYes "pairing link made with `--yes`",
        /// The same for somebody else, to watch.
        ShareLink "share link made with `--yes`",
        /// Both keys of a device, without its grant.
        DeviceKeys "device keys, without the grant",
        /// A live session: its Noise keys and its link.
        Session "live session",
        /// What one stream is sealed with.
        StreamSecret "stream secret",
        /// Names the machine.
        IdentityKey "agent's identity key",
        /// Opens sessions.
        NoiseKey "agent's Noise key",
        /// Both of them, as they lie on the disk.
        KeyFile "agent's key file (identity and Noise key)",
        /// Signs tokens.
        Signer "token signer",
        /// The owner's commands.
        OwnerSocket "owner's socket",
        /// The relay's certificate.
        RelayKey "relay's TLS key",
    }
}

/// Anything that can be stolen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// See there.
    Thing(Thing),
    /// A token of this purpose; of [`Kind::Device`] the grant.
    Token(Kind),
    /// An operator token.
    Operator(OperatorPurpose),
}

listed! {
    /// What the thief has besides.
    Holding {
        /// Nothing.
        Alone "alone",
        /// The keys of the device whose it is.
        WithDeviceKeys "with the device's keys",
        /// The link whose proof that device gave, without its keys.
        WithLiveConnection "with the live connection",
    }
}

/// Anything that can be done with credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Something with a purpose.
    Purpose(Step, Kind),
    /// Something else.
    Act(Act),
}

listed! {
    /// What is done with a purpose, one after the other.
    Step {
        /// Have a token made: of [`Kind::Device`] a grant for other keys of the device.
        Mint "be given",
        /// Have its stream accepted.
        Open "have opened",
        /// Have its effect.
        Use "use",
    }
}

listed! {
    /// What is done without one.
    Act {
        /// With a code.
        EnrolMachine "enrol a machine",
        /// On a link of its own.
        BeMachine "take the machine's place at the relay",
        /// To a key of the thief's.
        RotateIdentity "change the machine's identity at the relay",
        /// In a session, as the machine.
        DeceiveDevice "answer a device as the machine",
        /// To the relay.
        ProveDevice "prove a link as the device",
        /// By a link.
        PairDevice "pair a device",
        /// In a session.
        StartTerminal "start a terminal",
        /// In a session.
        ListHistory "list terminals that have ended",
        /// In a session.
        ForgetHistory "forget terminals that have ended",
        /// As a `devices` stream does.
        LockMachine "lock the machine",
        /// From its records.
        ReadCiphertext "read a stream from its ciphertext",
        /// Over the owner's socket.
        BeOwner "command as the owner",
        /// Of the relay.
        ReadFigures "read the relay's figures",
        /// For further machines.
        MakeCode "make an enrolment code",
        /// All at the relay.
        ListMachines "list machines",
        /// For good.
        RemoveMachine "remove a machine",
        /// To who believes the certificate.
        BeRelay "stand in for the relay",
    }
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Refused.
    No,
    /// The relay passes it on; the machine refuses.
    RelayOnly,
    /// A person at the machine must say yes.
    Asks,
    /// When the device's keys are due, or the owner wants it; refused before.
    WhenDue,
    /// The stream stands, and there is nothing behind it in this version.
    NotYet,
    /// Done.
    Yes,
}

impl Credential {
    /// All of them, in the order of the tables.
    pub fn all() -> impl Iterator<Item = Self> {
        let things = Thing::ALL.iter().copied().map(Self::Thing);
        let tokens = Kind::ALL.iter().copied().map(Self::Token);
        let operators = OperatorPurpose::all().map(Self::Operator);
        things.chain(tokens).chain(operators)
    }

    /// For a person.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Thing(thing) => thing.words().to_owned(),
            Self::Token(Kind::Device) => "device grant".to_owned(),
            Self::Token(
                kind @ (Kind::View
                | Kind::FilesRead
                | Kind::Terminal
                | Kind::Run
                | Kind::FilesWrite
                | Kind::Prompt
                | Kind::Approve
                | Kind::Devices),
            ) => format!("`{}` token", kind.name()),
            Self::Operator(purpose) => format!("operator token `{}`", purpose.name()),
        }
    }
}

impl Operation {
    /// All of them, in the order of the columns.
    pub fn all() -> impl Iterator<Item = Self> {
        let purposes = Step::ALL
            .iter()
            .flat_map(|step| Kind::ALL.iter().map(|kind| Self::Purpose(*step, *kind)));
        purposes.chain(Act::ALL.iter().copied().map(Self::Act))
    }
}

/// Every thief there is: what was stolen, with what. Where a holding makes no sense there is none.
pub fn thieves() -> impl Iterator<Item = (Credential, Holding)> {
    Credential::all().flat_map(|credential| {
        Holding::ALL
            .iter()
            .filter(move |holding| loot(credential, **holding).is_some())
            .map(move |holding| (credential, *holding))
    })
}
