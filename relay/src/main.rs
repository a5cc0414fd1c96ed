//! `lanyard-relay`.

use clap::Parser as _;
use lanyard_relay::{cli, output};
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            output::error(&trouble);
            ExitCode::FAILURE
        }
    }
}
