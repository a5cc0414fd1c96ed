//! What the operator types.

mod doctor;
mod life;
mod operate;
mod serve;
mod service;

use crate::output;
use crate::trouble::Trouble;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// The relay between machines and browsers. It carries ciphertext and holds nothing worth stealing.
#[derive(Debug, Parser)]
#[command(
    name = "lanyard-relay",
    version,
    after_help = "Example:\n  lanyard-relay serve\n  lanyard-relay enrol"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, once")]
enum Command {
    /// Run the relay
    #[command(after_help = "Examples:\n  \
        lanyard-relay serve\n  \
        lanyard-relay serve --listen 0.0.0.0:7443 --host 192.168.1.20\n  \
        lanyard-relay serve --listen 0.0.0.0:443 --host relay.example --tls-cert chain.pem --tls-key key.pem\n  \
        lanyard-relay serve --behind-proxy --trusted-header X-Forwarded-For --public-url https://relay.example")]
    Serve(serve::Serve),
    /// Make a code that lets one machine join, once
    #[command(after_help = "Example:\n  lanyard-relay enrol --for 1h")]
    Enrol(operate::Enrol),
    /// List the machines that have joined, or remove one
    #[command(after_help = "Examples:\n  \
        lanyard-relay agents --json\n  \
        lanyard-relay agents revoke IqqETZ3HeOT0jBkKNZyJ7Q")]
    Agents(operate::Agents),
    /// Make, list and end tokens for what operators do over HTTPS
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        lanyard-relay token create --purpose metrics --for 1h\n  \
        lanyard-relay token list\n  \
        lanyard-relay token revoke --all"
    )]
    Token(operate::Token),
    /// See to the certificate
    #[command(subcommand, after_help = "Example:\n  lanyard-relay tls reload")]
    Tls(operate::Tls),
    /// See whether the relay's files are whole, and repair its database
    #[command(after_help = "Examples:\n  lanyard-relay doctor\n  lanyard-relay doctor --repair")]
    Doctor(doctor::Doctor),
    /// Run the relay as a service: from the start of the machine on, with its log in the journal
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        lanyard-relay service install -- --listen 203.0.113.7:443 --http-listen off --host relay.example\n  \
        lanyard-relay service status\n  \
        lanyard-relay service uninstall"
    )]
    Service(service::Service),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  lanyard-relay completions bash > ~/.local/share/bash-completion/completions/lanyard-relay"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
struct Data {
    /// Where the relay keeps its state [default: $XDG_STATE_HOME/lanyard-relay or ~/.local/state/lanyard-relay]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs what was typed.
///
/// # Errors
/// What went wrong, for the operator.
pub fn run(cli: Cli) -> Result<(), Trouble> {
    match cli.command {
        Command::Serve(args) => serve::serve(args),
        Command::Enrol(args) => operate::enrol(args),
        Command::Agents(args) => operate::agents(args),
        Command::Token(command) => operate::token(command),
        Command::Tls(command) => operate::tls(command),
        Command::Doctor(args) => doctor::doctor(args),
        Command::Service(command) => service::service(command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lanyard-relay", &mut script);
            output::completions(&script);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    /// Looks at a command and all below it, and says how many there were.
    fn examples_of(command: &clap::Command, path: &str) -> usize {
        command
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
            .map(|command| {
                let path = format!("{path} {}", command.get_name());
                let help = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(help.contains("Example") && help.contains(&path), "{path}");
                1 + examples_of(command, &path)
            })
            .sum()
    }

    #[test]
    fn every_command_helps_with_an_example_of_itself() {
        assert!(examples_of(&Cli::command(), "lanyard-relay") >= 15);
    }
}
