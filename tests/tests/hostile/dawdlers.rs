//! Peers that take their time: half a handshake, half a head, a byte now and then.

use anyhow::{Context as _, Result};
use lanyard_relay::limits::CLOSE_TIME;
use lanyard_shared::limits::UNPROVEN_TIME;
use lanyard_tests::attack::target::{Wire, source};
use lanyard_tests::attack::ws::{self, BINARY, CONTINUATION, FIN, PING};
use lanyard_tests::attack::{Attackers, Beside, Target};
use lanyard_tests::{PATIENCE, World};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

/// How far a busy machine may be behind.
const SLACK: Duration = Duration::from_secs(4);
/// From one crumb to the next.
const CRUMB_EVERY: Duration = Duration::from_millis(100);

/// What one of them does: what it begins with, and the crumb that follows again and again.
struct Dawdler {
    name: &'static str,
    tls: bool,
    begins: Vec<u8>,
    crumb: Vec<u8>,
}

/// Does it until the relay hangs up; returns how long that took.
async fn dawdle(mut wire: Box<dyn Wire>, dawdler: Dawdler) -> Result<Duration> {
    let began = Instant::now();
    wire.write_all(&dawdler.begins).await?;
    let mut crumbs = interval(CRUMB_EVERY);
    let mut buffer = [0; 4096];
    let until_gone = async {
        loop {
            tokio::select! {
                // What it says is not of interest here, only that it stops.
                read = wire.read(&mut buffer) => if matches!(read, Ok(0) | Err(_)) { return },
                _ = crumbs.tick() => if wire.write_all(&dawdler.crumb).await.is_err() { return },
            }
        }
    };
    timeout(PATIENCE, until_gone)
        .await
        .with_context(|| format!("nobody ended it: {}", dawdler.name))?;
    Ok(began.elapsed())
}

fn dawdlers(target: &Target) -> Vec<Dawdler> {
    let host = target.host();
    let half_head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let socket = ws::upgrade("/v1/attach", &host, "");
    let socket_and = |bytes: Vec<u8>| [socket.as_bytes().to_vec(), bytes].concat();
    let dawdler = |name, tls, begins: Vec<u8>, crumb: Vec<u8>| Dawdler {
        name,
        tls,
        begins,
        crumb,
    };
    // The head of a TLS record of 512 bytes, and of the hello in it.
    let half_hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    vec![
        dawdler("says nothing", false, vec![], vec![]),
        dawdler("half a hello", false, half_hello.clone(), vec![]),
        dawdler("a hello in crumbs", false, half_hello, vec![7]),
        dawdler("no request", true, vec![], vec![]),
        dawdler("half a head", true, half_head.clone().into(), vec![]),
        dawdler("a head in crumbs", true, half_head.into(), b"x".to_vec()),
        dawdler("a silent socket", true, socket_and(vec![]), vec![]),
        dawdler(
            "a frame in crumbs",
            true,
            socket_and(ws::declared(FIN | BINARY, 4000, &[])),
            vec![0],
        ),
        dawdler(
            "fragments without end",
            true,
            socket_and(ws::frame(BINARY, b"x")),
            ws::frame(CONTINUATION, b""),
        ),
        dawdler(
            "only pings",
            true,
            socket_and(vec![]),
            ws::frame(FIN | PING, b""),
        ),
    ]
}

#[tokio::test]
async fn whoever_proves_nothing_is_gone_when_its_time_is_over() -> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let mut beside = Beside::start(&world).await?;
    let attackers = Attackers::start()?;
    let quiet = beside.echo().await?;
    let mut waiting = JoinSet::new();
    for (number, dawdler) in (0..).zip(dawdlers(&target)) {
        let (name, target) = (dawdler.name, target.clone());
        let wire = attackers.run(async move {
            let from = source(number);
            if dawdler.tls {
                return Ok((target.tls(from).await?, dawdler));
            }
            let wire: Box<dyn Wire> = Box::new(target.tcp(from).await?);
            Ok((wire, dawdler))
        });
        let (wire, dawdler) = wire.await?;
        waiting.spawn(async move { (name, dawdle(wire, dawdler).await) });
    }
    beside.keeps_its_echo(quiet).await?;
    while let Some(ended) = waiting.join_next().await {
        let (name, took) = ended?;
        let took = took?;
        assert!(
            took <= UNPROVEN_TIME + CLOSE_TIME + SLACK,
            "{name}: {took:?}"
        );
        // It was given its time, and not refused for something else.
        assert!(took >= UNPROVEN_TIME / 2, "{name}: {took:?}");
    }
    Ok(())
}
