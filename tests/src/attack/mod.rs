//! What hostile peers need: sockets that send anything, links whose frames nobody checked, and a working session beside them whose echo is
//! measured.
//!
//! A library for WebSockets refuses to send what an attacker would, so the bytes are written here.

pub mod attackers;
pub mod beside;
pub mod between;
pub mod cost;
pub mod faults;
pub mod forge;
pub mod ground;
pub mod hostile_relay;
pub mod link;
pub mod target;
pub mod ws;

pub use attackers::{Attack, Attackers, Hits};
pub use beside::Beside;
pub use between::{Between, Carried, Side};
pub use ground::Ground;
pub use link::{HostileAgent, HostileLink};
pub use target::Target;
pub use ws::{Ending, RawSocket};
