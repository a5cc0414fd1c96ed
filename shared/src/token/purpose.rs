//! What tokens are for. A purpose is a type, so a permit for one never passes for another.

use crate::limits::{LIFE_DEVICE, LIFE_TERMINAL, LIFE_VIEW};
use std::time::Duration;

/// `typ` of a device grant.
pub const GRANT_TYP: &str = "lanyard-grant+jwt";
/// `typ` of every other token.
pub const TOKEN_TYP: &str = "lanyard-token+jwt";

/// Opens sessions: the grant of a paired device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {}

/// Watches one terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {}

/// Types into one terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {}

/// One of the purposes. Sealed: a new one is added here and nowhere else.
pub trait Purpose: sealed::Sealed {
    /// The claim `aud`.
    const NAME: &'static str = Self::KIND.name();
    /// The header `typ`.
    const TYP: &'static str = Self::KIND.typ();
    /// The longest life.
    const LIFE: Duration = Self::KIND.life();
}

impl Purpose for Device {}
impl Purpose for View {}
impl Purpose for Terminal {}

/// The purposes as values, for who reads one from a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Device`].
    Device,
    /// [`View`].
    View,
    /// [`Terminal`].
    Terminal,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Device, Self::View, Self::Terminal];

    /// The claim `aud`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::View => "view",
            Self::Terminal => "terminal",
        }
    }

    pub(super) const fn typ(self) -> &'static str {
        match self {
            Self::Device => GRANT_TYP,
            Self::View | Self::Terminal => TOKEN_TYP,
        }
    }

    pub(super) const fn life(self) -> Duration {
        match self {
            Self::Device => LIFE_DEVICE,
            Self::View => LIFE_VIEW,
            Self::Terminal => LIFE_TERMINAL,
        }
    }

    /// Whether the token is bound to one viewer's link.
    pub(super) const fn bound(self) -> bool {
        match self {
            Self::Device => false,
            Self::View | Self::Terminal => true,
        }
    }
}

mod sealed {
    use super::{Device, Kind, Terminal, View};

    pub trait Sealed {
        const KIND: Kind;
    }

    impl Sealed for Device {
        const KIND: Kind = Kind::Device;
    }
    impl Sealed for View {
        const KIND: Kind = Kind::View;
    }
    impl Sealed for Terminal {
        const KIND: Kind = Kind::Terminal;
    }
}
