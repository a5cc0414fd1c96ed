//! Random bytes from the system.

use ring::rand::{SecureRandom as _, SystemRandom};

/// A random number, for times that are to be spread. Zero when the system has none to give: it is no secret.
#[must_use]
pub fn jitter() -> u32 {
    bytes().map_or(0, u32::from_be_bytes)
}

/// `N` of them; `None` when the system has none to give.
#[must_use]
pub fn bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}
