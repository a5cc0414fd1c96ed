//! Random bytes from the system.

use ring::rand::{SecureRandom as _, SystemRandom};

/// `N` of them; `None` when the system has none to give.
#[must_use]
pub fn bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}
