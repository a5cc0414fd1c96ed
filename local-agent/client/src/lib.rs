//! The viewer without a browser: what `lanyard attach` is, and what tests and benches drive.
//!
//! [`core`] decides, without IO and with the time as an argument; [`client`] dials and hands events out; [`keys`] is the device's file;
//! [`attach`] is the command. Nothing here is served by a relay, so nobody but this machine chooses the code that holds the device keys.
//!
//! Who wants to send what no honest viewer sends works one layer below: [`lanyard_shared::link::Link`] is the end of a link without an
//! opinion about streams, [`lanyard_shared::frame::Frame`] is any frame, and [`lanyard_dial::Socket`] carries whole messages.
#![warn(missing_docs)]

pub mod attach;
pub mod client;
pub mod core;
mod failure;
pub mod keys;
pub mod limits;
mod output;
mod random;

pub use client::{Client, Keyboard, Pairing, TerminalHandle};
pub use core::{InputState, Mode, PastPage, State, TerminalEvent, Unsent};
pub use failure::Failure;
pub use keys::{Device, Machine};
