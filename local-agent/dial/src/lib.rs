//! Dialling a relay: address, proxy, TCP, TLS, WebSocket, back-off, and the clocks of the one who dials.
//!
//! Agent and viewer both stand on this crate, for the files that keep their secrets too. It knows nothing of links: it carries whole messages.
#![warn(missing_docs)]

pub mod address;
pub mod backoff;
mod changes;
pub mod clock;
mod error;
mod eyeballs;
pub mod limits;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(not(target_os = "linux"))]
mod netlink_elsewhere;
pub mod private_file;
pub mod proxy;
pub mod sabotage;
pub mod socket;
mod stream;
mod tls;
mod tunnel;

pub use address::{Relay, Trust};
pub use backoff::Backoff;
pub use changes::{Changes, Gap};
pub use error::DialError;
pub use proxy::Proxies;
pub use socket::{Incoming, Socket};
pub use tunnel::ProxyError;
