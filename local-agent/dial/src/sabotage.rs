//! Guarantees that a build with the feature `sabotage` can switch off, one at a time, to show that `scripts/chaos` would notice. In every
//! other build nothing of this is left.

/// What can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Input that was sent and may have been applied keeps its number, so that it is not applied again.
    Once,
    /// Input that was sent and not applied is sent again.
    Resend,
    /// Output goes on where the viewer saw it end.
    Resume,
    /// A device that was ended is out.
    Revoke,
    /// What was ended stays ended when the agent is killed.
    Durable,
    /// Whoever lost a link dials again, for ever.
    ComeBack,
}

/// Each by the name that [`VARIABLE`] takes.
pub const GUARANTEES: [(Guarantee, &str); 6] = [
    (Guarantee::Once, "once"),
    (Guarantee::Resend, "resend"),
    (Guarantee::Resume, "resume"),
    (Guarantee::Revoke, "revoke"),
    (Guarantee::Durable, "durable"),
    (Guarantee::ComeBack, "come-back"),
];

/// The environment variable that names what is off.
pub const VARIABLE: &str = "LANYARD_SABOTAGE";

/// Whether it is switched off.
#[cfg(feature = "sabotage")]
#[must_use]
pub fn is_off(guarantee: Guarantee) -> bool {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    GUARANTEES.contains(&(guarantee, name.as_str()))
}

/// Whether it is switched off: it is not.
#[cfg(not(feature = "sabotage"))]
#[must_use]
pub const fn is_off(_: Guarantee) -> bool {
    false
}
