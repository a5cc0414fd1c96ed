//! One file a figure, or a few figures that come from one measurement. A new one is a file here, a line in [`FIGURES`], and a bar in
//! [`crate::bars`].

mod attach;
mod bulk;
mod bulk_slow;
pub mod echo;
mod head_of_line;
mod idle;
mod policy;
mod relay_limit;
mod revoke;
mod size;
mod start;
mod storm;
mod verify;

use crate::Bench;
use crate::report::Row;
use anyhow::Result;
use std::pin::Pin;

type Measuring<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>>> + 'a>>;

/// One measurement.
pub struct Figure {
    /// The figures that come from it.
    pub names: &'static [&'static str],
    /// Makes it.
    pub measure: for<'a> fn(&'a mut Bench) -> Measuring<'a>,
}

macro_rules! figure {
    ($module:ident: $($name:ident),+) => {
        Figure {
            names: &[$(stringify!($name)),+],
            measure: |bench| Box::pin($module::measure(bench)),
        }
    };
}

/// All measurements, in the order in which they are made.
#[rustfmt::skip]
pub const FIGURES: &[Figure] = &[
    figure!(echo: echo_p50, echo_p99, echo_cpu, echo_cpu_agent),
    figure!(bulk: bulk),
    figure!(bulk_slow: bulk_slow, bulk_slow_memory, bulk_slow_guest),
    figure!(relay_limit: relay_limit, relay_limit_cpu),
    figure!(head_of_line: head_of_line),
    figure!(idle: idle_agent_500, idle_agent_2000, idle_agent, idle_cpu),
    figure!(attach: attach_new, attach_existing),
    figure!(storm: storm),
    figure!(revoke: revoke),
    figure!(verify: verify),
    figure!(policy: policy, policy_sandbox),
    figure!(start: start, start_link),
    figure!(size: size, size_agent, size_agent_memory, size_holder_memory),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::BARS;

    #[test]
    fn every_bar_has_a_measurement_and_every_measurement_a_bar() {
        let mut measured: Vec<&str> = FIGURES
            .iter()
            .flat_map(|figure| figure.names)
            .copied()
            .collect();
        let mut barred: Vec<&str> = BARS.iter().map(|bar| bar.name).collect();
        measured.sort_unstable();
        barred.sort_unstable();
        assert_eq!(measured, barred);
    }
}
