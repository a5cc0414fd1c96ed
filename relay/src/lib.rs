//! The relay: agents and viewers dial it, it routes streams between them, checks the token of every one and cuts it when its time is over.
//! It carries ciphertext and never looks into it, so nothing here may use the parts of `lanyard_shared` that open it.

mod admission;
mod agents;
mod budget;
mod burst;
mod certificate;
pub mod cli;
mod clock;
pub mod data;
mod door;
mod guesses;
mod http;
pub mod limits;
mod link;
mod listen;
pub mod names;
mod operator;
pub mod output;
mod random;
pub mod route;
mod secret;
pub mod server;
mod state;
mod store;
mod through;
mod tls;
mod tokens;
pub mod trouble;
mod views;

/// How long a proof holds a link and how far off a clock may be: for simulations of a relay.
pub use link::{Due, Held, check_clock};
