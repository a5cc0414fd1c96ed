//! `lanyard`: the agent on the developer's machine, and the commands of its owner.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandbox starts this program again to fence itself in, before any thread exists.
    lanyard_sandbox::helper_if_asked();
    lanyard_agent::cli::main()
}
