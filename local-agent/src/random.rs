//! Randomness from the system.

use ring::rand::{SecureRandom as _, SystemRandom};

/// `N` random bytes.
///
/// # Panics
/// When the system has no randomness to give: there is nothing safe left to do then.
#[expect(
    clippy::expect_used,
    reason = "a machine without randomness can keep no secret; going on would be worse"
)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    SystemRandom::new()
        .fill(&mut out)
        .expect("the system's random number generator");
    out
}
