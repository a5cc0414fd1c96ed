//! `lanyard-relay serve`.

use super::Data;
use crate::data::DataDir;
use crate::limits::{EVENT_INTERVAL, LOW_PORTS_END};
use crate::names::HostName;
use crate::output::{self, Form};
use crate::server::{Options, Proxy, Server};
use crate::trouble::Trouble;
use clap::Args;
use http::HeaderName;
use lanyard_shared::pair::address::Address;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How to serve, as it is typed.
#[derive(Debug, Args)]
pub struct Serve {
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
    /// Let debuggers of this user look into the relay's memory, which holds its TLS key
    #[arg(long)]
    allow_debugger: bool,
}

impl Serve {
    /// Where it keeps its state, if that was said.
    pub fn data(&self) -> Option<&Path> {
        self.common.data.as_deref()
    }

    /// The files it was told to read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.tls_cert, &self.tls_key]
            .into_iter()
            .filter_map(Option::as_deref)
    }

    /// True when it listens where only a privileged process may.
    pub fn is_on_low_port(&self) -> bool {
        let plain = match self.http_listen {
            OrOff::At(at) => Some(at.port()),
            OrOff::Off => None,
        };
        // 0 is any free one.
        [Some(self.listen.port()), plain]
            .into_iter()
            .flatten()
            .any(|port| (1..LOW_PORTS_END).contains(&port))
    }
}

#[derive(Clone, Copy, Debug)]
enum OrOff {
    At(SocketAddr),
    Off,
}

/// Serves until it is told to stop.
///
/// # Errors
/// What the operator has to put right.
pub fn serve(args: Serve) -> Result<(), Trouble> {
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
    if !args.allow_debugger {
        keep_memory_private();
    }
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

/// No core file, and no other process of this user in our memory: the TLS key is in it, and for a moment each code and token. A limit of
/// nothing alone would not do, for a core that is piped to a collector is bound by none.
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "cannot forbid core files");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "cannot keep other processes out of this one's memory");
    }
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
