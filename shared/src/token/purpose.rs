//! What tokens are for. A purpose is a type, so a permit for one never passes for another.
//!
//! The table below is the only list: a purpose that is added there asks for its place in every `match` over [`Kind`].

use crate::limits::{
    LIFE_APPROVE, LIFE_DEVICE, LIFE_DEVICES, LIFE_FILES_READ, LIFE_FILES_WRITE, LIFE_PROMPT,
    LIFE_RUN, LIFE_TERMINAL, LIFE_VIEW,
};
use std::time::Duration;

/// `typ` of a device grant.
pub const GRANT_TYP: &str = "lanyard-grant+jwt";
/// `typ` of every other token.
pub const TOKEN_TYP: &str = "lanyard-token+jwt";

/// What keeps a token alive beyond its first life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Whenever its device says hello.
    Sliding,
    /// As long as its stream is attached.
    WhileAttached,
    /// When it was used during its life.
    OnUse,
    /// While a person is present at the device: see [`crate::limits::PRESENCE`].
    WhilePresent,
    /// Nothing: who needs it longer asks for another.
    Never,
}

impl Renewal {
    /// In words, as the docs and the generated types say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sliding => "sliding",
            Self::WhileAttached => "while attached",
            Self::OnUse => "on use",
            Self::WhilePresent => "while a person is present",
            Self::Never => "never",
        }
    }
}

/// One of the purposes. Sealed: a new one is added here and nowhere else.
pub trait Purpose: sealed::Sealed {
    /// The claim `aud`.
    const NAME: &'static str = Self::KIND.name();
    /// The header `typ`.
    const TYP: &'static str = Self::KIND.typ();
    /// The longest life.
    const LIFE: Duration = Self::KIND.life();
}

mod sealed {
    pub trait Sealed {
        const KIND: super::Kind;
    }
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident $text:literal $life:ident $renewal:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $name {}
            impl Purpose for $name {}
            impl sealed::Sealed for $name {
                const KIND: Kind = Kind::$name;
            }
        )*

        /// The purposes as values, for who reads one from a token.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// All of them, in the order of the table in `docs/PROTOCOL.md`, section 3.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The claim `aud`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How long one token lives at most.
            #[must_use]
            pub const fn life(self) -> Duration {
                match self { $(Self::$name => $life,)* }
            }

            /// What prolongs it.
            #[must_use]
            pub const fn renewal(self) -> Renewal {
                match self { $(Self::$name => Renewal::$renewal,)* }
            }
        }
    };
}

purposes! {
    /// Opens sessions: the grant of a paired device.
    Device "device" LIFE_DEVICE Sliding;
    /// Watches one terminal.
    View "view" LIFE_VIEW WhileAttached;
    /// Reads files below one folder.
    FilesRead "files.read" LIFE_FILES_READ OnUse;
    /// Types into one terminal.
    Terminal "terminal" LIFE_TERMINAL WhilePresent;
    /// Starts commands.
    Run "run" LIFE_RUN WhilePresent;
    /// Changes files below one folder.
    FilesWrite "files.write" LIFE_FILES_WRITE WhilePresent;
    /// Speaks to a coding agent.
    Prompt "prompt" LIFE_PROMPT WhilePresent;
    /// Answers one request for approval.
    Approve "approve" LIFE_APPROVE Never;
    /// Sees and ends what has access to the machine.
    Devices "devices" LIFE_DEVICES Never;
}

impl Kind {
    /// The header `typ`.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        if self.bound() { TOKEN_TYP } else { GRANT_TYP }
    }

    /// Whether the token is bound to one viewer's link and opens one stream there, once. Grants are not.
    #[must_use]
    pub const fn bound(self) -> bool {
        !matches!(self, Self::Device)
    }
}
