//! Dialling over real sockets, on ports the system picks.
#![allow(missing_docs)]

#[cfg(target_os = "linux")]
mod changes;
mod proxies;
mod refusals;
mod relay;

type Outcome = Result<(), Box<dyn std::error::Error>>;
