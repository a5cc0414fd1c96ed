//! Chance for waits, where the core has none: enough that many viewers do not come back at one moment, and nothing to guard a secret with.

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// From what is another for each viewer or stream.
    pub fn of(seed: &[u8]) -> Self {
        let fold = |state: u64, byte: &u8| step(state ^ u64::from(*byte));
        Self(seed.iter().fold(u64::MAX, fold))
    }

    /// The next number, uniform over all of `u32`.
    pub fn next(&mut self) -> u32 {
        self.0 = step(self.0);
        (self.0 >> 32) as u32
    }
}

/// One step of a linear congruential generator, with the numbers Knuth gives for 64 bits.
fn step(state: u64) -> u64 {
    state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_that_differ_in_one_byte_wait_for_other_times() {
        let firsts: std::collections::HashSet<u32> = (0..=255)
            .map(|byte| Chance::of(&[7, byte]).next())
            .collect();
        assert_eq!(firsts.len(), 256);
        let above = firsts.iter().filter(|first| **first > u32::MAX / 2).count();
        assert!((64..192).contains(&above), "{above}");
    }
}
