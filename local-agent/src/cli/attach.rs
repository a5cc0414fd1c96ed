//! `lanyard attach`: flags for the viewer in `lanyard-client`.

use lanyard_client::attach::{self, Options};
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `lanyard attach`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A pairing link; without it, a machine paired earlier
    link: Option<String>,
    /// Which machine, by name or id, when several are paired
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Which terminal, by name or id; without it the only one that runs, or a new one
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    terminal: Option<String>,
    /// Open a new terminal
    #[arg(long)]
    new: bool,
    /// Only watch; never ask to type
    #[arg(long, conflicts_with_all = ["new", "exec"])]
    view: bool,
    /// Run one command in a terminal of its own, print its output, leave with its status
    #[arg(long, value_name = "CMD", conflicts_with = "terminal")]
    exec: Option<String>,
    /// How this device calls itself [default: attach on HOST]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where this device keeps its keys [default: ~/.local/state/lanyard/device.json]
    #[arg(long, value_name = "FILE", env = "LANYARD_DEVICE")]
    keys: Option<PathBuf>,
}

pub async fn run(args: Args) -> ExitCode {
    let status = attach::run(Options {
        link: args.link,
        machine: args.machine,
        terminal: args.terminal,
        new: args.new,
        view: args.view,
        exec: args.exec,
        name: args.name,
        device_file: args.keys,
    })
    .await;
    ExitCode::from(status)
}
