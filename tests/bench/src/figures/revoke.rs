//! `revoke`: from the owner's command to the closed streams of a device that has a thousand.

use crate::Bench;
use crate::report::Row;
use crate::rig::Ours;
use crate::stats::percentile;
use anyhow::{Result, ensure};
use lanyard_client::client::{Client, TerminalHandle};
use lanyard_client::{Mode, TerminalEvent};
use lanyard_shared::ids::TerminalId;
use lanyard_tests::process::run;
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{Agent, TestViewer};
use std::time::Instant;
use tokio::task::JoinSet;

/// Sessions of the device: as many as one may have.
const SESSIONS: usize = 12;
/// Terminals, each watched twice in every session: together 1008 streams.
const TERMINALS: usize = 42;
const WATCHES: usize = 2;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rounds = bench.choose(1, 5);
    let ours = Ours::start().await?;
    let mut terminals = Vec::new();
    for _ in 0..TERMINALS {
        let created = ours.viewer.client.create(GRID, "bench").await;
        terminals.push(created.map_err(plain)?.id);
    }
    let mut worst = Vec::new();
    for _ in 0..rounds {
        worst.push(percentile(&round(&ours, &terminals).await?, 0.99));
    }
    let streams = SESSIONS * TERMINALS * WATCHES;
    let note = format!("{streams} streams; the start of the command included");
    Ok(vec![Row::absolute("revoke", &worst).noting(note)])
}

/// Pairs a device, opens everything, ends it; returns how long each stream went on, in milliseconds.
async fn round(ours: &Ours, terminals: &[TerminalId]) -> Result<Vec<f64>> {
    let device = TestViewer::pair(&ours.world, &["view"]).await?;
    let mut clients = Vec::new();
    for _ in 1..SESSIONS {
        let client = Client::connect(&device.device, &device.machine).await;
        clients.push(client.map_err(plain)?);
    }
    clients.push(device.client);
    let mut handles = Vec::new();
    for client in &clients {
        for terminal in terminals {
            for _ in 0..WATCHES {
                handles.push(
                    client
                        .open(*terminal, GRID, Mode::ViewOnly)
                        .map_err(plain)?,
                );
            }
        }
    }
    let mut opening = JoinSet::new();
    for handle in handles {
        opening.spawn(opened(handle));
    }
    let mut ending = JoinSet::new();
    while let Some(handle) = opening.join_next().await {
        ending.spawn(ended(handle??));
    }
    let world = &ours.world;
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    command.args(["revoke", &device.device.id().to_string()]);
    let began = Instant::now();
    let revoking = tokio::spawn(async move { run(&mut command).await });
    let mut took = Vec::new();
    while let Some(end) = ending.join_next().await {
        took.push(end??.duration_since(began).as_secs_f64() * 1e3);
    }
    let (status, _, said) = revoking.await??;
    ensure!(status.success(), "{said}");
    Ok(took)
}

async fn opened(mut handle: TerminalHandle) -> Result<TerminalHandle> {
    while !matches!(next(&mut handle).await?, TerminalEvent::Snapshot { .. }) {}
    Ok(handle)
}

async fn ended(mut handle: TerminalHandle) -> Result<Instant> {
    while !matches!(
        next(&mut handle).await?,
        TerminalEvent::Ended(_) | TerminalEvent::Interrupted(_)
    ) {}
    Ok(Instant::now())
}

async fn next(handle: &mut TerminalHandle) -> Result<TerminalEvent> {
    use anyhow::Context as _;
    let event = tokio::time::timeout(lanyard_tests::PATIENCE, handle.next()).await;
    event.context("nothing came")?.context("the viewer is over")
}
