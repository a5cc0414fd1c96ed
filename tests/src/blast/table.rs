//! The cells as a person reads them.

use super::{Act, Credential, Holding, Operation, Step, Thing, Verdict, cell, loot};
use lanyard_shared::msg::Scope;
use lanyard_shared::token::Kind;
use std::fmt::Write as _;

/// Which table a credential stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Joining,
    Device,
    Tokens,
    Machine,
    Relay,
}

impl Group {
    const ALL: [Self; 5] = [
        Self::Joining,
        Self::Device,
        Self::Tokens,
        Self::Machine,
        Self::Relay,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Joining => "What lets somebody in",
            Self::Device => "What a device holds",
            Self::Tokens => "Tokens of one purpose",
            Self::Machine => "What the machine holds",
            Self::Relay => "What the relay and its operator hold",
        }
    }

    const fn of(credential: Credential) -> Self {
        match credential {
            Credential::Thing(thing) => match thing {
                Thing::EnrolmentCode
                | Thing::PairingLink
                | Thing::PairingLinkYes
                | Thing::ShareLink => Self::Joining,
                Thing::DeviceKeys | Thing::Session | Thing::StreamSecret => Self::Device,
                Thing::IdentityKey
                | Thing::NoiseKey
                | Thing::KeyFile
                | Thing::Signer
                | Thing::OwnerSocket => Self::Machine,
                Thing::RelayKey => Self::Relay,
            },
            Credential::Token(Kind::Device) => Self::Device,
            Credential::Token(
                Kind::View
                | Kind::FilesRead
                | Kind::Terminal
                | Kind::Run
                | Kind::FilesWrite
                | Kind::Prompt
                | Kind::Approve
                | Kind::Devices,
            ) => Self::Tokens,
            Credential::Operator(_) => Self::Relay,
        }
    }
}

/// All tables, in Markdown.
#[must_use]
pub fn tables() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        // A `String` takes everything.
        let _ = write!(
            text,
            "### {}\n\n| stolen | held | gets tokens for | opens streams for | uses | and can |\n|---|---|---|---|---|---|\n",
            group.words()
        );
        for credential in Credential::all().filter(|credential| Group::of(*credential) == group) {
            for holding in Holding::ALL {
                text.push_str(&row(credential, *holding));
            }
        }
        text.push('\n');
    }
    text
}

fn row(credential: Credential, holding: Holding) -> String {
    let Some(loot) = loot(credential, holding) else {
        return String::new();
    };
    let purposes = |step| {
        let verdicts = Kind::ALL.iter().map(|kind| {
            let verdict = cell(loot, Operation::Purpose(step, *kind));
            (format!("`{}`", kind.name()), verdict)
        });
        let every: Vec<_> = Scope::ALL
            .iter()
            .map(|scope| format!("`{}`", scope.name()))
            .collect();
        listed(verdicts).replace(&every.join(", "), "every purpose")
    };
    let acts = Act::ALL
        .iter()
        .map(|act| (act.words().to_owned(), cell(loot, Operation::Act(*act))));
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        credential.words(),
        holding.words(),
        purposes(Step::Mint),
        purposes(Step::Open),
        purposes(Step::Use),
        listed(acts),
    )
}

/// What can be done, the same verdicts together; "nothing" if nothing can.
fn listed(verdicts: impl Iterator<Item = (String, Verdict)>) -> String {
    let verdicts: Vec<_> = verdicts.collect();
    let parts: Vec<_> = [
        Verdict::Yes,
        Verdict::Asks,
        Verdict::WhenDue,
        Verdict::NotYet,
        Verdict::RelayOnly,
    ]
    .into_iter()
    .filter_map(|wanted| {
        let names: Vec<_> = verdicts
            .iter()
            .filter(|(_, verdict)| *verdict == wanted)
            .map(|(name, _)| name.as_str())
            .collect();
        (!names.is_empty()).then(|| format!("{}{}", names.join(", "), suffix(wanted)))
    })
    .collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join("; ")
    }
}

const fn suffix(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::No | Verdict::Yes => "",
        Verdict::Asks => ", if a person at the machine says yes",
        Verdict::WhenDue => " when its keys are due",
        Verdict::NotYet => " (nothing behind it yet)",
        Verdict::RelayOnly => " at the relay; the machine refuses",
    }
}
