//! A relay, an agent and viewers as real processes on loopback, for tests and benches.
//!
//! Nothing here sleeps: every wait is for an event, with a bound far beyond what it takes.

pub mod agent;
pub mod attack;
pub mod blast;
pub mod manager;
pub mod mark;
pub mod process;
pub mod relay;
pub mod sim;
pub mod viewer;
pub mod wiretap;
pub mod world;

pub use agent::Agent;
pub use manager::Manager;
pub use relay::Relay;
pub use viewer::{TestTerminal, TestViewer};
pub use world::World;

use std::time::Duration;

/// No wait in a test takes this long unless something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(30);
