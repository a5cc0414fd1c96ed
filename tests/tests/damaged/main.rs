//! Whatever lies in the place of a file, nothing panics, nothing is guessed, and what is damaged is named and kept.
#![allow(missing_docs)]

mod agent;
mod client;
mod door;
mod harm;
mod refusals;
mod revoked;
