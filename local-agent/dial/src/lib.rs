//! Dialling a relay: address, TCP, TLS, WebSocket, back-off, and the clocks of the one who dials.
//!
//! Agent and viewer both stand on this crate, for the files that keep their secrets too. It knows nothing of links: it carries whole messages.
#![warn(missing_docs)]

pub mod address;
pub mod backoff;
pub mod clock;
pub mod limits;
pub mod private_file;
pub mod sabotage;
pub mod socket;
mod tls;

pub use address::{Relay, Trust};
pub use backoff::Backoff;
pub use socket::{DialError, Incoming, Socket};
