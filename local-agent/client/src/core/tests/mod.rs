//! The viewer against a scripted relay and agent, in virtual time.

mod input;
mod keeping;
mod links;
mod pairing;
mod past;
mod peer;
mod view;
mod world;
