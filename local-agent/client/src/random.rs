//! Randomness from the system.

use crate::failure::Failure;
use ring::rand::{SecureRandom as _, SystemRandom};

/// `N` random bytes.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut out = [0; N];
    SystemRandom::new()
        .fill(&mut out)
        .map_err(|_| Failure::local("the system gives no random numbers", ""))?;
    Ok(out)
}

/// A random number, for jitter. Zero when there is none: jitter is no secret.
pub(crate) fn jitter() -> u32 {
    bytes().map_or(0, u32::from_be_bytes)
}
