//! Hostile peers over real sockets, beside a session that works: each is refused within its limit, the relay's memory stays bounded, and the
//! session keeps its echo.
#![allow(missing_docs)]

mod agents;
mod dawdlers;
mod floods;
mod frames;
mod relays;
mod secrets;
mod sockets;
mod viewers;
