//! `lanyard-relay`.

use clap::Parser as _;
use lanyard_relay::{cli, output};
use std::process::ExitCode;

/// What the service manager is told not to start again after.
const NEEDS_A_PERSON: u8 = 3;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            output::error(&trouble);
            if trouble.is_lasting() {
                ExitCode::from(NEEDS_A_PERSON)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
