//! The floor's agent: always one leg at the relay that waits; a leg that got its viewer is joined to a PTY process.

use anyhow::{Context as _, Result};
use lanyard_bench::floor::{Address, Leg, PTY_NUMBER, Wish, connect};
use lanyard_bench::say;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, BufReader, copy_bidirectional_with_sizes,
};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;
use tokio_rustls::client::TlsStream;

const COPY: usize = 64 * 1024;

pub async fn run(port: u16, certificate: &Path, dir: PathBuf) -> Result<()> {
    let address = Address::read(port, certificate)?;
    loop {
        let mut leg = connect(&address, None, Leg::Agent, 0).await?;
        say::line(&serde_json::json!({"event": "waiting"}))?;
        // The first bytes say which terminal.
        let mut wish = [0; 1 + PTY_NUMBER];
        if leg.read_exact(&mut wish).await.is_err() {
            return Ok(());
        }
        tokio::spawn(join(leg, wish, dir.clone()));
    }
}

async fn join(
    mut leg: TlsStream<TcpStream>,
    wish: [u8; 1 + PTY_NUMBER],
    dir: PathBuf,
) -> Result<()> {
    let [kind, number @ ..] = wish;
    let socket = dir.join(format!("{}.sock", u32::from_be_bytes(number)));
    if kind == Wish::New as u8 {
        start(&socket).await?;
    }
    let mut pty = UnixStream::connect(&socket).await?;
    copy_bidirectional_with_sizes(&mut leg, &mut pty, COPY, COPY).await?;
    Ok(())
}

/// Starts a PTY process and waits until it listens.
async fn start(socket: &Path) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("pty")
        .arg("--socket")
        .arg(socket)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let out = child.stdout.take().context("standard output")?;
    BufReader::new(out).read_line(&mut String::new()).await?;
    tokio::spawn(async move { child.wait().await });
    Ok(())
}
