//! The few statistics that figures need.

/// Memory of a relay with `agents` idle agents, in bytes an agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// How many.
    pub agents: usize,
    /// Of our relay.
    pub ours: f64,
    /// Of the floor's.
    pub floor: f64,
}

/// The value below which this share (0 to 1) of the samples lies, by the nearest rank. Zero of no samples.
#[must_use]
pub fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// The middle of the samples.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    let (lower, upper) = (percentile(samples, 0.5), {
        let mirrored: Vec<f64> = samples.iter().map(|sample| -sample).collect();
        -percentile(&mirrored, 0.5)
    });
    f64::midpoint(lower, upper)
}

/// The smallest and the largest.
#[must_use]
pub fn spread(samples: &[f64]) -> [f64; 2] {
    [percentile(samples, 0.0), percentile(samples, 1.0)]
}

/// One number per round, ours and the floor's side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rounds {
    /// Ours.
    pub ours: Vec<f64>,
    /// The floor's, of the same round.
    pub floor: Vec<f64>,
}

impl Rounds {
    /// Ours over the floor's, round by round. What slowed a round slowed both.
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.ours.iter().zip(&self.floor);
        pairs
            .filter(|(_, floor)| **floor > 0.0)
            .map(|(ours, floor)| ours / floor)
            .collect()
    }

    /// Keeps one round.
    pub fn push(&mut self, ours: f64, floor: f64) {
        self.ours.push(ours);
        self.floor.push(floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_of_the_nearest_rank() {
        let samples: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&samples, 0.5), 50.0);
        assert_eq!(percentile(&samples, 0.99), 99.0);
        assert_eq!(percentile(&samples, 1.0), 100.0);
        assert_eq!(percentile(&samples, 0.0), 1.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_ratio_is_taken_within_its_round_and_not_of_a_floor_that_was_not_measured() {
        let mut rounds = Rounds::default();
        rounds.push(3.0, 2.0);
        rounds.push(30.0, 10.0);
        rounds.push(1.0, 0.0);
        assert_eq!(rounds.ratios(), [1.5, 3.0]);
        assert_eq!(spread(&rounds.ratios()), [1.5, 3.0]);
    }
}
