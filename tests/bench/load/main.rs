//! The load: what talks to a relay in a process of its own, so that its cost is not the relay's; and the program that floods a terminal.

mod agents;
mod flood;
mod peer;

use anyhow::Result;
use clap::{Args, Parser};
use lanyard_bench::floor::Address;
use lanyard_bench::pattern::Pattern;
use lanyard_dial::{Relay, Trust};
use std::io::Write as _;
use std::path::PathBuf;

/// One load.
#[derive(Parser)]
enum Load {
    /// Writes so many bytes that show whether one is missing.
    Pattern {
        /// How many.
        bytes: u64,
    },
    /// Idle agents, enrolled and proven.
    Agents {
        #[command(flatten)]
        at: Ours,
        #[command(flatten)]
        crowd: Crowd,
    },
    /// Idle agents of the floor.
    FloorAgents {
        #[command(flatten)]
        at: Floor,
        #[command(flatten)]
        crowd: Crowd,
        /// Give a viewer that comes so many bytes.
        #[arg(long, default_value_t = 0)]
        history: u32,
    },
    /// Bytes from an agent's link to a viewer's link.
    Flood {
        #[command(flatten)]
        at: Ours,
        /// How many.
        #[arg(long)]
        bytes: u64,
    },
    /// Bytes from the floor's agent's leg to a viewer's.
    FloorFlood {
        #[command(flatten)]
        at: Floor,
        /// How many.
        #[arg(long)]
        bytes: u64,
    },
}

/// A relay of ours.
#[derive(Args)]
pub struct Ours {
    /// Its `https` address.
    #[arg(long)]
    relay: String,
    /// SHA-256 of its certificate, in hexadecimal.
    #[arg(long)]
    fingerprint: String,
    /// Its operator's socket.
    #[arg(long)]
    operator: PathBuf,
}

impl Ours {
    /// How to dial it.
    ///
    /// # Errors
    /// The address or the fingerprint is none.
    pub fn relay(&self) -> Result<Relay> {
        let mut fingerprint = [0; 32];
        for (byte, digits) in fingerprint
            .iter_mut()
            .zip(self.fingerprint.as_bytes().chunks(2))
        {
            *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
        }
        Ok(Relay::parse(&self.relay, Trust::Pinned(fingerprint))?)
    }
}

/// A relay of the floor.
#[derive(Args)]
pub struct Floor {
    /// Its port.
    #[arg(long)]
    port: u16,
    /// Its certificate, DER in a file.
    #[arg(long)]
    certificate: PathBuf,
}

impl Floor {
    /// How to dial it.
    ///
    /// # Errors
    /// The certificate cannot be read.
    pub fn address(&self) -> Result<Address> {
        Address::read(self.port, &self.certificate)
    }
}

/// How many.
#[derive(Args, Clone, Copy)]
pub struct Crowd {
    /// The number of the first; numbers name agents and source addresses.
    #[arg(long)]
    first: u32,
    /// How many there are.
    #[arg(long)]
    count: u32,
    /// Dial again when the relay has gone, and say so when all of them are back
    #[arg(long)]
    come_back: bool,
}

fn main() -> Result<()> {
    let load = Load::parse();
    if let Load::Pattern { bytes } = load {
        return pattern(bytes);
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            match load {
                Load::Pattern { .. } => Ok(()),
                Load::Agents { at, crowd } => agents::ours(&at, crowd).await,
                Load::FloorAgents { at, crowd, history } => {
                    agents::floor(&at, crowd, history).await
                }
                Load::Flood { at, bytes } => flood::ours(&at, bytes).await,
                Load::FloorFlood { at, bytes } => flood::floor(&at, bytes).await,
            }
        })
}

fn pattern(bytes: u64) -> Result<()> {
    let mut pattern = Pattern::new(bytes);
    let mut out = std::io::stdout().lock();
    while let Some(block) = pattern.next_block() {
        out.write_all(block)?;
    }
    Ok(out.flush()?)
}
