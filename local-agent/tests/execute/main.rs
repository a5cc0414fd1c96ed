//! What may run without asking, run: real programs, the real kernel, and Bash beside it.
#![allow(clippy::unwrap_used, missing_docs)]

mod beside;
mod claims;
mod ends;
mod everyday;
mod lines;
mod names;
mod rules;
mod workspace;
