//! What the operator types.

use crate::data::DataDir;
use crate::limits::EVENT_INTERVAL;
use crate::names::HostName;
use crate::operator::{self, Answer, Listed, Request};
use crate::output::{self, Form};
use crate::server::{Options, Proxy, Server};
use crate::store::Store;
use crate::trouble::Trouble;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use http::HeaderName;
use lanyard_shared::pair::address::Address;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

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
enum Command {
    /// Run the relay
    #[command(after_help = "Examples:\n  \
        lanyard-relay serve\n  \
        lanyard-relay serve --listen 0.0.0.0:7443 --host 192.168.1.20\n  \
        lanyard-relay serve --listen 0.0.0.0:443 --host relay.example --tls-cert chain.pem --tls-key key.pem\n  \
        lanyard-relay serve --behind-proxy --trusted-header X-Forwarded-For --public-url https://relay.example")]
    Serve(Serve),
    /// Make a code that lets one machine join, once
    #[command(after_help = "Example:\n  lanyard-relay enrol --for 1h")]
    Enrol(Enrol),
    /// List the machines that have joined
    #[command(after_help = "Example:\n  lanyard-relay agents --json")]
    Agents(Agents),
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

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    common: Data,
    /// Where machines and browsers connect over TLS; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7443")]
    listen: SocketAddr,
    /// Where browsers on this machine connect without TLS, on loopback only; `off` for nowhere
    #[arg(long, value_name = "ADDR|off", default_value = "127.0.0.1:7080", value_parser = or_off)]
    http_listen: OrOff,
    /// A name or address others reach this relay by; may be given more than once
    #[arg(long = "host", value_name = "NAME[:PORT]", value_parser = HostName::parse)]
    hosts: Vec<HostName>,
    /// The address people use, if it is another than the relay can tell
    #[arg(long, value_name = "URL", value_parser = Address::parse)]
    public_url: Option<Address>,
    /// A PEM certificate chain, in place of the relay's own certificate
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its PEM key, readable by this user alone
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy on this machine does TLS and connects to --listen
    #[arg(long, conflicts_with = "tls_cert", requires = "public_url")]
    behind_proxy: bool,
    /// The header in which the proxy names its client
    #[arg(long, value_name = "NAME", requires = "behind_proxy")]
    trusted_header: Option<HeaderName>,
}

#[derive(Debug, Args)]
struct Enrol {
    #[command(flatten)]
    common: Data,
    /// How long the code can be used, at most 24h: seconds, or a number with s, m or h
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = life)]
    life: Duration,
}

#[derive(Debug, Args)]
struct Agents {
    #[command(flatten)]
    common: Data,
}

#[derive(Clone, Copy, Debug)]
enum OrOff {
    At(SocketAddr),
    Off,
}

/// Runs what was typed.
///
/// # Errors
/// What went wrong, for the operator.
pub fn run(cli: Cli) -> Result<(), Trouble> {
    match cli.command {
        Command::Serve(args) => serve(args),
        Command::Enrol(args) => enrol(args),
        Command::Agents(args) => agents(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lanyard-relay", &mut script);
            output::completions(&script);
            Ok(())
        }
    }
}

fn serve(args: Serve) -> Result<(), Trouble> {
    let form = Form::json(args.common.json);
    let options = Options {
        data: DataDir::resolve(args.common.data)?,
        listen: args.listen,
        http_listen: match args.http_listen {
            OrOff::At(at) => Some(at),
            OrOff::Off => None,
        },
        hosts: args.hosts,
        public_url: args.public_url,
        tls_files: args.tls_cert.zip(args.tls_key),
        proxy: args.behind_proxy.then_some(Proxy {
            trusted_header: args.trusted_header,
        }),
    };
    log();
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .map_err(|error| Trouble::new(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let failed = |error| Trouble::new(format!("cannot listen for signals: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let server = Server::start(&options)?;
        output::ready(form, server.ready());
        let stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        server.run(stop).await;
        Ok(())
    })
}

fn enrol(args: Enrol) -> Result<(), Trouble> {
    let data = DataDir::resolve(args.common.data)?;
    let request = Request::Enrol {
        seconds: args.life.as_secs(),
    };
    match operator::ask(&data.socket(), &request)? {
        Answer::Code(code) => {
            output::code(Form::json(args.common.json), &code);
            Ok(())
        }
        Answer::Agents(_) | Answer::Failed { .. } => Err(Trouble::new(
            "the relay gave another answer than was asked for",
        )),
    }
}

fn agents(args: Agents) -> Result<(), Trouble> {
    let data = DataDir::resolve(args.common.data)?;
    let list = if operator::is_running(&data.socket()) {
        match operator::ask(&data.socket(), &Request::Agents {})? {
            Answer::Agents(list) => list,
            Answer::Code(_) | Answer::Failed { .. } => {
                return Err(Trouble::new(
                    "the relay gave another answer than was asked for",
                ));
            }
        }
    } else if data.database().exists() {
        // A relay that is stopped still knows who has joined.
        let agents = Store::open(&data.database())?.agents()?;
        agents
            .into_iter()
            .map(|agent| Listed::new(agent, false))
            .collect()
    } else {
        return Err(operator::not_running(&data.socket()));
    };
    output::agents(Form::json(args.common.json), &list);
    Ok(())
}

/// Logs to standard error; `RUST_LOG` says how much.
fn log() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("lanyard_relay=info,warn"));
    // Below `info` the library writes whole frames, tokens and codes included.
    let quiet = ["tungstenite=info", "tokio_tungstenite=info"];
    let filter = quiet
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    // Only a second logger in the same process can make this fail.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}

/// Every link is a descriptor, and the usual soft limit is 1024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    ) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn or_off(text: &str) -> Result<OrOff, String> {
    if text == "off" {
        return Ok(OrOff::Off);
    }
    text.parse()
        .map(OrOff::At)
        .map_err(|_| "expected an address like 127.0.0.1:7080, or off".to_owned())
}

fn life(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()]
        .parse()
        .map_err(|_| "expected a time like 10m".to_owned())?;
    let seconds = match unit {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => return Err("expected a time like 90s, 10m or 1h".to_owned()),
    };
    seconds
        .map(Duration::from_secs)
        .filter(|life| !life.is_zero() && *life <= crate::limits::ENROL_LIFE_MAX)
        .ok_or_else(|| "a code lives at least a second and at most 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lives_are_read_with_units_and_bounded() {
        assert_eq!(life("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(life("90"), Ok(Duration::from_secs(90)));
        assert_eq!(life("24h"), Ok(Duration::from_secs(86_400)));
        for wrong in [
            "25h",
            "0s",
            "",
            "m",
            "10d",
            "1m1",
            "-1m",
            "99999999999999999999h",
            "9999999999999999h",
        ] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_command_helps_with_an_example() {
        for command in Cli::command()
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
        {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains("Example") && help.contains("lanyard-relay"),
                "{}",
                command.get_name()
            );
        }
    }
}
