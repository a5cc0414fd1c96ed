//! `lanyard`: the agent on the developer's machine, and the commands of its owner.

use std::process::ExitCode;

fn main() -> ExitCode {
    lanyard_agent::cli::main()
}
