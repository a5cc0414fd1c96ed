//! Whether a command may run without asking anybody.
//!
//! [`grammar`] reads a line as words, or says that it is not clear: nothing is guessed, and nothing that a shell would work out further
//! is accepted; [`second`] reads it once more with another parser. [`readonly`] knows which commands only read, [`rules`] what people have
//! written about the others, [`settings`] the files they are in. [`decide`] puts it together, and [`prompt`] shows what is asked about.
#![warn(missing_docs)]

pub mod check;
pub mod consequence;
#[cfg(test)]
mod corpus;
pub mod decide;
pub mod grammar;
pub mod limits;
pub mod offer;
pub mod place;
pub mod prompt;
pub mod protected;
pub mod readonly;
pub mod rules;
pub mod second;
pub mod secret;
pub mod settings;
