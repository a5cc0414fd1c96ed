//! What Lanyard costs, measured beside what nobody can avoid: `scripts/bench` runs it, `docs/PERFORMANCE.md` explains it.
//!
//! Each figure is a file in [`figures`], with its bar in [`bars`]. Nothing here fails a build on a slow machine: almost every figure is a
//! ratio between us and the floor, measured in turns in the same run.

pub mod bars;
pub mod docs;
pub mod figures;
pub mod floor;
pub mod machine;
pub mod pattern;
pub mod plots;
pub mod proc;
pub mod report;
pub mod rig;
pub mod say;
pub mod stats;
pub mod terminal;

use stats::Memory;

/// One run: how long it may take, and what it has seen for the plots.
#[derive(Debug, Default)]
pub struct Bench {
    /// About a minute for everything, at the price of noise.
    pub quick: bool,
    /// Round trips of keys in microseconds: ours, and the floor's.
    pub echoes: [Vec<f64>; 2],
    /// Memory of a relay with so many idle agents.
    pub memory: Vec<Memory>,
}

impl Bench {
    /// A number that is smaller in a quick run.
    #[must_use]
    pub fn choose<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}
