//! The viewer against a scripted relay and agent, in virtual time.

mod input;
mod links;
mod pairing;
mod peer;
mod view;
mod world;
