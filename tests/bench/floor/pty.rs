//! The floor's PTY process: one shell, one Unix socket, and the last output for whoever comes back.

use anyhow::Result;
use lanyard_bench::say;
use std::io::ErrorKind;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// What is kept for whoever comes back.
const KEPT: usize = 64 * 1024;

pub async fn run(socket: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket)?;
    let (pty, pts) = pty_process::open()?;
    pty.resize(pty_process::Size::new(24, 80))?;
    let mut child = pty_process::Command::new("/bin/bash").spawn(pts)?;
    say::line(&serde_json::json!({"event": "listening"}))?;
    let (mut output, mut input) = pty.into_split();
    let mut kept = Vec::with_capacity(2 * KEPT);
    let mut viewer: Option<UnixStream> = None;
    let (mut from_pty, mut from_viewer) = (vec![0; KEPT], vec![0; KEPT]);
    loop {
        tokio::select! {
            read = output.read(&mut from_pty) => {
                let Ok(count @ 1..) = read else { break };
                let bytes = &from_pty[..count];
                if let Some(stream) = &mut viewer && stream.write_all(bytes).await.is_err() {
                    viewer = None;
                }
                keep(&mut kept, bytes);
            }
            accepted = listener.accept() => {
                let (mut stream, _) = accepted?;
                if stream.write_all(&kept).await.is_ok() {
                    viewer = Some(stream);
                }
            }
            read = read_some(&mut viewer, &mut from_viewer) => match read {
                Ok(count @ 1..) => input.write_all(&from_viewer[..count]).await?,
                Ok(_) | Err(_) => viewer = None,
            }
        }
    }
    child.wait().await?;
    Ok(())
}

async fn read_some(viewer: &mut Option<UnixStream>, buffer: &mut [u8]) -> std::io::Result<usize> {
    match viewer {
        Some(stream) => loop {
            match stream.read(buffer).await {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        },
        None => std::future::pending().await,
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    if kept.len() > KEPT {
        kept.drain(..kept.len() - KEPT);
    }
}
