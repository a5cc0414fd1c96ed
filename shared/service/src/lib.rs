//! What a program of ours has to do with systemd: the unit it is started by ([`mod@unit`]), the manager that is asked to start it ([`systemd`]), and
//! what it tells the manager while it runs ([`notify`]). Which program that is, this crate does not know.
#![warn(missing_docs)]

pub mod notify;
pub mod systemd;
pub mod unit;
