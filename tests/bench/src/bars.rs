//! Every figure's name, meaning and bar, in one place.

/// What a value must not pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
}

impl Bound {
    /// Whether the value keeps to it.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bar) => value <= bar,
            Self::AtLeast(bar) => value >= bar,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bar) => write!(f, "<= {bar}"),
            Self::AtLeast(bar) => write!(f, ">= {bar}"),
        }
    }
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: &'static str,
    /// What its value counts.
    pub unit: &'static str,
    /// What it promises.
    pub bound: Bound,
    /// What is measured, in words.
    pub what: &'static str,
}

/// What a ratio to the floor counts.
const FLOOR: &str = "x floor";

const fn at_most(name: &'static str, bar: f64, unit: &'static str, what: &'static str) -> Bar {
    Bar {
        name,
        unit,
        bound: Bound::AtMost(bar),
        what,
    }
}

const fn at_least(name: &'static str, bar: f64, unit: &'static str, what: &'static str) -> Bar {
    Bar {
        name,
        unit,
        bound: Bound::AtLeast(bar),
        what,
    }
}

/// All figures.
#[rustfmt::skip]
pub const BARS: &[Bar] = &[
    at_most("echo_p50", 1.15, FLOOR, "one key to `cat` and back, median"),
    at_most("echo_p99", 1.4, FLOOR, "one key to `cat` and back, 99th percentile"),
    at_most("echo_cpu", 1.3, FLOOR, "CPU of the relay for one key"),
    at_most("echo_cpu_agent", 1.8, FLOOR, "CPU of agent and holder for one key"),
    at_least("bulk", 0.85, "x bare PTY", "speed of 64 MiB out of a terminal, every byte as it was written"),
    at_least("bulk_slow", 1.0, "of the bytes", "64 MiB to a viewer that takes 20 MB/s, and to one that stops for 10 s: what arrived as written"),
    at_most("bulk_slow_memory", 1.0, "x credit", "memory the relay takes while a viewer has stopped, over the credit that was granted"),
    at_least("bulk_slow_guest", 0.85, "x alone", "speed of a driver beside a guest that reads nothing"),
    at_least("relay_limit", 0.6, FLOOR, "bytes a second through the relay, no terminal at either end"),
    at_most("relay_limit_cpu", 2.0, FLOOR, "CPU of the relay for one MB"),
    at_most("head_of_line", 3.0, "x quiet", "99th percentile of one key while another terminal of the same viewer is flooded"),
    at_most("idle_agent", 2.0, FLOOR, "memory of the relay for one of 10000 idle agents"),
    at_most("idle_agent_2000", 2.0, FLOOR, "the same of 2000"),
    at_most("idle_agent_500", 2.0, FLOOR, "the same of 500"),
    at_most("idle_cpu", 10.0, "us/s", "CPU of the relay for one idle agent"),
    at_most("attach_new", 2.5, FLOOR, "from dialling to the first bytes of a new terminal"),
    at_most("attach_existing", 2.5, FLOOR, "from dialling to the first bytes of a terminal with history"),
    at_most("storm", 3.0, FLOOR, "1000 agents and 50 viewers, the relay killed and started again: until all are back with all that was printed"),
    at_most("revoke", 100.0, "ms", "from `lanyard revoke` to the closed streams of a device with a thousand, 99th percentile"),
    at_least("verify", 0.7, "x verify_strict", "tokens one core verifies in a second"),
    at_most("policy", 200.0, "us", "one decision about a command line, 99th percentile"),
    at_most("policy_sandbox", 5.0, "ms", "a program in the read-only sandbox, over the same program without"),
    at_most("start", 50.0, "ms", "relay, from its start to listening"),
    at_most("start_link", 100.0, "ms", "agent, from its start to its link"),
    at_most("size", 15.0, "MB", "the relay's binary, stripped, web UI included"),
    at_most("size_agent", 15.0, "MB", "the agent's binary, stripped"),
    at_most("size_agent_memory", 12.0, "MB", "memory of an agent with one terminal"),
    at_most("size_holder_memory", 4.0, "MB", "memory of a terminal's holder"),
];

/// The bar of this name.
#[must_use]
pub fn bar(name: &str) -> Option<&'static Bar> {
    BARS.iter().find(|bar| bar.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_its_bar_keeps_to_it() {
        assert!(Bound::AtMost(1.0).holds(1.0) && !Bound::AtMost(1.0).holds(1.01));
        assert!(Bound::AtLeast(1.0).holds(1.0) && !Bound::AtLeast(1.0).holds(0.99));
    }

    #[test]
    fn names_are_used_once() {
        for (at, one) in BARS.iter().enumerate() {
            assert!(BARS[at + 1..].iter().all(|other| other.name != one.name));
        }
    }
}
