//! The Unix sockets of operator, owner and holder: only their own user can connect, and even that one may send anything.

use anyhow::{Context as _, Result, ensure};
use lanyard_agent::limits::OWNER_LINE;
use lanyard_holder::client::{HolderConn, list};
use lanyard_holder::limits::{CONNECTIONS, MESSAGE_BYTES};
use lanyard_holder::wire::Kind;
use lanyard_relay::limits::{OPERATOR_LINE, OPERATOR_TIME};
use lanyard_tests::attack::Beside;
use lanyard_tests::{PATIENCE, World};
use serde_json::json;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Sends this, and returns what comes back until the other end hangs up.
async fn exchange(socket: &Path, bytes: &[u8]) -> Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    // It may hang up before all of it has gone.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .context("it does not hang up")?
        .or_else(|error| {
            // What it had not read when it hung up.
            let reset = error.kind() == ErrorKind::ConnectionReset;
            reset.then_some(0).ok_or(error)
        })?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Lines that ask for nothing.
fn nonsense(line_max: u64) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let long = usize::try_from(line_max)? + 1;
    Ok(vec![
        ("no JSON", b"hello\n".to_vec()),
        ("no text", vec![0xff, 0xfe, b'\n']),
        ("no object", b"[]\n".to_vec()),
        (
            "an unknown request",
            b"{\"do\":\"stop\",\"t\":\"stop\"}\n".to_vec(),
        ),
        (
            "a field too many",
            b"{\"do\":\"agents\",\"t\":\"status\",\"x\":1}\n".to_vec(),
        ),
        ("deep", [vec![b'['; 2000], b"\n".to_vec()].concat()),
        ("a line without end", vec![b'x'; long]),
        ("a long line", [vec![b' '; long], b"\n".to_vec()].concat()),
    ])
}

#[tokio::test]
async fn nonsense_on_the_operators_and_owners_sockets_is_refused_and_they_serve_on() -> Result<()> {
    let world = World::start().await?;
    let mut beside = Beside::start(&world).await?;
    let operator = world.relay.data.join("operator.sock");
    let owner = world.agent.state.join("owner.sock");
    // Half a line, whose rest never comes.
    let mut half = UnixStream::connect(&operator).await?;
    half.write_all(b"{\"do\":").await?;
    let began = Instant::now();
    for (name, line) in nonsense(OPERATOR_LINE)? {
        let answer = exchange(&operator, &line).await.context(name)?;
        ensure!(
            answer.is_empty() || answer.contains("does not understand"),
            "{name}: {answer}"
        );
    }
    for (name, line) in nonsense(OWNER_LINE)? {
        let answer = exchange(&owner, &line).await.context(name)?;
        ensure!(answer.is_empty(), "{name}: {answer}");
    }
    beside.echo().await?;
    world.relay.enrol().await?;
    let status = world.agent.owner(json!({"t": "status"})).await?;
    assert_eq!(status["event"], "status");
    let mut rest = Vec::new();
    timeout(PATIENCE, half.read_to_end(&mut rest)).await??;
    ensure!(rest.is_empty() && began.elapsed() >= OPERATOR_TIME / 2);
    Ok(())
}

#[tokio::test]
async fn nonsense_on_a_holders_socket_ends_that_connection_and_not_the_terminal() -> Result<()> {
    let world = World::start().await?;
    let mut beside = Beside::start(&world).await?;
    let found = list(&world.agent.state.join("holders")).await?.found;
    let socket = &found.first().context("a terminal")?.socket;
    let too_long = u32::try_from(MESSAGE_BYTES)? + 1;
    for (name, bytes) in [
        ("garbage", vec![0xff; 1000]),
        ("nothing in it", vec![0, 0, 0, 0]),
        ("one byte too long", too_long.to_be_bytes().to_vec()),
        ("an unknown kind", vec![0, 0, 0, 1, 0xee]),
    ] {
        exchange(socket, &bytes).await.context(name)?;
    }
    let mut held = Vec::new();
    let refused = loop {
        match HolderConn::connect(socket, Kind::Control).await {
            Ok(connection) => held.push(connection),
            Err(error) => break error,
        }
        ensure!(
            held.len() <= CONNECTIONS,
            "more than {CONNECTIONS} are served"
        );
    };
    ensure!(
        refused.to_string().contains("too many connections"),
        "{refused}"
    );
    beside.echo().await?;
    Ok(())
}
