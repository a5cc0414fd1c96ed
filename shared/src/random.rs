//! Secrets from the system's randomness.

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

/// `N` random bytes, wiped when dropped; `None` when the system gives none.
#[must_use]
pub fn secret<const N: usize>() -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(&mut *bytes).ok()?;
    Some(bytes)
}
