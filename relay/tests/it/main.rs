//! The relay over real sockets, on ports the system picks.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that is surprised stops"
)]

mod command;
mod damaged;
mod doors;
mod links;
mod operators;
mod relay;
mod reload;
mod revoke;
mod tokens;
mod walls;
