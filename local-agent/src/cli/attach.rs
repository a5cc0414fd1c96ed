//! `lanyard attach`: flags for the viewer in `lanyard-client`.

use std::process::ExitCode;

/// Flags of `lanyard attach`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A pairing link; without it a machine paired earlier
    link: Option<String>,
}

pub async fn run(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
