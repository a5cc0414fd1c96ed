//! A terminal in a process of its own.
//!
//! A holder owns one PTY, the last 2 MiB of its output with absolute offsets, and the state of its screen. Whoever
//! drives terminals (the agent) connects over a Unix socket, may be killed with -9, restarted or upgraded, and finds the shell as
//! it was. Ending the holder ends its shell.
//!
//! - [`spawn_detached`] starts a holder that outlives the caller; [`run_from_stdin`] is the other end of it.
//! - [`wire`] is the protocol, free of IO; [`client`] speaks it.
//! - [`history`] is what of it lies on disk, while it runs and after it.
//! - [`screen`] knows what the terminal shows, for those who come late.
//!
//! Deliberately absent: network, cryptography, other users (the socket serves its own user only), and answers to terminal queries:
//! only a terminal in front of a person answers those.

pub mod client;
mod clock;
mod config;
mod error;
pub mod history;
mod id;
pub mod limits;
mod ring;
pub mod screen;
mod server;
mod shell;
mod socket;
mod spawn;
pub mod wire;
mod writers;

pub use config::{HolderConfig, Meta};
pub use error::{HolderError, SpawnError};
pub use id::{NotATerminalId, TerminalId};
pub use server::run;
pub use spawn::{SUBCOMMAND, Spawned, run_from_stdin, spawn_detached};
