//! What relay, agent and viewers agree on.
//!
//! Everything here is sans-IO: no sockets, no clock, no runtime. Bytes and the time come in as arguments; frames and deadlines come out.
//! The protocol is written down in `docs/PROTOCOL.md`; a test ties its tables to this crate.
#![warn(missing_docs)]

pub mod access;
mod again;
pub mod approval;
pub mod audit;
mod away;
pub mod b64;
pub mod close;
pub mod code;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod link;
pub mod msg;
pub mod noise;
pub mod pair;
pub mod proof;
pub mod random;
pub mod record;
pub mod report;
pub mod rotate;
pub mod seal;
pub mod sign;
pub mod stream;
pub mod time;
pub mod token;
pub mod words;
