//! Whether a command may run without asking anybody.
//!
//! [`grammar`] reads a line as words, or says that it is not clear: nothing is guessed, and nothing that a shell would work out further
//! is accepted.
#![warn(missing_docs)]

pub mod grammar;
pub mod limits;
pub mod prompt;
pub mod rules;
pub mod settings;
