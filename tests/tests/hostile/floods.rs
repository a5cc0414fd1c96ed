//! Many connections at once, from many addresses, that prove nothing.

use anyhow::{Result, ensure};
use lanyard_client::client::Client;
use lanyard_client::keys::Device;
use lanyard_relay::limits::{UNPROVEN_PER_ADDRESS, UNPROVEN_TOTAL};
use lanyard_shared::close::CloseCode;
use lanyard_shared::limits::{FRAME_MAX, UNPROVEN_BYTES, UNPROVEN_TIME};
use lanyard_tests::attack::cost::{STRANGER, STRANGERS, anonymous_memory, raise_open_files};
use lanyard_tests::attack::link::ATTACH;
use lanyard_tests::attack::target::source;
use lanyard_tests::attack::ws::{self, BINARY, Ending, FIN};
use lanyard_tests::attack::{Attackers, Beside, Hits, RawSocket, Target};
use lanyard_tests::viewer::plain;
use lanyard_tests::{PATIENCE, World};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

/// Connections of the great flood.
const FLOOD: usize = 10_000;
/// Files that the test needs for itself.
const OURS: usize = 400;
/// Connections that a relay holds which are no strangers: listeners, the operator's socket, the store, the session beside.
const OTHERS: usize = 64;
/// New connections in a hundredth of a second, once all stand.
const FRESH: usize = 20;
/// The first bytes of a TLS hello that never goes on.
const HALF_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1];

/// Opens `wanted` connections that never get further than half a hello, and goes on replacing those that are over by new ones.
async fn half_open(target: Target, wanted: usize, hits: Hits) -> Result<()> {
    let mut held = VecDeque::with_capacity(wanted);
    let mut tick = interval(Duration::from_millis(10));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in (0..).cycle() {
        if held.len() == wanted {
            // It lets go of none that the relay still holds.
            if held.front().is_some_and(is_over) {
                held.pop_front();
            } else {
                held.pop_back();
            }
            if number % FRESH == 0 {
                tick.tick().await;
            }
        }
        let address = number / UNPROVEN_PER_ADDRESS % (wanted / UNPROVEN_PER_ADDRESS + 1);
        let mut wire = target.tcp(source(u32::try_from(address)?)).await?;
        // It may have been one too many already.
        let _ = wire.write_all(HALF_HELLO).await;
        held.push_back(wire);
        hits.hit();
    }
    Ok(())
}

/// True when the relay has hung up.
fn is_over(wire: &TcpStream) -> bool {
    !matches!(wire.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn open_files(pid: rustix::process::Pid) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()))?.count())
}

#[tokio::test]
async fn ten_thousand_half_open_connections_displace_each_other_and_nobody_else() -> Result<()> {
    let wanted = FLOOD.min(raise_open_files()?.saturating_sub(OURS));
    // Where fewer open files are allowed the flood is smaller, and the relay has as few for it.
    ensure!(
        wanted > UNPROVEN_PER_ADDRESS,
        "this machine allows {wanted} connections, which floods nothing; raise `ulimit -Hn`"
    );
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let relay = world.relay.process.pid()?;
    let mut beside = Beside::start(&world).await?;
    let attackers = Attackers::start()?;
    let (quiet, empty) = (beside.echo().await?, anonymous_memory(relay)?);

    let flood = |_, hits| half_open(target.clone(), wanted, hits);
    let attack = attackers.attack(1, flood).await?;
    attack.reached(wanted as u64).await?;
    let echo = beside.keeps_its_echo(quiet).await?;
    let (files, full) = (open_files(relay)?, anonymous_memory(relay)?);
    assert!(files <= UNPROVEN_TOTAL + OTHERS, "{files} open files");
    assert!(
        full <= empty + STRANGERS,
        "{full} bytes of memory, after {empty}"
    );

    // Somebody who comes now gets in, and within the time that a stranger has.
    let began = Instant::now();
    let device = Device::generate("newcomer").map_err(plain)?;
    let link = world.agent.pairing_link(&["view"], true).await?;
    let pairing = Client::pair(&link, &device).await.map_err(plain)?;
    tokio::time::timeout(PATIENCE, pairing.wait())
        .await?
        .map_err(plain)?;
    let took = began.elapsed();
    assert!(took < UNPROVEN_TIME, "a newcomer took {took:?}");
    attack.goes_on().await?;
    eprintln!(
        "{wanted} connections, {files} files, {empty} -> {full} bytes, {echo:?}, newcomer {took:?}"
    );
    attack.stop().await
}

#[tokio::test]
async fn a_flood_of_frames_before_the_proof_ends_at_the_bytes_a_stranger_has() -> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let relay = world.relay.process.pid()?;
    let mut beside = Beside::start(&world).await?;
    let attackers = Attackers::start()?;
    let empty = anonymous_memory(relay)?;
    let echo = beside
        .through(&attackers, 4, |number, hits| {
            let target = target.clone();
            async move {
                loop {
                    let mut socket = RawSocket::open(&target, ATTACH, source(number)).await?;
                    // A frame within the limit of frames, of which a stranger can send only the beginning.
                    let head = ws::declared(FIN | BINARY, 60_000, &[]);
                    socket.send(&head).await?;
                    let flood = vec![0; 4 * UNPROVEN_BYTES];
                    let _ = socket.send(&flood).await;
                    match socket.ending().await? {
                        Ending::Told(CloseCode::UnprovenBytes) | Ending::Cut => hits.hit(),
                        other => anyhow::bail!("ended by {other:?}"),
                    }
                }
            }
        })
        .await?;
    let full = anonymous_memory(relay)?;
    assert!(full <= empty + STRANGERS / 16, "{empty} -> {full}");
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}

/// WebSockets that wait for a proof at the same time.
const WAITING: u32 = 400;

#[tokio::test]
async fn strangers_that_announce_large_frames_get_no_memory_for_them() -> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let relay = world.relay.process.pid()?;
    let mut beside = Beside::start(&world).await?;
    let attackers = Attackers::start()?;
    let empty = anonymous_memory(relay)?;
    let (full, waiting) = attackers
        .run(async move {
            let mut waiting = Vec::new();
            for number in 0..WAITING {
                let mut socket = RawSocket::open(&target, ATTACH, source(number)).await?;
                // All that a stranger may send, of a frame that is as large as frames may be.
                let mut frame = ws::declared(FIN | BINARY, FRAME_MAX as u64, &[]);
                frame.resize(UNPROVEN_BYTES, 0);
                socket.send(&frame).await?;
                waiting.push(socket);
            }
            Ok((anonymous_memory(relay)?, waiting))
        })
        .await?;
    assert!(
        full <= empty + waiting.len() * STRANGER,
        "{} strangers: {empty} -> {full}",
        waiting.len()
    );
    eprintln!("{} bytes each", (full - empty) / waiting.len());
    beside.echo().await?;
    Ok(())
}
