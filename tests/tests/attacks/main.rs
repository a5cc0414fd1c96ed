//! Each attack on a credential as a test by its name, with its honest twin: the same steps without the attack, which must succeed.
#![allow(missing_docs)]

mod pairing;
mod proofs;
mod tokens;
mod unchecked;
