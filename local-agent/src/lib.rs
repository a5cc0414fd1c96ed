//! The agent: the authority over one machine.
//!
//! [`core`] decides, without IO and with the time as an argument; the daemon around it carries its decisions out: the link to the relay,
//! the holders of terminals, the person at the machine. The `lanyard` command is a thin layer above both.
#![warn(missing_docs)]

pub mod audit;
pub mod cli;
pub mod core;
pub mod daemon;
pub mod execute;
pub mod history;
pub mod limits;
mod memory;
pub mod policy;
mod random;
pub mod state;
mod text;
