//! Who is connected, and the way between them.
//!
//! [`Router`] is the one door: a link attaches, hands in frames and takes out frames through its [`Port`]. Where one relay is not enough, what
//! stands behind this door changes and nothing in front of it. Presence is in memory. Time is an argument throughout.

mod fault;
mod flow;
mod hub;
mod lease;
mod leg;
mod opening;
mod parting;
mod port;
mod traffic;
mod used;
mod waiting;

#[cfg(test)]
mod tests;

pub use fault::{PeerMisbehaved, name as frame_name};
pub use lease::AgentClock;
pub use leg::Output;
pub use parting::How;
pub use port::{Port, Router, Traffic};
