//! Each attack on a credential as a test by its name, with its honest twin: the same steps without the attack, which must succeed.
#![allow(missing_docs)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one kind of thing among all"
)]

mod carriers;
mod clocks;
mod damage;
mod enrolment;
mod floods;
mod pairing;
mod proofs;
mod sameness;
mod thieves;
mod tokens;
mod typed;
mod unchecked;
