//! The floor: a bare two-hop byte relay with lasting sessions, as separate processes like the real one. No frames, no tokens, no seal;
//! what it costs is what any TLS relay must pay.

mod agent;
mod pty;
mod relay;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;

/// One part of the floor.
#[derive(Parser)]
enum Part {
    /// Copies bytes between whoever dials in for the same id.
    Relay {
        /// Where to listen; 0 for any free port.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Its certificate and key: read from there, or made and kept there.
        #[arg(long)]
        identity: PathBuf,
    },
    /// Dials out, and joins each leg to a PTY process.
    Agent {
        /// The relay.
        #[arg(long)]
        port: u16,
        /// The relay's certificate, DER in a file.
        #[arg(long)]
        certificate: PathBuf,
        /// Where sockets of PTY processes go.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Holds one shell on a PTY behind a Unix socket.
    Pty {
        /// The socket.
        #[arg(long)]
        socket: PathBuf,
    },
}

fn main() -> Result<()> {
    match Part::parse() {
        // As many threads as the real relay has.
        Part::Relay { port, identity } => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(relay::run(port, &identity)),
        Part::Agent {
            port,
            certificate,
            dir,
        } => single()?.block_on(agent::run(port, &certificate, dir)),
        Part::Pty { socket } => single()?.block_on(pty::run(&socket)),
    }
}

/// The real agent and the real holder have one thread each.
fn single() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
